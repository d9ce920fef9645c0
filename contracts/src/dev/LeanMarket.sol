// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title LeanMarket
/// @notice What benchmarks compare the ledger with: the least that a contract can do to sell a package of calls, which is to
/// move the fee and to record whom the access key entitles until when. One new storage slot a purchase, no event, no check
/// that it could do without. Not part of the product.
contract LeanMarket {
    IERC20 private immutable _token;

    /// @notice Provider (160 bits), service (32 bits) and expiry (64 bits) by access key.
    mapping(bytes32 accessKey => uint256 purchase) public purchases;

    constructor(IERC20 token) {
        _token = token;
    }

    /// @notice Buys. The caller has approved the fee.
    function buy(bytes32 accessKey, uint256 purchase, uint256 fee) external {
        // OpenZeppelin's tokens revert, and the bits above the provider's address are the service and the expiry.
        // forge-lint: disable-next-line(erc20-unchecked-transfer, unsafe-typecast)
        _token.transferFrom(msg.sender, address(uint160(purchase)), fee);
        purchases[accessKey] = purchase;
    }
}
