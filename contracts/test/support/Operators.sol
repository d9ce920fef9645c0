// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @notice Operators with their keys, in the order of their seats, and what they sign.
library Operators {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct Set {
        uint256[] keys;
        address[] signers;
        uint96[] weights;
    }

    /// @notice `count` operators of weight 1, in ascending order of address. Another salt gives other operators.
    function create(uint256 count, string memory salt) internal pure returns (Set memory set) {
        set.keys = new uint256[](count);
        set.signers = new address[](count);
        set.weights = new uint96[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode("operator", salt, i)));
            address signer = VM.addr(key);
            uint256 slot = i;
            for (; slot > 0 && set.signers[slot - 1] > signer; --slot) {
                set.signers[slot] = set.signers[slot - 1];
                set.keys[slot] = set.keys[slot - 1];
            }
            set.signers[slot] = signer;
            set.keys[slot] = key;
            set.weights[i] = 1;
        }
    }

    function seat(address signer, uint96 weight) internal pure returns (bytes32) {
        return bytes32((uint256(uint160(signer)) << 96) | weight);
    }

    function seats(Set memory set) internal pure returns (bytes32[] memory packed) {
        packed = new bytes32[](set.keys.length);
        for (uint256 i = 0; i < packed.length; ++i) {
            packed[i] = seat(set.signers[i], set.weights[i]);
        }
    }

    function hash(Set memory set) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(seats(set)));
    }

    /// @notice The signatures of the positions in `signers`, one after the other.
    function sign(Set memory set, uint256 signers, bytes32 digest) internal pure returns (bytes memory signatures) {
        for (uint256 i = 0; i < set.keys.length; ++i) {
            if (signers & (1 << i) == 0) continue;
            (uint8 v, bytes32 r, bytes32 s) = VM.sign(set.keys[i], digest);
            signatures = abi.encodePacked(signatures, r, s, v);
        }
    }

    /// @notice The first `count` positions.
    function first(uint256 count) internal pure returns (uint256) {
        return count == 256 ? type(uint256).max : (1 << count) - 1;
    }

    /// @notice The smallest number of equal seats that exceeds two thirds.
    function quorum(uint256 count) internal pure returns (uint256) {
        return 2 * count / 3 + 1;
    }
}
