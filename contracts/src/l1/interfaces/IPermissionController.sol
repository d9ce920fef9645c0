// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IPermissionController
/// @notice What we call of EigenLayer's PermissionController; the same ABI in core v1.3 and v1.9.
interface IPermissionController {
    function addPendingAdmin(address account, address admin) external;
    function setAppointee(address account, address appointee, address target, bytes4 selector) external;
}
