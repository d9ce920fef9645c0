// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Stands for EigenLayer's PermissionController: an account administers itself until it has admins; then they
/// alone do. Appointees may call one function of one contract for an account.
contract CorePermissions {
    error NotAdmin();
    error AppointeeAlreadySet();
    error AdminNotPending();

    mapping(address account => uint256) public adminCount;
    mapping(address account => mapping(address admin => bool)) private _admins;
    mapping(address account => mapping(address admin => bool)) public isPendingAdmin;
    mapping(address account => mapping(address appointee => mapping(bytes32 what => bool))) private _appointed;

    function addPendingAdmin(address account, address admin) external {
        require(isAdmin(account, msg.sender), NotAdmin());
        isPendingAdmin[account][admin] = true;
    }

    function acceptAdmin(address account) external {
        require(isPendingAdmin[account][msg.sender], AdminNotPending());
        isPendingAdmin[account][msg.sender] = false;
        _admins[account][msg.sender] = true;
        ++adminCount[account];
    }

    function setAppointee(address account, address appointee, address target, bytes4 selector) external {
        require(isAdmin(account, msg.sender), NotAdmin());
        bytes32 what = keccak256(abi.encode(target, selector));
        require(!_appointed[account][appointee][what], AppointeeAlreadySet());
        _appointed[account][appointee][what] = true;
    }

    function canCall(address account, address caller, address target, bytes4 selector) external view returns (bool) {
        return isAdmin(account, caller) || _appointed[account][caller][keccak256(abi.encode(target, selector))];
    }

    function isAdmin(address account, address caller) public view returns (bool) {
        return adminCount[account] == 0 ? account == caller : _admins[account][caller];
    }
}
