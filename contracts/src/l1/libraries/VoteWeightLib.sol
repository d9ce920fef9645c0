// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title VoteWeightLib
/// @notice What a holding of governance tokens weighs in a vote (G7):
///
///     weight = eff(b) * (1 + boost * age / (age + half))
///     eff(b) = b                                     while that is less than the line below
///              cap + sqrt(cap * (b - cap))           above; cap is 5 % of the supply
///
/// The root exceeds b between cap and 2 * cap, where it would give more for holding more; there the balance itself is the
/// smaller one and counts. So eff never exceeds b, is concave, and equals the root from 2 * cap on. Because eff is
/// concave, one holder of all never weighs more than the same tokens of the same age in several hands.
///
/// The age factor starts at 1, grows with age, and never reaches 1 + boost; at `half` it is half-way.
///
/// Integers, rounded down at each step; monotone in the balance and in the age. For a balance and a supply of 128 bits
/// and a boost of 32 nothing overflows.
library VoteWeightLib {
    uint256 internal constant PPM = 1_000_000;

    /// @notice The part of the supply, in parts per million, above which a holding is damped.
    uint256 internal constant CAP_PPM = 50_000;

    /// @param balance Base units, at most 128 bits.
    /// @param age Mean holding time, seconds, at most 48 bits.
    /// @param supply Base units, at most 128 bits.
    /// @param boost Parts per million, at most 32 bits.
    /// @param half Seconds, not zero.
    function weight(uint256 balance, uint256 age, uint256 supply, uint256 boost, uint256 half)
        internal
        pure
        returns (uint256)
    {
        uint256 damped = effective(balance, supply * CAP_PPM / PPM);
        return damped + damped * boost * age / ((age + half) * PPM);
    }

    /// @notice eff(balance), for a cap in base units.
    function effective(uint256 balance, uint256 cap) internal pure returns (uint256) {
        if (balance <= cap) return balance;
        return Math.min(balance, cap + Math.sqrt(cap * (balance - cap)));
    }

    /// @notice The balance-weighted mean holding time at `time`, of units whose acquisition times sum to `births`.
    function meanAge(uint256 balance, uint256 births, uint256 time) internal pure returns (uint256) {
        return balance == 0 ? 0 : (balance * time - births) / balance;
    }
}
