// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./support/MerkleTree.sol";
import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

/// @notice The pause: of deposits alone, by the guardian alone, for a while alone.
contract SettlementPauseTest is SettlementFixture {
    using Operators for Operators.Set;

    uint64 private constant LONGEST = 14 days;

    /// @dev Any time of our era: the settlement counts from 1970.
    function setUp() public override {
        vm.warp(1_767_225_600);
        super.setUp();
    }

    function test_stopsDepositsUntilItEnds() public {
        uint64 until = uint64(block.timestamp) + 3 days;
        vm.expectEmit(address(settlement));
        emit EventsLib.DepositsPaused(until);
        pause(3 days);
        assertEq(settlement.depositsPausedUntil(), until);

        bytes memory reason = abi.encodeWithSelector(ErrorsLib.DepositsPausedUntil.selector, until);
        vm.expectRevert(reason);
        depositAs(consumer, consumer, 1);
        skip(3 days - 1);
        vm.expectRevert(reason);
        vm.prank(consumer);
        settlement.depositWithPermit(consumer, 1, 0, 0, 0, 0);
        skip(1);
        depositAs(consumer, consumer, 1);
        assertEq(settlement.inboxCount(), 1);
    }

    function test_stopsNothingElse() public {
        depositAs(consumer, consumer, 10);
        certify(MerkleTree.leaf(0, consumer, 4));
        pause(LONGEST);
        settlement.withdraw(roots(), 0, consumer, 4, new bytes32[](0));
        forceAs(consumer, "still heard");
        certifyExits(MerkleTree.exitLeaf(consumer, 6));
        freezeAfterSilence();
        settlement.exit(roots(), consumer, 6, new bytes32[](0));
        assertEq(token.balanceOf(address(settlement)), 0);
    }

    function test_endsEarlyWhenTheGuardianSaysSo() public {
        pause(3 days);
        skip(1 days);
        vm.expectEmit(address(settlement));
        emit EventsLib.DepositsPaused(uint64(block.timestamp));
        vm.prank(guardian);
        settlement.resumeDeposits();
        depositAs(consumer, consumer, 1);
        vm.expectRevert(ErrorsLib.NotPaused.selector);
        vm.prank(guardian);
        settlement.resumeDeposits();
    }

    function test_theGuardianAlonePausesAndResumes() public {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.NotGuardian.selector, consumer);
        vm.startPrank(consumer);
        vm.expectRevert(reason);
        settlement.pauseDeposits(1);
        vm.expectRevert(reason);
        settlement.resumeDeposits();
    }

    function test_aZeroGuardianIsNobody() public {
        settlement = new Settlement(token, operators.seats(), EXIT_DELAY, FORCE_DELAY, address(0));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotGuardian.selector, guardian));
        pause(1);
    }

    function test_lastsAtLeastASecondAndAtMostTheLimit() public {
        assertEq(settlement.MAX_PAUSE(), LONGEST);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidPause.selector, 0, LONGEST));
        pause(0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidPause.selector, LONGEST + 1, LONGEST));
        pause(LONGEST + 1);
        pause(LONGEST);
    }

    function test_cannotBeProlonged() public {
        pause(LONGEST);
        uint64 notBefore = settlement.depositsPausedUntil() + LONGEST;
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.PausedRecently.selector, notBefore);
        vm.expectRevert(reason);
        pause(1);
        vm.warp(notBefore - 1);
        vm.expectRevert(reason);
        pause(1);
        depositAs(consumer, consumer, 1);
        vm.warp(notBefore);
        pause(1);
    }

    function test_aPauseEndedEarlyCountsFromItsEnd() public {
        pause(LONGEST);
        skip(1 hours);
        vm.prank(guardian);
        settlement.resumeDeposits();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.PausedRecently.selector, block.timestamp + LONGEST));
        pause(1);
        skip(LONGEST);
        pause(1);
    }

    /// @dev Whatever a guardian tries, deposits are open for at least half of the time.
    function testFuzz_depositsAreOpenHalfOfTheTime(uint64[20] calldata durations, uint64[20] calldata waits) public {
        uint256 start = block.timestamp;
        uint256 paused = 0;
        uint256 end = start;
        for (uint256 i = 0; i < durations.length; ++i) {
            uint64 duration = uint64(bound(durations[i], 1, LONGEST));
            vm.prank(guardian);
            try settlement.pauseDeposits(duration) {
                paused += duration;
                end = block.timestamp + duration;
            } catch {}
            skip(bound(waits[i], 0, 30 days));
        }
        assertLe(paused, LONGEST + (end - start) / 2);
    }

    function pause(uint64 duration) private {
        vm.prank(guardian);
        settlement.pauseDeposits(duration);
    }
}
