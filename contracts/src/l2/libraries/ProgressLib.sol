// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The settlement's counters in one word: a checkpoint reads and writes them all at once, an inbox entry one of
/// them. From the lowest bit: received 48, consumed 48, epoch 40, acceptedAt 40, height 64, frozen 1.
type Progress is uint256;

using ProgressLib for Progress global;

/// @title ProgressLib
/// @notice Reads and changes `Progress`. By hand, because the compiler would read and write the slot once a member.
///
/// No member can overflow its bits: an entry of the inbox costs tens of thousands of gas, so 2^48 never come; what is
/// consumed was received; 40 bits of seconds last 34,000 years; the caller bounds the epoch by `MAX_EPOCH`.
library ProgressLib {
    uint64 internal constant MAX_EPOCH = type(uint40).max;

    uint256 private constant CONSUMED = 48;
    uint256 private constant EPOCH = 96;
    uint256 private constant ACCEPTED_AT = 136;
    uint256 private constant HEIGHT = 176;
    uint256 private constant FROZEN = 2 ** 240;

    /// @notice As after the deployment at `time`: nothing received, no checkpoint.
    function start(uint256 time) internal pure returns (Progress) {
        return Progress.wrap(time << ACCEPTED_AT);
    }

    /// @notice One more entry received.
    function append(Progress self) internal pure returns (Progress) {
        // See above: 48 bits do not overflow.
        unchecked {
            return Progress.wrap(Progress.unwrap(self) + 1);
        }
    }

    /// @notice After a checkpoint that was accepted at `time`.
    function advance(Progress self, uint64 epoch_, uint64 height_, uint64 consumed_, uint256 time)
        internal
        pure
        returns (Progress)
    {
        return Progress.wrap(
            received(self) | (uint256(consumed_) << CONSUMED) | (uint256(epoch_) << EPOCH) | (time << ACCEPTED_AT)
                | (uint256(height_) << HEIGHT)
        );
    }

    /// @notice Frozen for ever: nothing here takes the bit away but `advance`, which the caller must refuse then.
    function freeze(Progress self) internal pure returns (Progress) {
        return Progress.wrap(Progress.unwrap(self) | FROZEN);
    }

    /// @notice Entries of the inbox; the index of the next one.
    function received(Progress self) internal pure returns (uint64) {
        return _member(self, 0, type(uint48).max);
    }

    /// @notice Entries of the inbox that the latest checkpoint has consumed.
    function consumed(Progress self) internal pure returns (uint64) {
        return _member(self, CONSUMED, type(uint48).max);
    }

    function epoch(Progress self) internal pure returns (uint64) {
        return _member(self, EPOCH, type(uint40).max);
    }

    function acceptedAt(Progress self) internal pure returns (uint64) {
        return _member(self, ACCEPTED_AT, type(uint40).max);
    }

    function height(Progress self) internal pure returns (uint64) {
        return _member(self, HEIGHT, type(uint64).max);
    }

    function frozen(Progress self) internal pure returns (bool) {
        return Progress.unwrap(self) & FROZEN != 0;
    }

    function _member(Progress self, uint256 offset, uint64 mask) private pure returns (uint64) {
        // The mask leaves 64 bits at most.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64((Progress.unwrap(self) >> offset) & mask);
    }
}
