// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The ledger's certified state at one height. Chain id and settlement are in the EIP-712 domain.
/// @param epoch Epoch of the ledger; never decreases.
/// @param height Height of the block; strictly increases from checkpoint to checkpoint, from 1.
/// @param stateRoot Root of the ledger's state after that block.
/// @param withdrawalsRoot Root of all withdrawals ever, in index order; zero when there is none.
/// @param exitRoot Root of what each account could take if the ledger stopped here (X2).
/// @param inboxCount Number of this contract's deposits that the ledger has consumed.
/// @param nextOperatorSet Hash of the set that signs the checkpoints after this one.
struct Checkpoint {
    uint64 epoch;
    uint64 height;
    bytes32 stateRoot;
    bytes32 withdrawalsRoot;
    bytes32 exitRoot;
    uint64 inboxCount;
    bytes32 nextOperatorSet;
}

/// @title CheckpointLib
/// @notice EIP-712 struct hash of a checkpoint. The domain is the settlement's.
library CheckpointLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Checkpoint(uint64 epoch,uint64 height,bytes32 stateRoot,bytes32 withdrawalsRoot,bytes32 exitRoot,uint64 inboxCount,bytes32 nextOperatorSet)"
    );

    /// @notice The struct has only static members, so its ABI encoding is the EIP-712 encoding of its fields.
    function structHash(Checkpoint calldata checkpoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, checkpoint));
    }
}
