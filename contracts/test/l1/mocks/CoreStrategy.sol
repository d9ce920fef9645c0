// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice Stands for EigenLayer's StrategyBase: shares of a token's balance, with a thousand virtual ones of each.
contract CoreStrategy {
    error OnlyStrategyManager();
    error NewSharesZero();
    error OnlyUnderlyingToken();

    uint256 private constant OFFSET = 1e3;

    address public immutable underlyingToken;
    address public immutable strategyManager;
    uint256 public totalShares;

    constructor(address token, address strategyManager_) {
        underlyingToken = token;
        strategyManager = strategyManager_;
    }

    modifier onlyStrategyManager() {
        require(msg.sender == strategyManager, OnlyStrategyManager());
        _;
    }

    /// @dev The tokens are here already.
    function deposit(address token, uint256 amount) external onlyStrategyManager returns (uint256 shares) {
        require(token == underlyingToken, OnlyUnderlyingToken());
        uint256 before = balance() + OFFSET - amount;
        shares = amount * (totalShares + OFFSET) / before;
        require(shares != 0, NewSharesZero());
        totalShares += shares;
    }

    function withdraw(address recipient, address token, uint256 shares) external onlyStrategyManager {
        require(token == underlyingToken, OnlyUnderlyingToken());
        uint256 amount = (balance() + OFFSET) * shares / (totalShares + OFFSET);
        totalShares -= shares;
        require(IERC20(token).transfer(recipient, amount));
    }

    function balance() private view returns (uint256) {
        return IERC20(underlyingToken).balanceOf(address(this));
    }
}
