// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

/// @notice What a checkpoint may say, and which set may sign it. Signatures themselves are in SettlementQuorum.t.sol.
contract SettlementCheckpointTest is SettlementFixture {
    using Operators for Operators.Set;

    function test_storesAndAnnouncesTheCheckpoint() public {
        depositAs(consumer, consumer, 5);
        depositAs(consumer, consumer, 6);
        Checkpoint memory checkpoint = Checkpoint({
            epoch: 3,
            height: 17,
            stateRoot: keccak256("state"),
            withdrawalsRoot: keccak256("withdrawals"),
            exitRoot: keccak256("exit"),
            inboxCount: 1,
            nextOperatorSet: keccak256("next")
        });
        vm.expectEmit(address(settlement));
        emit EventsLib.CheckpointAccepted(
            17, 3, checkpoint.stateRoot, checkpoint.withdrawalsRoot, checkpoint.exitRoot, 1, keccak256("next")
        );
        skip(12);
        submit(checkpoint);

        assertLatest(checkpoint, block.timestamp);
        assertEq(settlement.inboxCount(), 2, "deposits are counted apart from what was consumed");
    }

    function test_anyoneMaySubmit() public {
        vm.startPrank(makeAddr("anyone"));
        submit(nextCheckpoint());
        assertEq(settlement.latestCheckpoint().height, 1);
    }

    function test_mayLeaveHeightsOut() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.height = 1000;
        submit(checkpoint);
        assertEq(settlement.latestCheckpoint().height, 1000);
    }

    function test_refusesHeightZero() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.height = 0;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.HeightNotIncreasing.selector, 0, 0));
    }

    function test_refusesTheSameHeightTwice() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        submit(checkpoint);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.HeightNotIncreasing.selector, 1, 1);
        refused(checkpoint, reason);
        checkpoint.stateRoot = keccak256("conflict");
        refused(checkpoint, reason);
    }

    function testFuzz_refusesHeightThatDoesNotIncrease(uint64 before, uint64 given) public {
        before = uint64(bound(before, 1, type(uint64).max));
        given = uint64(bound(given, 0, before));
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.height = before;
        submit(checkpoint);
        checkpoint.height = given;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.HeightNotIncreasing.selector, before, given));
    }

    function testFuzz_refusesEpochThatDecreases(uint64 before, uint64 given) public {
        before = uint64(bound(before, 1, type(uint40).max));
        given = uint64(bound(given, 0, before - 1));
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.epoch = before;
        submit(checkpoint);
        checkpoint = nextCheckpoint();
        checkpoint.epoch = given;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.EpochDecreased.selector, before, given));
    }

    /// @dev The settlement keeps 40 bits of it, 34,000 years of one epoch a second.
    function test_refusesEpochBeyond40Bits() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.epoch = type(uint40).max;
        submit(checkpoint);
        assertLatest(checkpoint, block.timestamp);
        checkpoint = nextCheckpoint();
        checkpoint.epoch += 1;
        refused(
            checkpoint, abi.encodeWithSelector(ErrorsLib.EpochTooLarge.selector, checkpoint.epoch, type(uint40).max)
        );
    }

    function testFuzz_keepsWhatItAccepts(Checkpoint memory checkpoint, uint8 entries, uint40 time) public {
        checkpoint.height = uint64(bound(checkpoint.height, 1, type(uint64).max));
        checkpoint.epoch = uint64(bound(checkpoint.epoch, 0, type(uint40).max));
        checkpoint.inboxCount = uint64(bound(checkpoint.inboxCount, 0, entries));
        if (checkpoint.nextOperatorSet == 0) checkpoint.nextOperatorSet = keccak256("next");
        for (uint256 i = 0; i < entries; ++i) {
            forceAs(consumer, "");
        }
        vm.warp(time);
        submit(checkpoint);
        assertLatest(checkpoint, time);
        assertEq(settlement.inboxCount(), entries);
        assertFalse(settlement.isFrozen());
    }

    function test_refusesInboxCountThatDecreases() public {
        depositAs(consumer, consumer, 5);
        submit(nextCheckpoint());
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.inboxCount = 0;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.InboxCountDecreased.selector, 1, 0));
    }

    function testFuzz_refusesInboxCountBeyondTheInbox(uint64 given) public {
        depositAs(consumer, consumer, 5);
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.inboxCount = uint64(bound(given, 2, type(uint64).max));
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.InboxCountAhead.selector, 1, checkpoint.inboxCount);
        refused(checkpoint, reason);
    }

    function test_depositsBetweenCheckpointsKeepTheirNumbers() public {
        depositAs(consumer, consumer, 5);
        submit(nextCheckpoint());
        depositAs(consumer, consumer, 5);
        assertEq(settlement.inboxCount(), 2);
        assertEq(settlement.latestCheckpoint().inboxCount, 1);
        submit(nextCheckpoint());
        assertEq(settlement.latestCheckpoint().inboxCount, 2);
    }

    function test_refusesZeroNextOperatorSet() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.nextOperatorSet = bytes32(0);
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.ZeroNextOperatorSet.selector));
    }

    function test_refusesAnotherSetThanTheCurrentOne() public {
        bytes32 current = operators.hash();
        Checkpoint memory checkpoint = nextCheckpoint();
        operators = Operators.create(4, "strangers");
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, current, operators.hash()));
    }

    function test_refusesSeatsInAnotherOrder() public {
        bytes32 current = operators.hash();
        Checkpoint memory checkpoint = nextCheckpoint();
        (operators.signers[0], operators.signers[1]) = (operators.signers[1], operators.signers[0]);
        (operators.keys[0], operators.keys[1]) = (operators.keys[1], operators.keys[0]);
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, current, operators.hash()));
    }

    function test_refusesWeightsOfOnesOwnMaking() public {
        bytes32 current = operators.hash();
        Checkpoint memory checkpoint = nextCheckpoint();
        operators.weights[0] = type(uint64).max;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, current, operators.hash()));
    }

    function test_refusesNoSeatsAtAll() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes32 current = operators.hash();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, current, keccak256("")));
        settlement.submitCheckpoint(checkpoint, new bytes32[](0), 0, "");
    }

    function test_handsOverToTheNextSet() public {
        Operators.Set memory next = Operators.create(7, "next");
        Checkpoint memory handover = nextCheckpoint();
        handover.epoch = 1;
        handover.nextOperatorSet = next.hash();
        submit(handover);

        bytes32 old = operators.hash();
        Checkpoint memory checkpoint = nextCheckpoint();
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, next.hash(), old));

        operators = next;
        submit(checkpoint);
        assertEq(settlement.latestCheckpoint().height, 2);
        assertEq(settlement.operatorSetHash(), next.hash());
    }

    function test_theIncomingSetCannotSignItsOwnHandover() public {
        bytes32 current = operators.hash();
        operators = Operators.create(7, "next");
        Checkpoint memory handover = nextCheckpoint();
        handover.nextOperatorSet = operators.hash();
        refused(handover, abi.encodeWithSelector(ErrorsLib.OperatorSetMismatch.selector, current, operators.hash()));
    }

    function test_refusedCheckpointChangesNothing() public {
        submit(nextCheckpoint());
        bytes memory before = abi.encode(settlement.latestCheckpoint());
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = operators.sign(7, settlement.checkpointDigest(checkpoint));
        signatures[100] ^= 0x01;
        bytes32[] memory seats = operators.seats();
        vm.expectPartialRevert(ErrorsLib.InvalidSignature.selector);
        settlement.submitCheckpoint(checkpoint, seats, 7, signatures);
        assertEq(abi.encode(settlement.latestCheckpoint()), before);
    }

    function test_refusesCheckpointSignedForAnotherSettlement() public {
        Settlement other = settlementOf(token, operators.seats());
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = operators.sign(7, other.checkpointDigest(checkpoint));
        bytes32[] memory seats = operators.seats();
        other.submitCheckpoint(checkpoint, seats, 7, signatures);
        vm.expectPartialRevert(ErrorsLib.InvalidSignature.selector);
        settlement.submitCheckpoint(checkpoint, seats, 7, signatures);
    }

    function test_refusesCheckpointSignedForAnotherChain() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = operators.sign(7, settlement.checkpointDigest(checkpoint));
        bytes32[] memory seats = operators.seats();
        vm.chainId(59_141);
        vm.expectPartialRevert(ErrorsLib.InvalidSignature.selector);
        settlement.submitCheckpoint(checkpoint, seats, 7, signatures);
    }

    /// @dev Calldata that no encoder produces: a number wider than its type must not be hashed as if it were cut.
    function test_refusesFieldWiderThanItsType() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = operators.sign(7, settlement.checkpointDigest(checkpoint));
        bytes memory call = abi.encodeCall(settlement.submitCheckpoint, (checkpoint, operators.seats(), 7, signatures));
        for (uint256 field = 0; field < 6; ++field) {
            if (field >= 2 && field <= 4) continue;
            bytes memory wide = bytes.concat(call);
            // The lowest byte above the 64 bits of the field's word, which follows the selector.
            wide[4 + 32 * field + 23] = 0x01;
            (bool accepted, bytes memory answer) = address(settlement).call(wide);
            assertFalse(accepted);
            assertEq(answer.length, 0, "refused by the decoder");
        }
        (bool ok,) = address(settlement).call(call);
        assertTrue(ok);
    }
}
