// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {L1Fixture} from "./support/L1Fixture.sol";
import {RestakingHandler} from "./support/RestakingHandler.sol";

/// @notice What holds after every sequence of restaking, trading, slashing, turning away and withdrawing.
/// forge-config: default.invariant.runs = 16
/// forge-config: default.invariant.depth = 64
contract RestakingInvariantTest is L1Fixture {
    RestakingHandler private handler;

    function setUp() public override {
        super.setUp();
        address[] memory operators = new address[](3);
        operators[0] = alpha;
        operators[1] = addOperator("beta", 0.6e18);
        operators[2] = addOperator("gamma", 1e18);
        handler = new RestakingHandler(token, vault, manager, delegation, asset, operators);
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](15);
        selectors[0] = RestakingHandler.restake.selector;
        selectors[1] = RestakingHandler.withdraw.selector;
        selectors[2] = RestakingHandler.complete.selector;
        selectors[3] = RestakingHandler.slash.selector;
        selectors[4] = RestakingHandler.poke.selector;
        selectors[5] = RestakingHandler.pokeEverywhere.selector;
        selectors[6] = RestakingHandler.move.selector;
        selectors[7] = RestakingHandler.delegate.selector;
        selectors[8] = RestakingHandler.turnAway.selector;
        selectors[9] = RestakingHandler.reclaim.selector;
        selectors[10] = RestakingHandler.pass.selector;
        selectors[11] = RestakingHandler.remember.selector;
        // Twice as likely as the others: nothing happens without stake.
        selectors[12] = RestakingHandler.restake.selector;
        selectors[13] = RestakingHandler.turnDustAway.selector;
        selectors[14] = RestakingHandler.reclaimAnother.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    function invariant_supplyIsPositionsAllocationsAndDebts() public view {
        uint256 positions = 0;
        uint256 debts = 0;
        for (uint256 i = 0; i < handler.INVESTORS(); ++i) {
            positions += vault.totalOf(handler.investor(i));
            debts += vault.debtOf(handler.investor(i));
        }
        assertEq(token.totalSupply(), positions + ALLOCATED + debts);
    }

    /// @dev Solvency: what the pool's account can withdraw covers its positions, once losses are seen.
    function invariant_theCoreHoldsWhatPositionsAreWorth() public {
        for (uint256 i = 0; i < handler.operatorCount(); ++i) {
            address operator = handler.operatorOf(i);
            vault.sync(operator);
            uint256 sum = 0;
            for (uint256 j = 0; j < handler.INVESTORS(); ++j) {
                sum += vault.positionOf(operator, handler.investor(j));
            }
            assertLe(sum, vault.poolOf(operator).principal);
            if (!handler.standsStill(operator)) {
                assertLe(vault.poolOf(operator).principal, vault.withdrawable(operator));
            }
        }
    }

    function invariant_anInvestorsPositionsAreWithinItsTotal() public view {
        for (uint256 j = 0; j < handler.INVESTORS(); ++j) {
            uint256 sum = 0;
            for (uint256 i = 0; i < handler.operatorCount(); ++i) {
                sum += vault.positionOf(handler.operatorOf(i), handler.investor(j));
            }
            assertLe(sum, vault.totalOf(handler.investor(j)));
        }
    }

    function invariant_pastVotesNeverChange() public view {
        RestakingHandler.Memory[] memory all = handler.remembered();
        for (uint256 i = 0; i < all.length; ++i) {
            assertEq(token.getPastVotes(all[i].account, all[i].time), all[i].votes);
            assertEq(token.getPastTotalSupply(all[i].time), all[i].supply);
        }
    }

    /// @dev A weight is at most twice what is delegated, and delegated are no more tokens than exist.
    function invariant_votesAreBoundedByTheSupply() public view {
        uint256 sum = 0;
        for (uint256 j = 0; j < handler.INVESTORS(); ++j) {
            sum += token.getVotes(handler.investor(j));
        }
        assertLe(sum, 2 * token.totalSupply());
    }

    /// @dev Not only on paper: in the end everyone who brings the tokens is paid its position.
    function afterInvariant() public {
        for (uint256 i = 0; i < handler.operatorCount(); ++i) {
            address operator = handler.operatorOf(i);
            handler.reclaim(i);
            for (uint256 j = 0; j < handler.INVESTORS(); ++j) {
                takeOut(operator, handler.investor(j));
            }
        }
    }

    function takeOut(address operator, address who) private {
        vault.poke(operator, who);
        uint128 position = vault.positionOf(operator, who);
        // A few units may be less than one share of a pool that was slashed.
        if (position < 1e6) return;
        uint128 debt = vault.debtOf(who);
        vm.prank(address(vault));
        token.mint(who, debt + position);
        uint256 id = requestWithdrawal(who, operator, position);
        passWithdrawalDelay();
        assertGe(vault.completeWithdrawal(id) + 10 + position / 1e12, position);
        assertEq(vault.positionOf(operator, who), 0);
    }
}
