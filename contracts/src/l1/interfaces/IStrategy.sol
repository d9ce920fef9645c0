// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IStrategy
/// @notice What we call of an EigenLayer strategy.
interface IStrategy {
    function underlyingToken() external view returns (address);
}
