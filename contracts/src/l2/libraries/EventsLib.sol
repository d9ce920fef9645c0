// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title EventsLib
/// @notice Every event of `Settlement`: what the operators' chain feed follows.
library EventsLib {
    /// @notice `amount` base units were taken from `from`, for the ledger account `account`.
    /// @param index Position in the inbox, which deposits and forced messages share; counts from 0, one more each time,
    /// without gaps.
    event Deposited(uint64 indexed index, address indexed account, address indexed from, uint128 amount);

    /// @notice `account` forced `message` into the ledger.
    /// @param index Position in the inbox, as for `Deposited`.
    event Forced(uint64 indexed index, address indexed account, bytes message);

    /// @notice A quorum of the operator set certified the ledger's state at `height`. All fields of the checkpoint: who
    /// withdraws or exits needs the roots, of which the contract keeps the hash only.
    event CheckpointAccepted(
        uint64 indexed height,
        uint64 indexed epoch,
        bytes32 stateRoot,
        bytes32 withdrawalsRoot,
        bytes32 exitRoot,
        uint64 inboxCount,
        bytes32 nextOperatorSet
    );

    /// @notice The withdrawal `index` of the ledger was paid: `amount` base units to `recipient`.
    event Withdrawn(uint64 indexed index, address indexed recipient, uint128 amount);

    /// @notice Governance stopped deposits until `until`, or opened them again at `until`.
    event DepositsPaused(uint64 until);

    /// @notice The settlement is frozen for ever, at the checkpoint of `height`, which consumed `consumed` entries of the
    /// inbox.
    event Frozen(uint64 indexed height, uint64 consumed);

    /// @notice `account` was paid what the last checkpoint gave it, `amount` base units.
    event Exited(address indexed account, uint128 amount);

    /// @notice The deposit `index`, which the ledger never consumed, was paid to the account it was for.
    event DepositRecovered(uint64 indexed index, address indexed account, uint128 amount);
}
