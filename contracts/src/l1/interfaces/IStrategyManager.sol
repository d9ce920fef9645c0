// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IStrategyManager
/// @notice What we call of EigenLayer's StrategyManager; the same ABI in core v1.3 and v1.9.
interface IStrategyManager {
    function depositIntoStrategy(address strategy, address token, uint256 amount)
        external
        returns (uint256 depositShares);
}
