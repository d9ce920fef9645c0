// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Makes one call of the test's choice during its next transfer, as a token with hooks would let a recipient do,
/// and remembers how that call ended.
contract ReentrantToken is ERC20("Reentrant", "RENT") {
    address private target;
    bytes private payload;

    bool public called;
    bool public succeeded;
    bytes public answer;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function arm(address target_, bytes calldata payload_) external {
        (target, payload, called) = (target_, payload_, false);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0)) return;
        address callee = target;
        target = address(0);
        called = true;
        (succeeded, answer) = callee.call(payload);
    }
}
