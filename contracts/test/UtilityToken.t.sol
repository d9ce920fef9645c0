// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Test} from "forge-std/Test.sol";
import {DevToken} from "src/dev/DevToken.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";

contract UtilityTokenTest is Test {
    address internal holder = makeAddr("holder");

    function test_mintsTheWholeSupplyToTheHolder() public {
        UtilityToken token = new UtilityToken(holder, 7 ether);
        assertEq(token.totalSupply(), 7 ether);
        assertEq(token.balanceOf(holder), 7 ether);
        assertEq(token.name(), "Rampart Utility");
        assertEq(token.symbol(), "RMPT");
        assertEq(token.decimals(), 18);
    }

    function test_refusesZeroHolder() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        new UtilityToken(address(0), 1);
    }

    function test_refusesZeroSupply() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        new UtilityToken(holder, 0);
    }

    function test_acceptsTheLargestSupplyOfTheLedger() public {
        assertEq(new UtilityToken(holder, type(uint128).max).totalSupply(), type(uint128).max);
    }

    function testFuzz_refusesSupplyBeyondTheLedgersAmounts(uint256 supply) public {
        supply = bound(supply, uint256(type(uint128).max) + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SupplyTooLarge.selector, supply, type(uint128).max));
        new UtilityToken(holder, supply);
    }

    function testFuzz_transferMovesExactlyItsAmount(uint128 supply, uint256 amount, address to) public {
        vm.assume(supply != 0 && to != address(0) && to != holder);
        amount = bound(amount, 0, supply);
        UtilityToken token = new UtilityToken(holder, supply);
        vm.prank(holder);
        assertTrue(token.transfer(to, amount));
        assertEq(token.balanceOf(to), amount);
        assertEq(token.balanceOf(holder), supply - amount);
        assertEq(token.totalSupply(), supply);
    }

    function test_permitSetsTheAllowanceOnce() public {
        uint256 key = uint256(keccak256("permit"));
        address owner = vm.addr(key);
        UtilityToken token = new UtilityToken(owner, 1 ether);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typehash, owner, holder, 5, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), structHash)));
        token.permit(owner, holder, 5, block.timestamp, v, r, s);
        assertEq(token.allowance(owner, holder), 5);
        assertEq(token.nonces(owner), 1);

        vm.expectPartialRevert(bytes4(keccak256("ERC2612InvalidSigner(address,address)")));
        token.permit(owner, holder, 5, block.timestamp, v, r, s);
    }

    function test_devTokenMintsItsSupplyToTheDeployer() public {
        vm.prank(holder);
        DevToken token = new DevToken(1000 ether);
        assertEq(token.balanceOf(holder), 1000 ether);
        assertEq(token.totalSupply(), 1000 ether);
    }
}
