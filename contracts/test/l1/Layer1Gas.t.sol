// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreAllocation} from "./mocks/CoreAllocation.sol";
import {L1Fixture} from "./support/L1Fixture.sol";
import {Test} from "forge-std/Test.sol";
import {Allocation, GovernanceToken} from "src/l1/GovernanceToken.sol";
import {Outbox, Parameter} from "src/l1/Outbox.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The gas of whole transactions on the layer 1, calldata and base cost included, with the tests' model of EigenLayer's
/// core in the place of the core: its cost is in the figures, and the real core's differs. The figures land in
/// snapshots/Layer1.json, which is committed. The bounds are regression guards, some way above what was measured, not goals.
/// forge-config: default.isolate = true
contract Layer1GasTest is L1Fixture {
    function test_restake() public {
        restake(ann, alpha, 10 ether);
        record("restake, first at the operator", 900_000);
        restake(bob, alpha, 10 ether);
        record("restake, first of the investor", 400_000);
        restake(bob, alpha, 10 ether);
        record("restake, later", 250_000);
    }

    function test_withdraw() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 10 ether);
        requestWithdrawal(ann, alpha, 2 ether);
        uint256 id = requestWithdrawal(ann, alpha, 2 ether);
        record("request a withdrawal", 550_000);
        passWithdrawalDelay();
        vault.completeWithdrawal(id);
        record("complete a withdrawal", 150_000);
    }

    function test_poke() public {
        restake(ann, alpha, 10 ether);
        vault.poke(alpha, ann);
        record("poke that changes nothing", 100_000);
        slash(alpha, 0.1e18);
        vault.poke(alpha, ann);
        record("poke after a slashing", 200_000);
    }

    function test_registerAndSync() public {
        address beta = makeAddr("beta");
        vm.prank(beta);
        delegation.registerAsOperator(address(0), 0, "");
        allocate(beta, 1e18);
        ServiceManager.Registration memory r = registration(beta, "beta", 100_000);
        CoreAllocation.RegisterParams memory params = registerParams(r);
        vm.prank(beta);
        allocation.registerForOperatorSets(beta, params);
        record("register an operator", 400_000);
        manager.sync(beta);
        record("sync that changes nothing", 100_000);
        restake(ann, beta, 10 ether);
        manager.sync(beta);
        record("sync of a changed stake", 150_000);
        ServiceManager.Keys memory k = keys(beta, "beta, rotated");
        vm.prank(beta);
        manager.setKeys(k);
        record("rotate both keys", 150_000);
    }

    function test_slashEquivocation() public {
        restake(ann, alpha, 100 ether);
        manager.sync(alpha);
        vm.deal(address(manager), 1 ether);
        Checkpoint memory a = Checkpoint(2, 7, keccak256("s"), keccak256("w"), keccak256("e"), 3, keccak256("n"));
        Checkpoint memory b = Checkpoint(2, 7, keccak256("t"), keccak256("w"), keccak256("e"), 3, keccak256("n"));
        bytes memory first = sign(checkpointKey("alpha"), manager.checkpointDigest(a));
        bytes memory second = sign(checkpointKey("alpha"), manager.checkpointDigest(b));
        manager.slashEquivocation(a, first, b, second, payable(makeAddr("reporter")));
        record("slash an equivocation, with the bounty", 300_000);
    }

    function test_changeAParameter() public {
        restake(ann, alpha, 400 ether);
        vm.prank(ann);
        token.delegate(ann);
        record("delegate", 150_000);
        skip(1 days);
        Parameter[] memory changes = new Parameter[](1);
        changes[0] = Parameter("protocol_cut", 40_000);
        (address[] memory to, uint256[] memory value, bytes[] memory data) =
            (new address[](1), new uint256[](1), new bytes[](1));
        (to[0], data[0]) = (address(outbox), abi.encodeCall(Outbox.setParameters, (changes)));
        vm.prank(ann);
        uint256 id = governor.propose(to, value, data, "lower the cut");
        record("propose a parameter change", 200_000);
        vm.warp(governor.proposalSnapshot(id) + 1);
        vm.prank(ann);
        governor.castVote(id, 1);
        record("vote", 150_000);
        vm.warp(governor.proposalDeadline(id) + 1);
        governor.queue(to, value, data, keccak256("lower the cut"));
        record("queue a parameter change", 200_000);
        skip(TIMELOCK_DELAY);
        governor.execute(to, value, data, keccak256("lower the cut"));
        record("execute a parameter change", 200_000);
    }

    function record(string memory name, uint256 goal) private {
        assertLe(vm.snapshotGasLastCall("Layer1", name), goal, name);
    }
}

/// @notice The gas of looking up votes among more and more checkpoints, as a governor calls it, without a transaction's base cost:
/// a tenfold history adds the same few steps of a binary search each time, three times (balances, births, supply). The time
/// looked up is in the first quarter of the history: OpenZeppelin's search is fast for what is recent, this is the other case.
/// forge-config: default.isolate = true
contract VotesGasTest is Test {
    function test_pastVotesAreFoundInLogarithmicTime() public {
        uint256 one = lookUp(1);
        uint256 ten = lookUp(10);
        uint256 hundred = lookUp(100);
        uint256 thousand = lookUp(1000);
        assertLt(ten - one, 60_000);
        assertLt(hundred - ten, 60_000);
        assertLt(thousand - hundred, 60_000);
        // A linear search would read some hundred times as many slots.
        assertLt(thousand, 6 * one);
    }

    function lookUp(uint256 count) private returns (uint256 gas) {
        vm.warp(1_800_000_000);
        GovernanceToken token = new GovernanceToken(address(this), 1_000_000, 180 days, new Allocation[](0));
        token.delegate(address(this));
        for (uint256 i = 0; i < count; ++i) {
            token.mint(address(this), 1 ether);
            skip(60);
        }
        assertEq(token.numCheckpoints(address(this)), count);
        uint256 past = 1_800_000_000 + 60 * (count / 4) + 30;
        assertGt(token.getPastVotes(address(this), past), 0);
        gas = vm.snapshotGasLastCall("Layer1", string.concat("past votes, checkpoints: ", vm.toString(count)));
    }
}
