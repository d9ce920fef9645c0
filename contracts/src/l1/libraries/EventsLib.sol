// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title EventsLib
/// @notice Every event of the layer-1 contracts, but for those that OpenZeppelin's bases emit.
library EventsLib {
    // Outbox: the one sequence that the ledger consumes. `index` counts from 0 over the four, without gaps.

    /// @notice The operator's slashable stake and its commission in parts per million; zero stake when it has left (O1).
    event OperatorStake(uint64 index, address operator, uint128 stake, uint32 commission);

    /// @notice The operator's keys from now on. The signature of the ed25519 key over `ServiceManager.operatorKeysDigest`
    /// is for readers to verify (P2, O1).
    event OperatorKeys(
        uint64 index, address operator, bytes32 consensusKey, address checkpointKey, bytes consensusSignature
    );

    /// @notice The investor's effective weight at the operator (G4).
    event InvestorWeight(uint64 index, address operator, address investor, uint128 weight);

    /// @notice A decision of governance about the ledger (G1, G2); `Outbox` says what `data` is for each kind.
    event Governance(uint64 index, uint8 kind, bytes data);

    // GovernanceToken.

    /// @notice `amount` was minted for `beneficiary` into a vesting wallet of its own (G6).
    event Allocated(address indexed wallet, address indexed beneficiary, uint256 amount, uint64 start, uint64 duration);

    // RestakingVault.

    /// @notice The vault's account that delegates to `operator` was created.
    event PositionOpened(address indexed operator, address account);

    /// @notice `tokens` of the asset became `amount` of position and as many governance tokens.
    event Restaked(address indexed operator, address indexed investor, uint256 tokens, uint128 amount);

    /// @notice `amount` left the position, its governance tokens were burned, and EigenLayer's delay began.
    event WithdrawalRequested(
        uint256 indexed id, address indexed operator, address indexed investor, uint128 amount, bytes32 root
    );

    /// @notice The withdrawal `id` was paid.
    event WithdrawalCompleted(uint256 indexed id, address indexed investor, uint256 tokens);

    /// @notice The operator's stake in the vault fell by `loss`, by a slashing or by rounding in the core.
    event PositionsReduced(address indexed operator, uint128 loss, uint128 principal);

    /// @notice An investor's position took its part in a reduction; `burned` of its tokens went at once, `owed` it owes.
    event LossTaken(address indexed operator, address indexed investor, uint128 loss, uint128 burned, uint128 owed);

    /// @notice `amount` of the investor's debt was paid by burning its tokens.
    event DebtPaid(address indexed investor, uint128 amount, uint128 remaining);

    /// @notice The stake that an operator had turned away is back in the vault's account, delegated to nobody.
    event Reclaimed(address indexed operator, bytes32 root);

    // ServiceManager.

    /// @notice An operator joined.
    event OperatorRegistered(address indexed operator);

    /// @notice An operator has these keys from now on; `Outbox` tells the ledger so, with the ed25519 key's proof.
    event KeysSet(address indexed operator, bytes32 indexed consensusKey, address indexed checkpointKey);

    /// @notice An operator left, or was made to leave. It stays slashable for EigenLayer's delay.
    event OperatorDeregistered(address indexed operator);

    /// @notice An operator's commission, in parts per million.
    event CommissionSet(address indexed operator, uint32 commission);

    /// @notice Two conflicting checkpoints of one height were proved.
    event EquivocationProved(
        address indexed operator, uint64 indexed height, bytes32 first, bytes32 second, address indexed reporter
    );

    /// @notice A slashing took `stake` from the operator.
    event OperatorSlashed(address indexed operator, uint256 wad, uint256 stake, string description);

    /// @notice The reporter of an equivocation was paid.
    event BountyPaid(address indexed recipient, uint256 amount);
}
