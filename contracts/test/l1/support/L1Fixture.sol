// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreAllocation, CoreAllocationV13, CoreAllocationV19} from "../mocks/CoreAllocation.sol";
import {CoreDelegation} from "../mocks/CoreDelegation.sol";
import {CorePermissions} from "../mocks/CorePermissions.sol";
import {CoreStrategy} from "../mocks/CoreStrategy.sol";
import {CoreStrategyManager} from "../mocks/CoreStrategyManager.sol";
import {WrappedEther} from "../mocks/WrappedEther.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Test} from "forge-std/Test.sol";
import {Allocation, GovernanceToken} from "src/l1/GovernanceToken.sol";
import {Outbox} from "src/l1/Outbox.sol";
import {RampartGovernor} from "src/l1/RampartGovernor.sol";
import {RestakingVault} from "src/l1/RestakingVault.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {CoreV13Adapter} from "src/l1/adapters/CoreV13Adapter.sol";
import {CoreV19Adapter} from "src/l1/adapters/CoreV19Adapter.sol";
import {IAllocationManager, OperatorSet} from "src/l1/interfaces/IAllocationManager.sol";
import {ICoreAdapter} from "src/l1/interfaces/ICoreAdapter.sol";
import {IDelegationManager} from "src/l1/interfaces/IDelegationManager.sol";
import {IPermissionController} from "src/l1/interfaces/IPermissionController.sol";
import {IStrategyManager} from "src/l1/interfaces/IStrategyManager.sol";

/// @notice The whole layer 1: a core of mocks, our contracts deployed as in production (three addresses known ahead by the
/// deployer's nonce), and one operator, `alpha`, with all of its magnitude allocated to us.
abstract contract L1Fixture is Test {
    uint256 internal constant SETTLEMENT_CHAIN = 59_144;
    uint32 internal constant WITHDRAWAL_DELAY = 10;
    uint32 internal constant DEALLOCATION_DELAY = 10;
    uint32 internal constant AGE_BOOST = 1_000_000;
    uint32 internal constant AGE_HALF = 180 days;
    uint48 internal constant VOTING_DELAY = 1 days;
    uint32 internal constant VOTING_PERIOD = 5 days;
    uint256 internal constant TIMELOCK_DELAY = 2 days;
    uint256 internal constant THRESHOLD = 1 ether;
    uint128 internal constant BOUNTY = 0.5 ether;
    uint64 internal constant EQUIVOCATION_WAD = 0.5e18;
    uint128 internal constant ALLOCATED = 150 ether;

    WrappedEther internal asset;
    CorePermissions internal permissions;
    CoreDelegation internal delegation;
    CoreStrategyManager internal strategyManager;
    CoreAllocation internal allocation;
    CoreStrategy internal strategy;

    TimelockController internal timelock;
    Outbox internal outbox;
    GovernanceToken internal token;
    ServiceManager internal manager;
    RestakingVault internal vault;
    RampartGovernor internal governor;

    address internal settlement = makeAddr("settlement");
    address internal alpha;
    address internal ann = makeAddr("ann");
    address internal bob = makeAddr("bob");

    function setUp() public virtual {
        deployAll(false);
    }

    function deployAll(bool v19) internal {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        deployCore(v19);
        deployOurs(v19);
        alpha = addOperator("alpha", 1e18);
        fund(ann, 1000 ether);
        fund(bob, 1000 ether);
    }

    function deployCore(bool v19) internal virtual {
        asset = new WrappedEther();
        permissions = new CorePermissions();
        delegation = new CoreDelegation(WITHDRAWAL_DELAY);
        strategyManager = new CoreStrategyManager();
        allocation = v19
            ? CoreAllocation(address(new CoreAllocationV19(delegation, permissions, DEALLOCATION_DELAY)))
            : CoreAllocation(address(new CoreAllocationV13(delegation, permissions, DEALLOCATION_DELAY)));
        delegation.wire(allocation, strategyManager);
        strategyManager.wire(delegation);
        strategy = new CoreStrategy(address(asset), address(strategyManager));
    }

    function deployOurs(bool v19) internal {
        ICoreAdapter adapter = v19
            ? ICoreAdapter(new CoreV19Adapter(address(allocation)))
            : ICoreAdapter(new CoreV13Adapter(address(allocation), address(permissions)));
        timelock = new TimelockController(TIMELOCK_DELAY, new address[](0), new address[](1), address(this));
        uint256 nonce = vm.getNonce(address(this));
        address managerAt = vm.computeCreateAddress(address(this), nonce + 2);
        address vaultAt = vm.computeCreateAddress(address(this), nonce + 3);

        outbox = new Outbox(managerAt, vaultAt, address(timelock));
        token = new GovernanceToken(vaultAt, AGE_BOOST, AGE_HALF, allocations());
        manager = new ServiceManager(deployment(adapter));
        vault = new RestakingVault(
            token,
            outbox,
            manager,
            IDelegationManager(address(delegation)),
            IStrategyManager(address(strategyManager)),
            address(strategy),
            true
        );
        assertEq(address(manager), managerAt);
        assertEq(address(vault), vaultAt);

        governor = new RampartGovernor(token, timelock, VOTING_DELAY, VOTING_PERIOD, THRESHOLD, 10);
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(governor));
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), address(this));
    }

    function deployment(ICoreAdapter adapter) internal view returns (ServiceManager.Deployment memory) {
        address[] memory strategies = new address[](1);
        strategies[0] = address(strategy);
        return ServiceManager.Deployment({
            allocationManager: IAllocationManager(address(allocation)),
            permissionController: IPermissionController(address(permissions)),
            adapter: adapter,
            strategies: strategies,
            outbox: outbox,
            timelock: address(timelock),
            settlementChainId: SETTLEMENT_CHAIN,
            settlement: settlement,
            equivocationWad: EQUIVOCATION_WAD,
            bounty: BOUNTY,
            metadataURI: "https://example.org/rampart.json"
        });
    }

    /// @notice 100 to a developer over two years, 50 to a funder over one.
    function allocations() internal returns (Allocation[] memory list) {
        list = new Allocation[](2);
        list[0] = Allocation(makeAddr("developer"), 100 ether, uint64(block.timestamp), 730 days);
        list[1] = Allocation(makeAddr("funder"), 50 ether, uint64(block.timestamp), 365 days);
    }

    /// @notice An operator of EigenLayer in our set, with the magnitude allocated to it in effect.
    function addOperator(string memory name, uint64 magnitude) internal returns (address operator) {
        operator = makeAddr(name);
        vm.prank(operator);
        delegation.registerAsOperator(address(0), 0, "");
        if (magnitude != 0) allocate(operator, magnitude);
        register(operator, registration(operator, name, 100_000));
    }

    function allocate(address operator, uint64 magnitude) internal virtual {
        vm.prank(operator);
        allocation.allocate(operator, OperatorSet(address(manager), 0), address(strategy), magnitude);
    }

    function register(address operator, ServiceManager.Registration memory r) internal {
        CoreAllocation.RegisterParams memory params = registerParams(r);
        vm.prank(operator);
        allocation.registerForOperatorSets(operator, params);
    }

    function registerParams(ServiceManager.Registration memory r)
        internal
        view
        returns (CoreAllocation.RegisterParams memory)
    {
        return CoreAllocation.RegisterParams(address(manager), new uint32[](1), abi.encode(r));
    }

    function registration(address operator, string memory name, uint32 commission)
        internal
        view
        returns (ServiceManager.Registration memory r)
    {
        uint256 key = checkpointKey(name);
        r.consensusKey = keccak256(abi.encode("consensus", name));
        r.consensusSignature = new bytes(64);
        r.checkpointKey = vm.addr(key);
        r.checkpointSignature = sign(key, manager.operatorKeysDigest(operator, r.consensusKey, r.checkpointKey));
        r.commission = commission;
    }

    /// @notice New keys of an operator, named after `name`, with the checkpoint key's proof.
    function keys(address operator, string memory name) internal view returns (ServiceManager.Keys memory) {
        ServiceManager.Registration memory r = registration(operator, name, 0);
        return ServiceManager.Keys(r.consensusKey, r.consensusSignature, r.checkpointKey, r.checkpointSignature);
    }

    function checkpointKey(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("checkpoint", name)));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function deregister(address operator) internal {
        vm.prank(operator);
        allocation.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams(operator, address(manager), new uint32[](1))
        );
    }

    function fund(address investor, uint256 amount) internal {
        vm.deal(address(this), amount);
        asset.deposit{value: amount}();
        assertTrue(asset.transfer(investor, amount));
        vm.prank(investor);
        asset.approve(address(vault), type(uint256).max);
    }

    function restake(address investor, address operator, uint256 amount) internal returns (uint128) {
        vm.prank(investor);
        return vault.restake(operator, amount);
    }

    function requestWithdrawal(address investor, address operator, uint128 amount) internal returns (uint256) {
        vm.prank(investor);
        return vault.requestWithdrawal(operator, amount);
    }

    function slash(address operator, uint256 wad) internal {
        vm.prank(address(timelock));
        manager.slash(operator, wad, "test");
    }

    function passWithdrawalDelay() internal {
        vm.roll(block.number + WITHDRAWAL_DELAY + 1);
    }

    function move(address from, address to, uint256 amount) internal {
        vm.prank(from);
        assertTrue(token.transfer(to, amount));
    }
}
