// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title MerkleLib
/// @notice Leaves, and where a proof leads: an inner node is the hash of its two children, the smaller first. The same result as
/// OpenZeppelin's MerkleProof, which the tests compare it with, for less than half of the gas a sibling: it decides
/// whether a first withdrawal out of a million stays within 80,000.
library MerkleLib {
    /// @notice The leaf of two words, keccak256(keccak256(abi.encode(a, b))). Leaves are hashed twice, so that no inner node
    /// can pass for one.
    function leafOf(uint256 a, uint256 b) internal pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            mstore(0, a)
            mstore(0x20, b)
            mstore(0, keccak256(0, 0x40))
            leaf := keccak256(0, 0x20)
        }
    }

    /// @notice The leaf of three words, keccak256(keccak256(abi.encode(a, b, c))).
    function leafOf(uint256 a, uint256 b, uint256 c) internal pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            // Memory beyond the free pointer may be used without being kept.
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 0x20), b)
            mstore(add(free, 0x40), c)
            mstore(0, keccak256(free, 0x60))
            leaf := keccak256(0, 0x20)
        }
    }

    /// @notice The root that `proof`, the siblings from the bottom up, makes of `leaf`.
    function rootOf(bytes32[] calldata proof, bytes32 leaf) internal pure returns (bytes32 node) {
        node = leaf;
        assembly ("memory-safe") {
            let place := proof.offset
            for { let end := add(place, shl(5, proof.length)) } xor(place, end) { place := add(place, 0x20) } {
                let sibling := calldataload(place)
                // The larger of the two goes to the second word; a jump would cost more than this.
                let swap := mul(xor(node, sibling), gt(node, sibling))
                mstore(0, xor(node, swap))
                mstore(0x20, xor(sibling, swap))
                node := keccak256(0, 0x40)
            }
        }
    }
}
