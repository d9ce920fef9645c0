// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

/// @notice When the hatch opens (X2), and that it never shuts.
contract SettlementFreezeTest is SettlementFixture {
    function test_silenceFromTheStartOpensIt() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.CheckpointNotOverdue.selector, block.timestamp + EXIT_DELAY));
        settlement.freeze();
        skip(EXIT_DELAY);
        vm.expectEmit(address(settlement));
        emit EventsLib.Frozen(0, 0);
        settlement.freeze();
        assertTrue(settlement.isFrozen());
    }

    function test_silenceIsCountedFromTheLatestCheckpoint() public {
        skip(EXIT_DELAY - 1);
        depositAs(consumer, consumer, 1);
        submit(nextCheckpoint());
        uint256 freezableAt = block.timestamp + EXIT_DELAY;
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.CheckpointNotOverdue.selector, freezableAt);
        skip(1);
        vm.expectRevert(reason);
        settlement.freeze();
        vm.warp(freezableAt - 1);
        vm.expectRevert(reason);
        settlement.freeze();
        vm.warp(freezableAt);
        vm.expectEmit(address(settlement));
        emit EventsLib.Frozen(1, 1);
        settlement.freeze();
    }

    function test_aLateCheckpointShutsItUnlessSomebodyFroze() public {
        skip(EXIT_DELAY);
        submit(nextCheckpoint());
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.CheckpointNotOverdue.selector, block.timestamp + EXIT_DELAY));
        settlement.freeze();
    }

    function test_depositsAndMessagesDoNotBreakTheSilence() public {
        skip(EXIT_DELAY);
        depositAs(consumer, consumer, 1);
        forceAs(consumer, "");
        settlement.freeze();
        assertTrue(settlement.isFrozen());
    }

    function test_anyoneMayFreeze() public {
        skip(EXIT_DELAY);
        vm.prank(makeAddr("anyone"));
        settlement.freeze();
        assertTrue(settlement.isFrozen());
    }

    function test_anIgnoredMessageOpensItThoughCheckpointsGoOn() public {
        depositAs(consumer, consumer, 1);
        forceAs(consumer, "ignored");
        uint256 freezableAt = block.timestamp + FORCE_DELAY;
        for (uint256 i = 0; i < 3; ++i) {
            Checkpoint memory checkpoint = nextCheckpoint();
            checkpoint.inboxCount = 1;
            submit(checkpoint);
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.MessageNotOverdue.selector, 1, freezableAt));
            settlement.freezeOverIgnored(1);
            skip(FORCE_DELAY / 3);
        }
        vm.expectEmit(address(settlement));
        emit EventsLib.Frozen(3, 1);
        settlement.freezeOverIgnored(1);
        assertTrue(settlement.isFrozen());
    }

    function test_aConsumedMessageDoesNot() public {
        forceAs(consumer, "heard");
        submit(nextCheckpoint());
        skip(FORCE_DELAY);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyConsumed.selector, 0, 1));
        settlement.freezeOverIgnored(0);
    }

    function test_aDepositOrNothingDoesNot() public {
        depositAs(consumer, consumer, 1);
        skip(FORCE_DELAY);
        for (uint64 index = 0; index < 2; ++index) {
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotForced.selector, index));
            settlement.freezeOverIgnored(index);
        }
    }

    /// @dev A deposit has no clock. An empty message behind it has, and cannot be consumed before it.
    function test_anEmptyMessageGivesAnIgnoredDepositItsClock() public {
        depositAs(consumer, consumer, 7);
        forceAs(consumer, "");
        submit(withoutInbox());
        skip(FORCE_DELAY);
        settlement.freezeOverIgnored(1);
        settlement.recoverDeposit(0, consumer, 7);
        assertEq(token.balanceOf(address(settlement)), 0);
    }

    /// @dev Each message has its own time: a young one does not lend its age to an old one, nor the other way round.
    function test_anyMessageThatWaitsTooLongWillDo() public {
        forceAs(consumer, "old");
        skip(1 days);
        forceAs(consumer, "young");
        skip(FORCE_DELAY - 1 days);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.MessageNotOverdue.selector, 1, block.timestamp + 1 days));
        settlement.freezeOverIgnored(1);
        skip(1 days);
        settlement.freezeOverIgnored(1);
    }

    function test_freezesOnce() public {
        forceAs(consumer, "");
        skip(EXIT_DELAY);
        settlement.freeze();
        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        settlement.freeze();
        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        settlement.freezeOverIgnored(0);
    }

    function test_frozenTakesNothingInAndCertifiesNothing() public {
        depositAs(consumer, consumer, 1);
        submit(nextCheckpoint());
        Checkpoint memory next = nextCheckpoint();
        freezeAfterSilence();

        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        depositAs(consumer, consumer, 1);
        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        vm.prank(consumer);
        settlement.depositWithPermit(consumer, 1, 0, 0, 0, 0);
        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        forceAs(consumer, "");
        refused(next, abi.encodeWithSelector(ErrorsLib.AlreadyFrozen.selector));
        assertEq(settlement.inboxCount(), 1);
        assertEq(settlement.latestCheckpoint().height, 1);
    }

    function test_freezingKeepsEverythingElse() public {
        forceAs(consumer, "");
        depositAs(consumer, consumer, 1);
        Checkpoint memory checkpoint = nextCheckpoint();
        (checkpoint.epoch, checkpoint.height, checkpoint.inboxCount) = (type(uint40).max, type(uint64).max, 1);
        submit(checkpoint);
        uint256 acceptedAt = block.timestamp;
        freezeAfterSilence();
        assertLatest(checkpoint, acceptedAt);
        assertEq(settlement.inboxCount(), 2);
        assertTrue(settlement.isFrozen());
    }

    function testFuzz_opensExactlyWhenTheSilenceIsLongEnough(uint32 before, uint32 silence) public {
        skip(before);
        submit(nextCheckpoint());
        skip(silence);
        if (silence < EXIT_DELAY) vm.expectPartialRevert(ErrorsLib.CheckpointNotOverdue.selector);
        settlement.freeze();
        assertEq(settlement.isFrozen(), silence >= EXIT_DELAY);
    }

    function testFuzz_opensExactlyForAnUnconsumedMessageOfAge(uint8 consumed, uint8 index, uint32 age) public {
        for (uint256 i = 0; i < 8; ++i) {
            forceAs(consumer, "");
        }
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.inboxCount = consumed % 9;
        submit(checkpoint);
        index = index % 10;
        skip(age);
        bool opens = index < 8 && index >= checkpoint.inboxCount && age >= FORCE_DELAY;
        (bool done,) = address(settlement).call(abi.encodeCall(settlement.freezeOverIgnored, (index)));
        assertEq(done, opens);
        assertEq(settlement.isFrozen(), opens);
    }

    /// @dev A checkpoint that consumes nothing of the inbox.
    function withoutInbox() private view returns (Checkpoint memory checkpoint) {
        checkpoint = nextCheckpoint();
        checkpoint.inboxCount = 0;
    }
}
