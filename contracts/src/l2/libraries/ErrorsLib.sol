// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title ErrorsLib
/// @notice Every refusal of the layer-2 contracts, each with the values that explain it.
library ErrorsLib {
    // Construction.

    /// @notice The token's supply would not fit the ledger's 128-bit amounts.
    error SupplyTooLarge(uint256 supply, uint256 limit);

    /// @notice The address that should be the token has no code.
    error TokenWithoutCode(address token);

    /// @notice A delay of the escape hatch is zero, or so long that the hatch would never open.
    error InvalidDelay(uint256 given, uint256 limit);

    // Operator set.

    /// @notice A set needs at least one seat.
    error EmptyOperatorSet();

    /// @notice The signer bitmap has one bit a seat, so a set has at most 256.
    error TooManySeats(uint256 given, uint256 limit);

    /// @notice A seat's signer or weight is zero.
    error InvalidSeat(uint256 position, address signer, uint96 weight);

    /// @notice Signers must ascend strictly; equal ones would be one signer in two seats.
    error SeatsNotAscending(uint256 position, address previous, address signer);

    /// @notice The sum of the weights does not fit 96 bits.
    error TotalWeightTooLarge(uint256 total, uint256 limit);

    // Checkpoint.

    /// @notice The seats given are not the set that may sign now.
    error OperatorSetMismatch(bytes32 current, bytes32 given);

    /// @notice A checkpoint's height must exceed the latest one's.
    error HeightNotIncreasing(uint64 latest, uint64 given);

    /// @notice A checkpoint's epoch must not be below the latest one's.
    error EpochDecreased(uint64 latest, uint64 given);

    /// @notice The contract keeps 40 bits of the epoch.
    error EpochTooLarge(uint64 given, uint64 limit);

    /// @notice A checkpoint must not forget entries of the inbox that an earlier one had consumed.
    error InboxCountDecreased(uint64 latest, uint64 given);

    /// @notice A checkpoint claims to have consumed more than the inbox has received.
    error InboxCountAhead(uint64 received, uint64 given);

    /// @notice No set hashes to zero: nobody could sign the next checkpoint.
    error ZeroNextOperatorSet();

    /// @notice The bitmap names a position that the set does not have.
    error SignerBeyondSet(uint256 signers, uint256 seats);

    /// @notice There must be exactly 65 bytes for each bit set.
    error SignaturesLengthMismatch(uint256 expected, uint256 given);

    /// @notice The signature at this position is not that of the seat's signer. `recovered` is zero if malformed.
    error InvalidSignature(uint256 position, address expected, address recovered);

    /// @notice The signers do not hold more than two thirds of the weight.
    error QuorumNotReached(uint256 signedWeight, uint256 totalWeight);

    // Inbox.

    /// @notice Nothing to move.
    error ZeroAmount();

    /// @notice The zero address cannot own a ledger account.
    error ZeroAccount();

    /// @notice A forced message is longer than the ledger takes.
    error MessageTooLong(uint256 given, uint256 limit);

    // Pause of deposits.

    /// @notice Governance has paused deposits until this time.
    error DepositsPausedUntil(uint64 until);

    /// @notice Only the guardian may pause deposits.
    error NotGuardian(address caller);

    /// @notice A pause lasts at least a second and no longer than the limit.
    error InvalidPause(uint64 given, uint64 limit);

    /// @notice The last pause is too recent: deposits must be open for a while first.
    error PausedRecently(uint64 notBefore);

    /// @notice There is no pause to end.
    error NotPaused();

    // Withdrawals and exits.

    /// @notice The roots given are not those of the latest checkpoint.
    error StaleRoots(bytes32 latestHash, bytes32 givenHash);

    /// @notice Neither the zero address nor the settlement itself can be paid.
    error InvalidRecipient(address recipient);

    /// @notice This withdrawal was paid before.
    error AlreadyWithdrawn(uint64 index);

    /// @notice The latest checkpoint certifies no withdrawal.
    error NoWithdrawals();

    /// @notice The proof does not lead from this withdrawal to the certified root.
    error InvalidProof(uint64 index, bytes32 root);

    /// @notice This account has exited before.
    error AlreadyExited(address account);

    /// @notice The latest checkpoint certifies no exit.
    error NoExits();

    /// @notice The proof does not lead from this account's exit to the certified root.
    error InvalidExitProof(address account, bytes32 root);

    // Escape hatch.

    /// @notice The settlement is frozen for ever.
    error AlreadyFrozen();

    /// @notice Only a frozen settlement pays exits and gives deposits back.
    error NotFrozen();

    /// @notice The operators' silence opens the hatch at this time, unless they certify a checkpoint before.
    error CheckpointNotOverdue(uint64 freezableAt);

    /// @notice The inbox has no forced message of this index.
    error NotForced(uint64 index);

    /// @notice The ledger has consumed this entry of the inbox.
    error AlreadyConsumed(uint64 index, uint64 consumed);

    /// @notice The forced message opens the hatch at this time, unless the ledger consumes it before.
    error MessageNotOverdue(uint64 index, uint64 freezableAt);

    /// @notice The inbox has no such deposit, or it was given back before.
    error UnknownDeposit(uint64 index);
}
