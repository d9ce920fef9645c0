// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title ICoreAdapter
/// @notice What differs between EigenLayer's core v1.3 and v1.9: how a service creates an operator set and says who may
/// slash it. An adapter only encodes calls; the service makes them itself, because the core looks at the caller. So
/// an adapter has no rights, and the choice of one at deployment is all that depends on the core's version.
interface ICoreAdapter {
    struct Call {
        address target;
        bytes data;
    }

    /// @notice The calls by which `avs` creates its set `id` over `strategies`, to be slashed by `slasher` alone.
    function creation(address avs, uint32 id, address[] memory strategies, address slasher)
        external
        view
        returns (Call[] memory calls);
}
