// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreDelegation} from "./CoreDelegation.sol";
import {CoreStrategy} from "./CoreStrategy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice Stands for EigenLayer's StrategyManager, for the parts that stakers meet. Any strategy is on its list.
contract CoreStrategyManager {
    error OnlyDelegationManager();
    error SharesAmountZero();
    error SharesAmountTooHigh();

    address internal constant BURN_ADDRESS = address(0xe16E4);

    CoreDelegation public delegation;
    mapping(address staker => mapping(address strategy => uint256)) public stakerDepositShares;
    mapping(address strategy => uint256) public getBurnableShares;

    mapping(address staker => address[]) private _strategies;

    modifier onlyDelegation() {
        require(msg.sender == address(delegation), OnlyDelegationManager());
        _;
    }

    function wire(CoreDelegation delegation_) external {
        delegation = delegation_;
    }

    function depositIntoStrategy(address strategy, address token, uint256 amount) external returns (uint256 shares) {
        require(IERC20(token).transferFrom(msg.sender, strategy, amount));
        shares = CoreStrategy(strategy).deposit(token, amount);
        uint256 before = _add(msg.sender, strategy, shares);
        delegation.increaseDelegatedShares(msg.sender, strategy, before, shares);
    }

    function addShares(address staker, address strategy, uint256 shares) external onlyDelegation returns (uint256) {
        return _add(staker, strategy, shares);
    }

    function removeDepositShares(address staker, address strategy, uint256 shares)
        external
        onlyDelegation
        returns (uint256 left)
    {
        require(shares != 0, SharesAmountZero());
        require(shares <= stakerDepositShares[staker][strategy], SharesAmountTooHigh());
        left = stakerDepositShares[staker][strategy] - shares;
        stakerDepositShares[staker][strategy] = left;
    }

    function withdrawSharesAsTokens(address staker, address strategy, address token, uint256 shares)
        external
        onlyDelegation
    {
        CoreStrategy(strategy).withdraw(staker, token, shares);
    }

    function increaseBurnableShares(address strategy, uint256 shares) external onlyDelegation {
        getBurnableShares[strategy] += shares;
    }

    function burnShares(address strategy) external {
        uint256 shares = getBurnableShares[strategy];
        getBurnableShares[strategy] = 0;
        if (shares != 0) {
            CoreStrategy(strategy).withdraw(BURN_ADDRESS, CoreStrategy(strategy).underlyingToken(), shares);
        }
    }

    function getDeposits(address staker) external view returns (address[] memory list, uint256[] memory shares) {
        address[] memory all = _strategies[staker];
        uint256 count;
        for (uint256 i = 0; i < all.length; ++i) {
            if (stakerDepositShares[staker][all[i]] != 0) ++count;
        }
        list = new address[](count);
        shares = new uint256[](count);
        for (uint256 i = all.length; i > 0; --i) {
            uint256 held = stakerDepositShares[staker][all[i - 1]];
            if (held == 0) continue;
            (list[--count], shares[count]) = (all[i - 1], held);
        }
    }

    function _add(address staker, address strategy, uint256 shares) private returns (uint256 before) {
        require(shares != 0, SharesAmountZero());
        before = stakerDepositShares[staker][strategy];
        bool known = false;
        for (uint256 i = 0; i < _strategies[staker].length; ++i) {
            if (_strategies[staker][i] == strategy) known = true;
        }
        if (!known) _strategies[staker].push(strategy);
        stakerDepositShares[staker][strategy] = before + shares;
    }
}
