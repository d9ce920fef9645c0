// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LedgerHandler} from "./support/LedgerHandler.sol";
import {Operators} from "./support/Operators.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice What holds after every sequence of deposits, checkpoints, handovers and withdrawals.
contract SettlementInvariantTest is Test {
    using Operators for Operators.Set;

    UtilityToken private token;
    Settlement private settlement;
    LedgerHandler private handler;
    Checkpoint private last;
    uint256 private lastDeposits;

    function setUp() public {
        Operators.Set memory genesis = Operators.create(4, "genesis");
        token = new UtilityToken(address(this), 1_000_000_000 ether);
        settlement = new Settlement(token, genesis.seats());
        handler = new LedgerHandler(token, settlement, genesis);
        for (uint256 i = 0; i < 5; ++i) {
            assertTrue(token.transfer(handler.account(i), 10_000_000 ether));
        }
        last = settlement.latestCheckpoint();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = LedgerHandler.deposit.selector;
        selectors[1] = LedgerHandler.consume.selector;
        selectors[2] = LedgerHandler.request.selector;
        selectors[3] = LedgerHandler.checkpoint.selector;
        selectors[4] = LedgerHandler.withdraw.selector;
        selectors[5] = LedgerHandler.withdrawFalsely.selector;
        selectors[6] = LedgerHandler.withdrawTooEarly.selector;
        selectors[7] = LedgerHandler.submitFalseCheckpoint.selector;
        selectors[8] = LedgerHandler.donate.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// @dev Solvency: what is held is what came in less what went out, and covers all that the ledger owes.
    function invariant_holdsDepositsLessWithdrawals() public view {
        uint256 held = token.balanceOf(address(settlement));
        assertEq(held, handler.deposited() + handler.donated() - handler.paid());
        assertEq(held - handler.donated(), handler.ledgerTotal() + handler.pending() + handler.unpaid());
    }

    function invariant_paysEachWithdrawalAtMostOnce() public view {
        for (uint256 i = 0; i < handler.requested(); ++i) {
            assertLe(handler.payments(i), 1);
            assertEq(settlement.isWithdrawn(uint64(i)), handler.payments(i) == 1);
        }
    }

    /// @dev Runs after every call, so `last` is the state before it.
    function invariant_movesForwardOnly() public {
        Checkpoint memory latest = settlement.latestCheckpoint();
        assertGe(latest.height, last.height);
        assertGe(latest.epoch, last.epoch);
        assertGe(latest.inboxCount, last.inboxCount);
        assertGe(settlement.inboxCount(), lastDeposits);
        if (latest.height == last.height) assertEq(abi.encode(latest), abi.encode(last), "one height, one checkpoint");
        last = latest;
        lastDeposits = settlement.inboxCount();
    }

    function invariant_countsEachDepositAndConsumesNoMore() public view {
        assertEq(settlement.inboxCount(), handler.deposits());
        assertLe(settlement.latestCheckpoint().inboxCount, handler.deposits());
    }

    function invariant_theSetIsTheOneHandedOverTo() public view {
        assertEq(settlement.operatorSetHash(), handler.currentSet());
        assertEq(settlement.latestCheckpoint().nextOperatorSet, handler.currentSet());
    }
}
