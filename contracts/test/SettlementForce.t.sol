// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

/// @notice Forced messages (X2): one numbering with the deposits, and nobody in another's way.
contract SettlementForceTest is SettlementFixture {
    function test_announcesTheMessageOfItsSender() public {
        address sender = makeAddr("sender");
        vm.expectEmit(address(settlement));
        emit EventsLib.Forced(0, sender, "please");
        forceAs(sender, "please");
        assertEq(settlement.inboxCount(), 1);
        assertEq(settlement.forcedAt(0), block.timestamp);
        assertEq(settlement.forcedAt(1), 0);
    }

    function test_sharesOneNumberingWithDeposits() public {
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(0, consumer, consumer, 5);
        depositAs(consumer, consumer, 5);
        vm.expectEmit(address(settlement));
        emit EventsLib.Forced(1, consumer, hex"01");
        forceAs(consumer, hex"01");
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(2, consumer, consumer, 6);
        depositAs(consumer, consumer, 6);
        assertEq(settlement.inboxCount(), 3);
        assertEq(settlement.forcedAt(0), 0, "a deposit is no message");
        assertEq(settlement.forcedAt(1), block.timestamp);
        assertEq(settlement.forcedAt(2), 0);
    }

    function test_takesAnythingUpToTheLedgersLimit() public {
        assertEq(settlement.MAX_FORCED_MESSAGE(), 2048);
        forceAs(consumer, "");
        forceAs(consumer, new bytes(2048));
        assertEq(settlement.inboxCount(), 2);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.MessageTooLong.selector, 2049, 2048));
        forceAs(consumer, new bytes(2049));
        assertEq(settlement.inboxCount(), 2);
    }

    function test_checkpointsConsumeThem() public {
        forceAs(consumer, "a");
        depositAs(consumer, consumer, 1);
        forceAs(consumer, "b");
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.inboxCount = 2;
        submit(checkpoint);
        checkpoint = nextCheckpoint();
        checkpoint.inboxCount = 4;
        refused(checkpoint, abi.encodeWithSelector(ErrorsLib.InboxCountAhead.selector, 3, 4));
        submit(nextCheckpoint());
        assertEq(settlement.latestCheckpoint().inboxCount, 3);
    }

    function test_isOpenWhileDepositsArePaused() public {
        skip(365 days);
        vm.prank(guardian);
        settlement.pauseDeposits(1 days);
        forceAs(consumer, "let me out");
        assertEq(settlement.inboxCount(), 1);
    }

    function test_refusesWhenFrozen() public {
        freezeAfterSilence();
        vm.expectRevert(ErrorsLib.AlreadyFrozen.selector);
        forceAs(consumer, "too late");
    }

    /// @dev Whoever floods pays for each entry. What others do costs the same as before: one deposit, one checkpoint that
    /// consumes all of it.
    function test_aFloodCostsNobodyElse() public {
        depositAs(consumer, consumer, 1);
        submit(nextCheckpoint());
        depositAs(consumer, consumer, 1);
        uint256 depositGas = vm.lastCallGas().gasTotalUsed;
        submit(nextCheckpoint());
        uint256 checkpointGas = vm.lastCallGas().gasTotalUsed;

        for (uint256 i = 0; i < 300; ++i) {
            forceAs(guardian, new bytes(2048));
            assertGt(vm.lastCallGas().gasTotalUsed, 22_000);
        }
        depositAs(consumer, consumer, 1);
        assertApproxEqAbs(vm.lastCallGas().gasTotalUsed, depositGas, 3000);
        submit(nextCheckpoint());
        assertApproxEqAbs(vm.lastCallGas().gasTotalUsed, checkpointGas, 3000);
        assertEq(settlement.latestCheckpoint().inboxCount, 303);
    }

    function testFuzz_announcesEveryByte(address sender, bytes calldata message, uint40 time) public {
        vm.assume(message.length <= 2048);
        vm.warp(bound(time, 1, type(uint40).max));
        vm.expectEmit(address(settlement));
        emit EventsLib.Forced(0, sender, message);
        forceAs(sender, message);
        assertEq(settlement.forcedAt(0), block.timestamp);
    }
}
