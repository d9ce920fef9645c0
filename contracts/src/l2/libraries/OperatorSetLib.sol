// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ErrorsLib} from "./ErrorsLib.sol";

/// @title OperatorSetLib
/// @notice The operators' seats, their hash, and the check that a quorum of them signed a digest.
///
/// A seat is one word: the signer's address in the upper 160 bits, its weight in the lower 96. A set is its seats in
/// strictly ascending order of signer. Only the hash of a set is stored; whoever submits a checkpoint brings the seats.
///
/// A quorum is more than two thirds of the weight: 3 * signed > 2 * total.
library OperatorSetLib {
    /// @notice One bit of the signer bitmap a seat.
    uint256 internal constant MAX_SEATS = 256;

    /// @notice The sum of weights of a set fits 96 bits, so three times it fits the 128-bit integers of the ledger.
    uint256 internal constant MAX_TOTAL_WEIGHT = type(uint96).max;

    /// @notice r, s, v of secp256k1.
    uint256 internal constant SIGNATURE_LENGTH = 65;

    /// @notice Half of the order of secp256k1, rounded down.
    uint256 private constant LARGEST_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Refuses a set that is empty, too large, out of order, or has a zero signer or weight.
    function validate(bytes32[] memory seats) internal pure {
        uint256 count = seats.length;
        require(count != 0, ErrorsLib.EmptyOperatorSet());
        require(count <= MAX_SEATS, ErrorsLib.TooManySeats(count, MAX_SEATS));

        address previous = address(0);
        uint256 total = 0;
        for (uint256 i = 0; i < count; ++i) {
            (address signer, uint96 weight) = unpack(seats[i]);
            require(signer != address(0) && weight != 0, ErrorsLib.InvalidSeat(i, signer, weight));
            require(signer > previous, ErrorsLib.SeatsNotAscending(i, previous, signer));
            previous = signer;
            total += weight;
        }
        require(total <= MAX_TOTAL_WEIGHT, ErrorsLib.TotalWeightTooLarge(total, MAX_TOTAL_WEIGHT));
    }

    /// @notice keccak256 of the concatenated seats.
    function hash(bytes32[] memory seats) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(seats));
    }

    /// @notice As `hash`, without a copy word by word.
    function hashCalldata(bytes32[] calldata seats) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            // Memory beyond the free pointer may be used without being kept.
            let free := mload(0x40)
            let size := shl(5, seats.length)
            calldatacopy(free, seats.offset, size)
            result := keccak256(free, size)
        }
    }

    /// @notice Reverts unless the seats named by `signers` all signed `digest` and hold a quorum of the weight.
    /// @param seats The set, already matched with the stored hash. Its order is not checked again: the previous quorum
    /// certified it, and a signer in two seats would count for no more than the two weights that quorum gave it.
    /// @param signers Bit i stands for seat i.
    /// @param signatures 65 bytes r, s, v for each bit set, in the order of positions.
    function requireQuorum(bytes32 digest, bytes32[] calldata seats, uint256 signers, bytes calldata signatures)
        internal
        view
    {
        requireWeight(seats, signers, signatures.length);

        uint256 offset = 0;
        uint256 count = seats.length;
        // Nothing here can overflow: requireWeight matched the length of `signatures` with the bits set.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                if ((signers >> i) & 1 == 0) continue;
                address expected = signerOf(seatAt(seats, i));
                address recovered = recover(digest, signatures, offset);
                require(
                    recovered == expected && recovered != address(0), ErrorsLib.InvalidSignature(i, expected, recovered)
                );
                offset += SIGNATURE_LENGTH;
            }
        }
    }

    /// @notice The signer of `digest` by the 65 bytes at `offset`, or zero if they are malformed or s is in the upper
    /// half of the group's order (EIP-2), so that a signature has one form only.
    /// @dev In place of OpenZeppelin's ECDSA, whose bounds check and copies cost a sixth of the recovery itself.
    function recover(bytes32 digest, bytes calldata signatures, uint256 offset) internal view returns (address signer) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            let signature := add(signatures.offset, offset)
            mstore(input, digest)
            mstore(add(input, 0x20), byte(0, calldataload(add(signature, 0x40))))
            calldatacopy(add(input, 0x40), signature, 0x40)
            if iszero(gt(mload(add(input, 0x60)), LARGEST_S)) {
                // The precompile takes v of 27 or 28 alone, and answers nothing to anything malformed.
                mstore(0, 0)
                pop(staticcall(gas(), 1, input, 0x80, 0, 0x20))
                signer := mload(0)
            }
        }
    }

    /// @notice The part of the quorum check that needs no cryptography, and so comes first.
    function requireWeight(bytes32[] calldata seats, uint256 signers, uint256 signaturesLength) internal pure {
        uint256 count = seats.length;
        // A shift by 256 and more gives zero, as it should.
        require(signers >> count == 0, ErrorsLib.SignerBeyondSet(signers, count));

        uint256 signed = 0;
        uint256 total = 0;
        uint256 expectedLength = 0;
        // No sum here can overflow: each term has at most 96 bits, and calldata bounds their number.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 weight = weightOf(seatAt(seats, i));
                uint256 bit = (signers >> i) & 1;
                total += weight;
                signed += weight * bit;
                expectedLength += SIGNATURE_LENGTH * bit;
            }
        }
        require(
            signaturesLength == expectedLength, ErrorsLib.SignaturesLengthMismatch(expectedLength, signaturesLength)
        );
        require(3 * signed > 2 * total, ErrorsLib.QuorumNotReached(signed, total));
    }

    /// @notice `seats[i]` for an `i` that a loop keeps below the length: the check costs as much as the rest of the turn.
    function seatAt(bytes32[] calldata seats, uint256 i) internal pure returns (bytes32 seat) {
        assembly ("memory-safe") {
            seat := calldataload(add(seats.offset, shl(5, i)))
        }
    }

    function unpack(bytes32 seat) internal pure returns (address signer, uint96 weight) {
        return (signerOf(seat), weightOf(seat));
    }

    function signerOf(bytes32 seat) internal pure returns (address) {
        // The upper 160 bits are the signer, so nothing of it is lost.
        // forge-lint: disable-next-line(unsafe-typecast)
        return address(bytes20(seat));
    }

    function weightOf(bytes32 seat) internal pure returns (uint96) {
        // The lower 96 bits are the weight, so nothing of it is lost.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(seat));
    }
}
