// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDelegationManager} from "./interfaces/IDelegationManager.sol";
import {IStrategyManager} from "./interfaces/IStrategyManager.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title PositionAccount
/// @notice A staker of EigenLayer on the vault's behalf: all shares of a staker are delegated to one operator, so the vault
/// has one of these for each operator, as a minimal proxy. It obeys the vault alone and decides nothing. It has no storage:
/// what it needs is in the code that the proxies share.
contract PositionAccount {
    using SafeERC20 for IERC20;

    address public immutable vault;
    IDelegationManager public immutable delegationManager;
    IStrategyManager public immutable strategyManager;
    address public immutable strategy;
    IERC20 public immutable asset;

    modifier onlyVault() {
        require(msg.sender == vault, ErrorsLib.Unauthorized(msg.sender, vault));
        _;
    }

    constructor(
        IDelegationManager delegationManager_,
        IStrategyManager strategyManager_,
        address strategy_,
        IERC20 asset_
    ) {
        vault = msg.sender;
        delegationManager = delegationManager_;
        strategyManager = strategyManager_;
        strategy = strategy_;
        asset = asset_;
    }

    /// @notice Delegates to `operator`; `approval` is for operators that approve their stakers.
    function delegate(address operator, IDelegationManager.SignatureWithExpiry calldata approval, bytes32 salt)
        external
        onlyVault
    {
        delegationManager.delegateTo(operator, approval, salt);
    }

    /// @notice Deposits all of the asset that is here: a transfer may have delivered a little less than was asked.
    /// @return The shares that the strategy gave.
    function deposit() external onlyVault returns (uint256) {
        uint256 amount = asset.balanceOf(address(this));
        asset.forceApprove(address(strategyManager), amount);
        return strategyManager.depositIntoStrategy(strategy, address(asset), amount);
    }

    /// @notice Queues a withdrawal of deposit shares. Its root names it in the core.
    function queue(uint256 depositShares) external onlyVault returns (bytes32 root) {
        IDelegationManager.QueuedWithdrawalParams[] memory params = new IDelegationManager.QueuedWithdrawalParams[](1);
        params[0].strategies = _one(strategy);
        params[0].depositShares = new uint256[](1);
        params[0].depositShares[0] = depositShares;
        root = delegationManager.queueWithdrawals(params)[0];
    }

    /// @notice Completes a withdrawal and passes on what it brought.
    function complete(bytes32 root, address recipient) external onlyVault returns (uint256 amount) {
        uint256 before = asset.balanceOf(address(this));
        _complete(root, true);
        amount = asset.balanceOf(address(this)) - before;
        if (amount != 0) asset.safeTransfer(recipient, amount);
    }

    /// @notice Completes a withdrawal that the operator caused, back into shares of this account.
    function reclaim(bytes32 root) external onlyVault {
        _complete(root, false);
    }

    function _complete(bytes32 root, bool asTokens) private {
        delegationManager.completeQueuedWithdrawal(
            delegationManager.queuedWithdrawals(root), _one(address(asset)), asTokens
        );
    }

    function _one(address element) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = element;
    }
}
