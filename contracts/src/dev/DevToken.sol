// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title DevToken
/// @notice An ordinary ERC-20 on the development network's layer 1: something for a wallet to hold, and for a drainer
/// to ask an approval of. Not part of the product.
contract DevToken is ERC20 {
    /// @param supply Base units (18 decimals), all minted to the deployer.
    constructor(uint256 supply) ERC20("Rampart Dev Dollar", "DEVD") {
        _mint(msg.sender, supply);
    }
}
