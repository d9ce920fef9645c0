// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The ledger's certified state at one height. Chain id and settlement are in the EIP-712 domain.
/// @param epoch Epoch of the ledger; never decreases.
/// @param height Height of the block; strictly increases from checkpoint to checkpoint, from 1.
/// @param stateRoot Root of the ledger's state after that block.
/// @param withdrawalsRoot Root of all withdrawals ever, in index order; zero when there is none.
/// @param exitRoot Root of what each account could take if the ledger stopped here (X2); zero when there is none.
/// @param inboxCount Number of this contract's inbox entries, deposits and forced messages, that the ledger has consumed.
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

/// @notice The three roots of a checkpoint, as whoever withdraws or exits brings them. `CheckpointAccepted` has them.
struct Roots {
    bytes32 stateRoot;
    bytes32 withdrawalsRoot;
    bytes32 exitRoot;
}

/// @notice What the settlement keeps of the latest checkpoint.
/// @param epoch As in the checkpoint.
/// @param height As in the checkpoint; zero before the first.
/// @param inboxCount As in the checkpoint.
/// @param acceptedAt When it was accepted; before the first, when the settlement was deployed. Seconds.
/// @param rootsHash keccak256(stateRoot, withdrawalsRoot, exitRoot).
/// @param nextOperatorSet As in the checkpoint; before the first, the genesis set.
struct LatestCheckpoint {
    uint64 epoch;
    uint64 height;
    uint64 inboxCount;
    uint64 acceptedAt;
    bytes32 rootsHash;
    bytes32 nextOperatorSet;
}

/// @title CheckpointLib
/// @notice The EIP-712 struct hash of a checkpoint, whose domain is the settlement's, and the hash of its roots.
/// @dev Both structs have static members only, so their calldata is their ABI encoding, which is what both hashes are over.
/// A number wider than its type is hashed as it stands, not cut: then nobody signed it.
library CheckpointLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Checkpoint(uint64 epoch,uint64 height,bytes32 stateRoot,bytes32 withdrawalsRoot,bytes32 exitRoot,uint64 inboxCount,bytes32 nextOperatorSet)"
    );

    /// @notice keccak256(abi.encode(TYPEHASH, checkpoint)).
    function structHash(Checkpoint calldata checkpoint) internal pure returns (bytes32 result) {
        bytes32 typehash = TYPEHASH;
        assembly ("memory-safe") {
            // Memory beyond the free pointer may be used without being kept.
            let free := mload(0x40)
            mstore(free, typehash)
            calldatacopy(add(free, 0x20), checkpoint, 0xe0)
            result := keccak256(free, 0x100)
        }
    }

    /// @notice The hash of a checkpoint's roots, its third, fourth and fifth member.
    function rootsHash(Checkpoint calldata checkpoint) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, add(checkpoint, 0x40), 0x60)
            result := keccak256(free, 0x60)
        }
    }

    /// @notice keccak256(abi.encode(roots)).
    function rootsHash(Roots calldata roots) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, roots, 0x60)
            result := keccak256(free, 0x60)
        }
    }
}
