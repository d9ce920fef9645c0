// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreAllocation} from "./mocks/CoreAllocation.sol";
import {L1Fixture} from "./support/L1Fixture.sol";
import {Outbox} from "src/l1/Outbox.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {CoreV13Adapter} from "src/l1/adapters/CoreV13Adapter.sol";
import {IAllocationManager, OperatorSet} from "src/l1/interfaces/IAllocationManager.sol";
import {ICoreAdapter} from "src/l1/interfaces/ICoreAdapter.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";

contract ServiceManagerOperatorsTest is L1Fixture {
    // Construction.

    function test_theServiceIsItsOwnAccountAndRegistrar() public view {
        address[] memory known = allocation.getStrategiesInOperatorSet(OperatorSet(address(manager), 0));
        assertEq(known.length, 1);
        assertEq(known[0], address(strategy));
        assertEq(address(allocation.getAVSRegistrar(address(manager))), address(manager));
        assertTrue(manager.supportsAVS(address(manager)));
        assertFalse(manager.supportsAVS(address(vault)));
        assertEq(manager.strategies().length, 1);
        assertEq(manager.strategies()[0], address(strategy));
    }

    function test_theSlasherIsAnAppointee() public view {
        bytes4 selector = IAllocationManager.slashOperator.selector;
        assertTrue(permissions.canCall(address(manager), address(manager), address(allocation), selector));
        assertFalse(permissions.canCall(address(manager), address(timelock), address(allocation), selector));
    }

    function test_constructionRefusesBadSettings() public {
        ICoreAdapter adapter = new CoreV13Adapter(address(allocation), address(permissions));
        ServiceManager.Deployment memory d = deployment(adapter);
        d.timelock = address(0);
        refused(d, abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, address(0)));
        d = deployment(adapter);
        d.settlement = address(0);
        refused(d, abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, address(0)));
        d = deployment(adapter);
        d.outbox = Outbox(ann);
        refused(d, abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, ann));
        d = deployment(adapter);
        d.equivocationWad = 0;
        refused(d, abi.encodeWithSelector(ErrorsLib.InvalidSetting.selector, 0, 1e18));
        d.equivocationWad = 1e18 + 1;
        refused(d, abi.encodeWithSelector(ErrorsLib.InvalidSetting.selector, 1e18 + 1, 1e18));
        d = deployment(adapter);
        d.strategies = new address[](0);
        refused(d, abi.encodeWithSelector(ErrorsLib.StrategiesNotAscending.selector, 0));
        d.strategies = new address[](2);
        d.strategies[0] = address(strategy);
        d.strategies[1] = address(strategy);
        refused(d, abi.encodeWithSelector(ErrorsLib.StrategiesNotAscending.selector, 1));
    }

    function test_aSetMayHaveSeveralStrategies() public {
        ICoreAdapter adapter = new CoreV13Adapter(address(allocation), address(permissions));
        ServiceManager.Deployment memory d = deployment(adapter);
        d.strategies = new address[](2);
        d.strategies[0] = address(strategy);
        d.strategies[1] = address(type(uint160).max);
        ServiceManager other = new ServiceManager(d);
        assertEq(other.strategies(), d.strategies);
        assertEq(
            allocation.getStrategiesInOperatorSet(OperatorSet(address(other), 0)), d.strategies, "known to the core"
        );
    }

    // Registration.

    function test_registrationKeepsTheKeysAndTellsTheLedger() public {
        address beta = plainOperator("beta");
        allocate(beta, 0.5e18);
        ServiceManager.Registration memory r = registration(beta, "beta", 200_000);
        r.consensusSignature = abi.encodePacked(keccak256("first"), keccak256("second"));
        vm.expectEmit(address(manager));
        emit EventsLib.OperatorRegistered(beta);
        vm.expectEmit(address(manager));
        emit EventsLib.CommissionSet(beta, 200_000);
        vm.expectEmit(address(manager));
        emit EventsLib.KeysSet(beta, r.consensusKey, r.checkpointKey);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorKeys(2, beta, r.consensusKey, r.checkpointKey, r.consensusSignature);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorStake(3, beta, 0, 200_000);
        register(beta, r);

        (bytes32 consensusKey, address key, uint32 commission) = manager.operatorOf(beta);
        assertEq(consensusKey, r.consensusKey);
        assertEq(key, r.checkpointKey);
        assertEq(commission, 200_000);
        assertEq(manager.operatorOfCheckpointKey(key), beta);
        assertTrue(manager.isMember(beta));
    }

    /// @dev The digest by its definition, apart from the contract's helpers.
    function test_theProofIsTypedDataOfThisContract() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Rampart"),
                keccak256("1"),
                block.chainid,
                address(manager)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("OperatorKeys(address operator,bytes32 consensusKey,address checkpointKey)"),
                ann,
                bytes32(uint256(7)),
                bob
            )
        );
        assertEq(
            manager.operatorKeysDigest(ann, bytes32(uint256(7)), bob),
            keccak256(abi.encodePacked(hex"1901", domain, structHash))
        );
    }

    function test_refusesAKeyWithoutItsProof() public {
        address beta = plainOperator("beta");
        ServiceManager.Registration memory r = registration(beta, "beta", 0);
        address key = r.checkpointKey;
        r.checkpointSignature =
            sign(checkpointKey("other"), manager.operatorKeysDigest(beta, r.consensusKey, r.checkpointKey));
        refusedRegistration(
            beta, r, abi.encodeWithSelector(ErrorsLib.InvalidKeyProof.selector, key, vm.addr(checkpointKey("other")))
        );
        r.checkpointSignature = new bytes(64);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.InvalidKeyProof.selector, key, address(0)));
        r.checkpointKey = address(0);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.InvalidKeyProof.selector, address(0), address(0)));
    }

    function test_refusesAProofMadeForAnotherOperatorOrConsensusKey() public {
        address beta = plainOperator("beta");
        ServiceManager.Registration memory r = registration(ann, "beta", 0);
        register(beta, r, ErrorsLib.InvalidKeyProof.selector);
        r = registration(beta, "beta", 0);
        r.consensusKey = keccak256("another");
        register(beta, r, ErrorsLib.InvalidKeyProof.selector);
    }

    function test_refusesTheCheckpointKeyOfAnother() public {
        address beta = plainOperator("beta");
        ServiceManager.Registration memory r = registration(beta, "alpha", 0);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.KeyTaken.selector, r.checkpointKey, alpha));
        deregister(alpha);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.KeyTaken.selector, r.checkpointKey, alpha));
    }

    function test_nobodyBlocksAConsensusKeyByRegisteringIt() public {
        address thief = plainOperator("thief");
        ServiceManager.Registration memory r = registration(thief, "thief", 0);
        r.consensusKey = keccak256(abi.encode("consensus", "beta"));
        r.checkpointSignature =
            sign(checkpointKey("thief"), manager.operatorKeysDigest(thief, r.consensusKey, r.checkpointKey));
        register(thief, r);
        address beta = plainOperator("beta");
        register(beta, registration(beta, "beta", 0));
        (bytes32 consensusKey,,) = manager.operatorOf(beta);
        assertEq(consensusKey, r.consensusKey);
    }

    function test_refusesTheZeroConsensusKey() public {
        address beta = plainOperator("beta");
        ServiceManager.Registration memory r = registration(beta, "beta", 0);
        r.consensusKey = bytes32(0);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.ZeroConsensusKey.selector));
    }

    function test_refusesASignatureThatIsNoEd25519Signature() public {
        address beta = plainOperator("beta");
        ServiceManager.Registration memory r = registration(beta, "beta", 0);
        r.consensusSignature = new bytes(65);
        refusedRegistration(beta, r, abi.encodeWithSelector(ErrorsLib.InvalidSignatureLength.selector, 65));
    }

    function test_refusesTooHighACommission() public {
        address beta = plainOperator("beta");
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.CommissionTooHigh.selector, 200_001, 200_000);
        refusedRegistration(beta, registration(beta, "beta", 200_001), reason);
        vm.prank(alpha);
        vm.expectRevert(reason);
        manager.setCommission(200_001);
    }

    function test_onlyTheCoreRegistersAndDeregisters() public {
        bytes memory reason =
            abi.encodeWithSelector(ErrorsLib.Unauthorized.selector, address(this), address(allocation));
        vm.expectRevert(reason);
        manager.registerOperator(ann, address(manager), new uint32[](1), "");
        vm.expectRevert(reason);
        manager.deregisterOperator(alpha, address(manager), new uint32[](1));
    }

    function test_refusesOtherSetsAndServices() public {
        vm.startPrank(address(allocation));
        uint32[] memory ids = new uint32[](1);
        vm.expectRevert(ErrorsLib.UnknownOperatorSet.selector);
        manager.registerOperator(ann, address(vault), ids, "");
        vm.expectRevert(ErrorsLib.UnknownOperatorSet.selector);
        manager.registerOperator(ann, address(manager), new uint32[](2), "");
        ids[0] = 1;
        vm.expectRevert(ErrorsLib.UnknownOperatorSet.selector);
        manager.deregisterOperator(ann, address(manager), ids);
        vm.stopPrank();
    }

    function test_whoLeftMayComeBackWithOldOrNewKeys() public {
        deregister(alpha);
        vm.roll(block.number + DEALLOCATION_DELAY + 1);
        register(alpha, registration(alpha, "alpha", 1));
        deregister(alpha);
        vm.roll(block.number + DEALLOCATION_DELAY + 1);
        register(alpha, registration(alpha, "alpha, rotated", 2));
        assertEq(manager.operatorOfCheckpointKey(vm.addr(checkpointKey("alpha"))), alpha, "answers for the old key");
        assertEq(manager.operatorOfCheckpointKey(vm.addr(checkpointKey("alpha, rotated"))), alpha);
    }

    // Rotation of keys.

    function test_anOperatorRotatesItsKeysAndTheLedgerIsTold() public {
        ServiceManager.Keys memory k = keys(alpha, "alpha, rotated");
        k.consensusSignature = abi.encodePacked(keccak256("first"), keccak256("second"));
        (,, uint32 commission) = manager.operatorOf(alpha);
        vm.expectEmit(address(manager));
        emit EventsLib.KeysSet(alpha, k.consensusKey, k.checkpointKey);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorKeys(2, alpha, k.consensusKey, k.checkpointKey, k.consensusSignature);
        vm.prank(alpha);
        manager.setKeys(k);

        (bytes32 consensusKey, address key, uint32 now_) = manager.operatorOf(alpha);
        assertEq(consensusKey, k.consensusKey);
        assertEq(key, k.checkpointKey);
        assertEq(now_, commission, "as before");
        assertEq(outbox.next(), 3, "keys say nothing of the stake");
        assertEq(manager.operatorOfCheckpointKey(key), alpha);
        assertEq(manager.operatorOfCheckpointKey(vm.addr(checkpointKey("alpha"))), alpha, "answers for the old key");
    }

    function test_anOperatorMayKeepOneOfItsKeys() public {
        ServiceManager.Keys memory k = keys(alpha, "alpha");
        k.consensusKey = keccak256("fresh");
        k.checkpointSignature =
            sign(checkpointKey("alpha"), manager.operatorKeysDigest(alpha, k.consensusKey, k.checkpointKey));
        vm.prank(alpha);
        manager.setKeys(k);
        (bytes32 consensusKey, address key,) = manager.operatorOf(alpha);
        assertEq(consensusKey, k.consensusKey);
        assertEq(key, vm.addr(checkpointKey("alpha")));
    }

    function test_anOldKeyStaysItsOperatorsForEver() public {
        vm.startPrank(alpha);
        manager.setKeys(keys(alpha, "second"));
        manager.setKeys(keys(alpha, "third"));
        vm.stopPrank();
        address beta = addOperator("beta", 0);
        for (uint256 i = 0; i < 3; ++i) {
            string memory name = ["alpha", "second", "third"][i];
            ServiceManager.Keys memory k = keys(beta, name);
            vm.prank(beta);
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.KeyTaken.selector, k.checkpointKey, alpha));
            manager.setKeys(k);
        }
        vm.startPrank(alpha);
        manager.setKeys(keys(alpha, "alpha"));
        vm.stopPrank();
        (, address key,) = manager.operatorOf(alpha);
        assertEq(key, vm.addr(checkpointKey("alpha")), "it may return to one");
    }

    function test_refusesARotationWithoutItsProofs() public {
        ServiceManager.Keys memory k = keys(alpha, "new");
        k.checkpointSignature =
            sign(checkpointKey("other"), manager.operatorKeysDigest(alpha, k.consensusKey, k.checkpointKey));
        refusedRotation(
            k,
            abi.encodeWithSelector(ErrorsLib.InvalidKeyProof.selector, k.checkpointKey, vm.addr(checkpointKey("other")))
        );
        k = keys(alpha, "new");
        k.consensusKey = bytes32(0);
        refusedRotation(k, abi.encodeWithSelector(ErrorsLib.ZeroConsensusKey.selector));
        k = keys(alpha, "new");
        k.consensusSignature = new bytes(63);
        refusedRotation(k, abi.encodeWithSelector(ErrorsLib.InvalidSignatureLength.selector, 63));
        k = keys(alpha, "new");
        k.checkpointKey = address(0);
        k.checkpointSignature = new bytes(65);
        refusedRotation(k, abi.encodeWithSelector(ErrorsLib.InvalidKeyProof.selector, address(0), address(0)));
    }

    /// @dev What another operator proved is of no use to this one.
    function test_refusesAProofOfRotationMadeForAnother() public {
        address beta = addOperator("beta", 0);
        ServiceManager.Keys memory k = keys(alpha, "new");
        vm.prank(beta);
        vm.expectPartialRevert(ErrorsLib.InvalidKeyProof.selector);
        manager.setKeys(k);
    }

    function test_onlyAMemberRotatesItsKeys() public {
        ServiceManager.Keys memory k = keys(alpha, "new");
        deregister(alpha);
        refusedRotation(k, abi.encodeWithSelector(ErrorsLib.NotAnOperator.selector, alpha));
        k = keys(ann, "new");
        vm.prank(ann);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAnOperator.selector, ann));
        manager.setKeys(k);
    }

    // Commission.

    function test_anOperatorSetsItsCommission() public {
        restake(ann, alpha, 10 ether);
        manager.sync(alpha);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorStake(4, alpha, 10 ether, 5);
        vm.prank(alpha);
        manager.setCommission(5);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAnOperator.selector, ann));
        vm.prank(ann);
        manager.setCommission(5);
    }

    // Stake.

    function test_stakeIsTheSlashablePartOfWhatIsDelegated() public {
        address beta = addOperator("beta", 0.25e18);
        restake(ann, alpha, 10 ether);
        restake(ann, beta, 20 ether);
        assertEq(manager.stakeOf(alpha), 10 ether);
        assertEq(manager.stakeOf(beta), 5 ether);
        assertEq(manager.stakeOf(ann), 0);
        assertEq(manager.lastStakeOf(alpha), 0, "not synchronised yet");
    }

    function test_anAllocationCountsWhenItIsInEffect() public {
        address beta = makeAddr("beta");
        vm.prank(beta);
        delegation.registerAsOperator(address(0), 5, "");
        allocate(beta, 1e18);
        register(beta, registration(beta, "beta", 0));
        restake(ann, beta, 10 ether);
        assertEq(manager.stakeOf(beta), 0);
        vm.roll(block.number + 5);
        assertEq(manager.stakeOf(beta), 10 ether);
    }

    function test_syncKeepsTheStakeAtItsBlockAndTellsTheLedger() public {
        restake(ann, alpha, 10 ether);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorStake(3, alpha, 10 ether, 100_000);
        manager.sync(alpha);
        uint256 first = block.number;
        vm.roll(first + 5);
        restake(ann, alpha, 1 ether);
        manager.sync(alpha);
        vm.roll(first + 9);

        assertEq(manager.stakeAt(alpha, first - 1), 0);
        assertEq(manager.stakeAt(alpha, first), 10 ether);
        assertEq(manager.stakeAt(alpha, first + 4), 10 ether);
        assertEq(manager.stakeAt(alpha, first + 5), 11 ether);
        assertEq(manager.lastStakeOf(alpha), 11 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.FutureLookup.selector, first + 9, first + 9));
        manager.stakeAt(alpha, first + 9);
    }

    function test_syncTellsNothingTwice() public {
        restake(ann, alpha, 10 ether);
        manager.sync(alpha);
        uint64 entries = outbox.next();
        manager.sync(alpha);
        manager.sync(makeAddr("stranger"));
        assertEq(outbox.next(), entries);
    }

    function test_whoLeavesHasNoStake() public {
        restake(ann, alpha, 10 ether);
        manager.sync(alpha);
        vm.expectEmit(address(manager));
        emit EventsLib.OperatorDeregistered(alpha);
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorStake(4, alpha, 0, 100_000);
        deregister(alpha);
        assertFalse(manager.isMember(alpha));
        assertEq(manager.stakeOf(alpha), 0);
    }

    function test_deallocatedStakeCountsUntilItIsFree() public {
        restake(ann, alpha, 10 ether);
        allocate(alpha, 0.5e18);
        assertEq(manager.stakeOf(alpha), 10 ether);
        vm.roll(block.number + DEALLOCATION_DELAY + 1);
        assertEq(manager.stakeOf(alpha), 5 ether);
    }

    // Governance.

    function test_governanceEjectsAnOperator() public {
        vm.prank(address(timelock));
        manager.eject(alpha);
        assertFalse(manager.isMember(alpha));
    }

    function test_governanceHandsTheAccountOverAndTheSlasherStays() public {
        restake(ann, alpha, 10 ether);
        address successor = makeAddr("successor");
        vm.prank(address(timelock));
        manager.handOver(successor);
        vm.prank(successor);
        permissions.acceptAdmin(address(manager));
        assertFalse(permissions.isAdmin(address(manager), address(manager)));

        slash(alpha, 0.5e18);
        assertEq(manager.stakeOf(alpha), 5 ether);
        vm.prank(address(timelock));
        vm.expectRevert(CoreAllocation.InvalidCaller.selector);
        manager.eject(alpha);
    }

    function test_governanceChangesTheMetadata() public {
        vm.expectCall(
            address(allocation), abi.encodeCall(IAllocationManager.updateAVSMetadataURI, (address(manager), "ipfs://x"))
        );
        vm.prank(address(timelock));
        manager.setMetadataURI("ipfs://x");
    }

    function test_onlyGovernanceGoverns() public {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.Unauthorized.selector, address(this), address(timelock));
        vm.expectRevert(reason);
        manager.eject(alpha);
        vm.expectRevert(reason);
        manager.handOver(ann);
        vm.expectRevert(reason);
        manager.setMetadataURI("");
        vm.expectRevert(reason);
        manager.slash(alpha, 1, "");
    }

    function plainOperator(string memory name) private returns (address operator) {
        operator = makeAddr(name);
        vm.prank(operator);
        delegation.registerAsOperator(address(0), 0, "");
    }

    function refused(ServiceManager.Deployment memory d, bytes memory reason) private {
        vm.expectRevert(reason);
        new ServiceManager(d);
    }

    function refusedRegistration(address operator, ServiceManager.Registration memory r, bytes memory reason) private {
        CoreAllocation.RegisterParams memory params = registerParams(r);
        vm.prank(operator);
        vm.expectRevert(reason);
        allocation.registerForOperatorSets(operator, params);
    }

    function refusedRotation(ServiceManager.Keys memory k, bytes memory reason) private {
        vm.prank(alpha);
        vm.expectRevert(reason);
        manager.setKeys(k);
    }

    function register(address operator, ServiceManager.Registration memory r, bytes4 reason) private {
        CoreAllocation.RegisterParams memory params = registerParams(r);
        vm.prank(operator);
        vm.expectPartialRevert(reason);
        allocation.registerForOperatorSets(operator, params);
    }
}
