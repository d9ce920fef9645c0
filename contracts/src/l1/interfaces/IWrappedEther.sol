// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title IWrappedEther
/// @notice A token that is ether one for one, as WETH9.
interface IWrappedEther {
    function deposit() external payable;
}
