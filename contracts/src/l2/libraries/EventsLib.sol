// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title EventsLib
/// @notice Every event of `Settlement`: what the operators' chain feed follows.
library EventsLib {
    /// @notice `amount` base units were taken from `from`, for the ledger account `account`.
    /// @param index Position in the inbox; counts from 0, one more each time, without gaps.
    event Deposited(uint64 indexed index, address indexed account, address indexed from, uint128 amount);

    /// @notice A quorum of the operator set certified the ledger's state at `height`.
    event CheckpointAccepted(
        uint64 indexed height, uint64 indexed epoch, bytes32 stateRoot, bytes32 withdrawalsRoot, uint64 inboxCount
    );

    /// @notice The withdrawal `index` of the ledger was paid: `amount` base units to `recipient`.
    event Withdrawn(uint64 indexed index, address indexed recipient, uint128 amount);
}
