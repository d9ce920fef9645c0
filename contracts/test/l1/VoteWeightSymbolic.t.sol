// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VoteWeightLib} from "src/l1/libraries/VoteWeightLib.sol";

/// @notice What halmos proves of the weight function for all inputs of the widths given (README: commands); forge passes over it,
/// because no name starts with "test". A call that reverts fails a check, so each also proves that nothing overflows on its way.
///
/// OpenZeppelin's root is beyond the solvers, and so is what a quotient by an unknown decides, but for small numbers: beyond
/// those, the soft cap above the cap, monotonicity and the bound of the boost are left to the fuzz tests (VoteWeightLib.t.sol).
contract VoteWeightSymbolicTest is Test {
    uint256 private constant PPM = 1_000_000;
    uint256 private constant CAP_PPM = 50_000;

    /// @notice Up to the cap a holding counts whole.
    function check_belowTheCapABalanceCountsWhole(uint128 balance, uint128 cap) public pure {
        vm.assume(balance <= cap);
        assert(VoteWeightLib.effective(balance, cap) == balance);
    }

    /// @notice Nothing held weighs nothing, at any age, supply, boost and half-time.
    function check_nothingWeighsNothing(uint48 age, uint128 supply, uint32 boost, uint32 half) public pure {
        vm.assume(half != 0);
        assert(VoteWeightLib.weight(0, age, supply, boost, half) == 0);
    }

    /// @notice Without age the weight is the balance, up to the cap.
    function check_withoutAgeABalanceBelowTheCapIsItsWeight(uint128 balance, uint128 supply, uint32 boost, uint32 half)
        public
        pure
    {
        vm.assume(half != 0 && balance <= uint256(supply) * CAP_PPM / PPM);
        assert(VoteWeightLib.weight(balance, 0, supply, boost, half) == balance);
    }

    /// @notice Up to the cap the weight is no less than the balance, at any age.
    function check_ageNeverTakes(uint128 balance, uint48 age, uint128 supply, uint32 boost, uint32 half) public pure {
        vm.assume(half != 0 && balance <= uint256(supply) * CAP_PPM / PPM);
        assert(VoteWeightLib.weight(balance, age, supply, boost, half) >= balance);
    }

    /// @notice Nobody's tokens have no age.
    function check_nothingHasNoAge(uint208 births, uint48 time) public pure {
        assert(VoteWeightLib.meanAge(0, births, time) == 0);
    }

    /// @notice At small widths: older weighs no less.
    function check_growsWithTheAgeUpTo15(uint8 young, uint8 old) public pure {
        vm.assume(young <= old && old < 16);
        assert(VoteWeightLib.weight(100, young, 2000, PPM, 8) <= VoteWeightLib.weight(100, old, 2000, PPM, 8));
    }

    /// @notice At small widths: age adds no more than the boost.
    function check_ageUpTo255AddsNoMoreThanTheBoost(uint8 age) public pure {
        assert(VoteWeightLib.weight(PPM, age, 20 * PPM, PPM, 180) <= 2 * PPM);
    }

    /// @notice At small widths: a mean age is never above the time.
    function check_noMeanAgeUpTo7IsAboveTheTime(uint8 balance, uint8 births, uint8 time) public pure {
        vm.assume(balance < 8 && time < 8 && births <= uint256(balance) * time);
        assert(VoteWeightLib.meanAge(balance, births, time) <= time);
    }
}
