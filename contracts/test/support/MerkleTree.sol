// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The withdrawals' and the exits' tree as the ledger keeps it, written apart from OpenZeppelin's hashing so that the two
/// check each other: inner nodes hash their children in ascending order, an odd node moves up unhashed, the tree of
/// no leaves has the zero root.
library MerkleTree {
    function leaf(uint64 index, address recipient, uint128 amount) internal pure returns (bytes32) {
        bytes memory words = new bytes(96);
        assembly ("memory-safe") {
            mstore(add(words, 32), index)
            mstore(add(words, 64), recipient)
            mstore(add(words, 96), amount)
        }
        return keccak256(abi.encodePacked(keccak256(words)));
    }

    function exitLeaf(address account, uint128 amount) internal pure returns (bytes32) {
        bytes memory words = new bytes(64);
        assembly ("memory-safe") {
            mstore(add(words, 32), account)
            mstore(add(words, 64), amount)
        }
        return keccak256(abi.encodePacked(keccak256(words)));
    }

    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return bytes32(0);
        bytes32[] memory level = leaves;
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory path) {
        bytes32[] memory level = leaves;
        bytes32[] memory found = new bytes32[](256);
        uint256 length = 0;
        for (uint256 node = index; level.length > 1; node /= 2) {
            uint256 sibling = node ^ 1;
            if (sibling < level.length) found[length++] = level[sibling];
            level = _above(level);
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            path[i] = found[i];
        }
    }

    function _above(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            bool odd = 2 * i + 1 == level.length;
            above[i] = odd ? level[2 * i] : _pair(level[2 * i], level[2 * i + 1]);
        }
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return uint256(a) < uint256(b) ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }
}
