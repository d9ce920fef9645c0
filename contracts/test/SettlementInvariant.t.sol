// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LedgerHandler} from "./support/LedgerHandler.sol";
import {Operators} from "./support/Operators.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint, LatestCheckpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice What holds after every sequence of deposits, forced messages, pauses, checkpoints, handovers, silences, freezes,
/// withdrawals, exits and recoveries.
contract SettlementInvariantTest is Test {
    using Operators for Operators.Set;

    UtilityToken private token;
    Settlement private settlement;
    LedgerHandler private handler;
    LatestCheckpoint private last;
    uint256 private lastReceived;
    bool private lastFrozen;

    function setUp() public {
        vm.warp(1_767_225_600);
        Operators.Set memory genesis = Operators.create(4, "genesis");
        token = new UtilityToken(address(this), 1_000_000_000 ether);
        settlement = new Settlement(token, genesis.seats(), 7 days, 3 days, makeAddr("guardian"));
        handler = new LedgerHandler(token, settlement, genesis);
        for (uint256 i = 0; i < handler.ACCOUNTS(); ++i) {
            assertTrue(token.transfer(handler.account(i), 10_000_000 ether));
        }
        last = settlement.latestCheckpoint();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](16);
        selectors[0] = LedgerHandler.deposit.selector;
        selectors[1] = LedgerHandler.consume.selector;
        selectors[2] = LedgerHandler.request.selector;
        selectors[3] = LedgerHandler.checkpoint.selector;
        selectors[4] = LedgerHandler.withdraw.selector;
        selectors[5] = LedgerHandler.withdrawFalsely.selector;
        selectors[6] = LedgerHandler.withdrawTooEarly.selector;
        selectors[7] = LedgerHandler.submitFalseCheckpoint.selector;
        selectors[8] = LedgerHandler.donate.selector;
        selectors[9] = LedgerHandler.force.selector;
        selectors[10] = LedgerHandler.wait.selector;
        selectors[11] = LedgerHandler.freeze.selector;
        selectors[12] = LedgerHandler.exit.selector;
        selectors[13] = LedgerHandler.exitFalsely.selector;
        selectors[14] = LedgerHandler.recover.selector;
        selectors[15] = LedgerHandler.pause.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// @dev One campaign checks them all after each call: what costs time are the calls.
    function invariant_theContractAgreesWithTheBooks() public {
        holdsWhatAllCouldClaim();
        paysEachClaimAtMostOnce();
        movesForwardOnlyAndNeverThaws();
        isFrozenExactlyWhenSomebodyFrozeIt();
        countsEachEntryAndConsumesNoMore();
        keepsTheCheckpointLastCertified();
    }

    /// @dev However a run went: once the operators are silent for long enough, everybody leaves with all that is due, and
    /// nothing but donations stays.
    function afterInvariant() public {
        skip(settlement.exitDelay());
        if (!handler.frozen()) handler.freeze(true, 0);
        handler.everyoneLeaves();
        assertEq(handler.claims(), 0);
        assertEq(token.balanceOf(address(settlement)), handler.donated());
    }

    /// @dev Solvency: what is held is what came in less what went out, and is exactly what all could claim if the settlement
    /// froze now, or can claim since it did.
    function holdsWhatAllCouldClaim() private view {
        uint256 held = token.balanceOf(address(settlement));
        assertEq(held, handler.deposited() + handler.donated() - handler.paid());
        assertEq(held - handler.donated(), handler.claims());
    }

    function paysEachClaimAtMostOnce() private view {
        for (uint256 i = 0; i < handler.requested(); ++i) {
            assertLe(handler.payments(i), 1);
            assertEq(settlement.isWithdrawn(uint64(i)), handler.payments(i) == 1);
        }
        for (uint256 i = 0; i < handler.ACCOUNTS(); ++i) {
            assertLe(handler.exits(i), 1);
            assertEq(settlement.hasExited(handler.account(i)), handler.exits(i) == 1);
        }
        for (uint256 i = 0; i < handler.received(); ++i) {
            assertLe(handler.recoveries(i), 1);
        }
    }

    /// @dev Runs after every call, so `last` is the state before it.
    function movesForwardOnlyAndNeverThaws() private {
        LatestCheckpoint memory latest = settlement.latestCheckpoint();
        uint256 received = settlement.inboxCount();
        bool frozen = settlement.isFrozen();
        assertGe(latest.height, last.height);
        assertGe(latest.epoch, last.epoch);
        assertGe(latest.inboxCount, last.inboxCount);
        assertGe(latest.acceptedAt, last.acceptedAt);
        assertGe(received, lastReceived);
        if (latest.height == last.height) assertEq(abi.encode(latest), abi.encode(last), "one height, one checkpoint");
        if (lastFrozen) {
            assertTrue(frozen, "thawed");
            assertEq(latest.height, last.height, "a checkpoint in the ice");
            assertEq(received, lastReceived, "an entry in the ice");
        }
        (last, lastReceived, lastFrozen) = (latest, received, frozen);
    }

    function isFrozenExactlyWhenSomebodyFrozeIt() private view {
        assertEq(settlement.isFrozen(), handler.frozen());
    }

    function countsEachEntryAndConsumesNoMore() private view {
        assertEq(settlement.inboxCount(), handler.received());
        assertLe(settlement.latestCheckpoint().inboxCount, handler.received());
    }

    function keepsTheCheckpointLastCertified() private view {
        Checkpoint memory expected = handler.lastCheckpoint();
        LatestCheckpoint memory kept = settlement.latestCheckpoint();
        assertEq(settlement.operatorSetHash(), expected.nextOperatorSet);
        assertEq(kept.nextOperatorSet, expected.nextOperatorSet);
        assertEq(kept.height, expected.height);
        bytes memory roots = abi.encodePacked(expected.stateRoot, expected.withdrawalsRoot, expected.exitRoot);
        assertEq(kept.rootsHash, keccak256(roots));
    }
}
