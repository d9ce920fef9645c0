// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title UtilityToken
/// @notice The token that pays for API calls, stakes providers and rewards operators (U1, U3).
///
/// The whole supply is minted at construction and there is no owner, minter, pauser or upgrade: balances change by
/// transfer alone, and a transfer moves exactly its amount. 18 decimals. EIP-2612 permits save the deposit an
/// approval transaction.
contract UtilityToken is ERC20, ERC20Permit {
    /// @param holder Receives the whole supply; must not be zero (refused by ERC20).
    /// @param supply Base units. Bounded so that any sum of balances fits the ledger's 128-bit amounts.
    constructor(address holder, uint256 supply) ERC20("Rampart Utility", "RMPT") ERC20Permit("Rampart Utility") {
        require(supply != 0, ErrorsLib.ZeroAmount());
        require(supply <= type(uint128).max, ErrorsLib.SupplyTooLarge(supply, type(uint128).max));
        _mint(holder, supply);
    }
}
