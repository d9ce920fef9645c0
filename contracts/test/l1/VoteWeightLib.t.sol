// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VoteWeightLib} from "src/l1/libraries/VoteWeightLib.sol";

contract VoteWeightLibTest is Test {
    uint256 private constant SUPPLY = 2000 ether;
    uint256 private constant CAP = 100 ether;
    uint256 private constant BOOST = 1_000_000;
    uint256 private constant HALF = 180 days;

    function weigh(uint256 balance, uint256 age) private pure returns (uint256) {
        return VoteWeightLib.weight(balance, age, SUPPLY, BOOST, HALF);
    }

    function test_aYoungHoldingBelowTheCapWeighsItsBalance() public pure {
        assertEq(weigh(0, 0), 0);
        assertEq(weigh(1, 0), 1);
        assertEq(weigh(CAP, 0), CAP);
    }

    function test_ageAddsHalfOfTheBoostAtTheHalfTime() public pure {
        assertEq(weigh(10 ether, HALF), 15 ether);
        assertEq(weigh(10 ether, 3 * HALF), 17.5 ether);
        assertLt(weigh(10 ether, 1000 * 365 days), 20 ether);
    }

    function test_theBalanceCountsWhereTheRootWouldGiveMore() public pure {
        assertEq(VoteWeightLib.effective(125 ether, CAP), 125 ether);
        assertEq(VoteWeightLib.effective(200 ether, CAP), 200 ether);
    }

    function test_aboveTwiceTheCapItIsCapPlusRoot() public pure {
        assertEq(VoteWeightLib.effective(500 ether, CAP), 300 ether);
        assertEq(VoteWeightLib.effective(1000 ether, CAP), 400 ether);
        // All of the supply: 5 % + sqrt(5 % * 95 %) = 26.79 %.
        assertEq(VoteWeightLib.effective(SUPPLY, CAP) * 1e4 / SUPPLY, 2679);
    }

    function test_withoutSupplyThereIsNoWeight() public pure {
        assertEq(VoteWeightLib.weight(10, 5, 0, BOOST, HALF), 0);
    }

    function test_extremesDoNotOverflow() public pure {
        uint256 max = type(uint128).max;
        uint256 w = VoteWeightLib.weight(max, type(uint48).max, max, type(uint32).max, 1);
        assertGt(w, 0);
        assertEq(VoteWeightLib.meanAge(max, 0, type(uint48).max), type(uint48).max);
    }

    function test_meanAgeIsWeightedByBalance() public pure {
        // 3 units for 100 seconds and 1 unit for 20 seconds.
        assertEq(VoteWeightLib.meanAge(4, 3 * 900 + 1 * 980, 1000), 80);
        assertEq(VoteWeightLib.meanAge(0, 0, 1000), 0);
        // Rounded down.
        assertEq(VoteWeightLib.meanAge(3, 2 * 1000 + 999, 1000), 0);
    }

    function testFuzz_growsWithTheBalance(uint128 a, uint128 b, uint32 age, uint128 supply, uint24 boost, uint32 half)
        public
        pure
    {
        (uint256 less, uint256 more) = a < b ? (a, b) : (b, a);
        uint256 h = uint256(half) + 1;
        assertLe(VoteWeightLib.weight(less, age, supply, boost, h), VoteWeightLib.weight(more, age, supply, boost, h));
    }

    function testFuzz_growsWithTheAge(uint128 balance, uint48 a, uint48 b, uint128 supply, uint24 boost, uint32 half)
        public
        pure
    {
        (uint256 less, uint256 more) = a < b ? (a, b) : (b, a);
        uint256 h = uint256(half) + 1;
        assertLe(
            VoteWeightLib.weight(balance, less, supply, boost, h), VoteWeightLib.weight(balance, more, supply, boost, h)
        );
    }

    function testFuzz_staysBetweenEffAndEffTimesOnePlusBoost(uint128 balance, uint48 age, uint128 supply, uint24 boost)
        public
        pure
    {
        uint256 damped = VoteWeightLib.effective(balance, uint256(supply) * 50_000 / 1e6);
        uint256 w = VoteWeightLib.weight(balance, age, supply, boost, HALF);
        assertLe(damped, balance);
        assertGe(w, damped);
        assertLe(w, damped + damped * boost / 1e6);
    }

    /// @dev Concavity: splitting never loses, but for the rounding of the roots; and the gain is what the cap took.
    function testFuzz_splittingAvoidsTheCapAndNothingElse(uint128 whole, uint128 cut, uint128 supply) public pure {
        uint256 a = bound(cut, 0, whole);
        uint256 cap = uint256(supply) * 50_000 / 1e6;
        uint256 together = VoteWeightLib.effective(whole, cap);
        uint256 apart = VoteWeightLib.effective(a, cap) + VoteWeightLib.effective(whole - a, cap);
        assertGe(apart + 2, together);
        assertLe(apart, whole);
    }

    /// @dev Splitting over fresh addresses resets the age. What it gains at most, at the default boost, for all of the
    /// supply, and when it begins to pay: this is the price list that the header of the token refers to.
    function test_splittingAnOldHoldingPaysOnlyFarAboveTheCap() public pure {
        uint256 old = 3 * HALF;
        assertGt(weigh(300 ether, old), 300 ether, "three times the cap: better kept old");
        assertGt(weigh(600 ether, old), 550 ether, "six times the cap");
        assertLt(weigh(1000 ether, old), 1000 ether, "half of the supply: better split, at the price of a new wait");
    }

    function testFuzz_meanAgeOfTwoLots(uint96 a, uint96 b, uint32 bornA, uint32 bornB, uint32 wait) public pure {
        vm.assume(uint256(a) + b != 0);
        uint256 time = uint256(bornA > bornB ? bornA : bornB) + wait;
        uint256 births = uint256(a) * bornA + uint256(b) * bornB;
        uint256 age = VoteWeightLib.meanAge(uint256(a) + b, births, time);
        (uint256 young, uint256 old) = bornA > bornB ? (time - bornA, time - bornB) : (time - bornB, time - bornA);
        assertGe(age, young == 0 ? 0 : young);
        assertLe(age, old);
    }
}
