// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FalseToken} from "./mocks/FalseToken.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

contract SettlementDepositTest is SettlementFixture {
    address internal account = makeAddr("account");

    struct Permit {
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    function test_numbersDepositsFromZeroWithoutGaps() public {
        for (uint64 i = 0; i < 3; ++i) {
            vm.expectEmit(address(settlement));
            emit EventsLib.Deposited(i, account, consumer, 10 + i);
            depositAs(consumer, account, 10 + i);
            assertEq(settlement.inboxCount(), i + 1);
        }
        assertEq(token.balanceOf(address(settlement)), 33);
    }

    function test_refusesZeroAmount() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        depositAs(consumer, account, 0);
    }

    function test_refusesZeroAccount() public {
        vm.expectRevert(ErrorsLib.ZeroAccount.selector);
        depositAs(consumer, address(0), 1);
    }

    function test_refusedDepositTakesNoNumber() public {
        depositAs(consumer, account, 1);
        address poor = makeAddr("poor");
        bytes memory reason =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(settlement), 0, 1);
        vm.expectRevert(reason);
        depositAs(poor, account, 1);
        assertEq(settlement.inboxCount(), 1);
        assertEq(token.balanceOf(address(settlement)), 1);
    }

    function test_refusesMoreThanTheBalance() public {
        uint256 balance = token.balanceOf(consumer);
        bytes memory reason =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, consumer, balance, balance + 1);
        vm.expectRevert(reason);
        depositAs(consumer, account, uint128(balance + 1));
    }

    function test_refusesTokenThatAnswersFalse() public {
        FalseToken liar = new FalseToken();
        settle(liar);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(liar)));
        depositAs(consumer, account, 1);
        assertEq(settlement.inboxCount(), 0);
    }

    function testFuzz_movesExactlyTheAmount(address to, uint128 amount) public {
        vm.assume(to != address(0));
        uint256 before = token.balanceOf(consumer);
        amount = uint128(bound(amount, 1, before));
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(0, to, consumer, amount);
        depositAs(consumer, to, amount);
        assertEq(token.balanceOf(consumer), before - amount);
        assertEq(token.balanceOf(address(settlement)), amount);
    }

    function test_depositsWithPermitAndNoApproval() public {
        revokeApproval();
        Permit memory p = permitFor(7 ether, block.timestamp, CONSUMER_KEY);
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(0, account, consumer, 7 ether);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 7 ether, p.deadline, p.v, p.r, p.s);
        assertEq(token.balanceOf(address(settlement)), 7 ether);
        assertEq(token.allowance(consumer, address(settlement)), 0);
    }

    function test_depositsWhenAnotherSubmittedThePermitFirst() public {
        revokeApproval();
        Permit memory p = permitFor(7 ether, block.timestamp, CONSUMER_KEY);
        vm.prank(makeAddr("front-runner"));
        token.permit(consumer, address(settlement), 7 ether, p.deadline, p.v, p.r, p.s);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 7 ether, p.deadline, p.v, p.r, p.s);
        assertEq(settlement.inboxCount(), 1);
        assertEq(token.balanceOf(address(settlement)), 7 ether);
    }

    function test_depositsOnAStandingApprovalWhenThePermitIsWorthless() public {
        vm.prank(consumer);
        settlement.depositWithPermit(account, 1 ether, 0, 0, 0, 0);
        assertEq(settlement.inboxCount(), 1);
    }

    function test_refusesExpiredPermitWithoutApproval() public {
        revokeApproval();
        Permit memory p = permitFor(1 ether, block.timestamp, CONSUMER_KEY);
        vm.warp(block.timestamp + 1);
        expectNoAllowance(0, 1 ether);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 1 ether, p.deadline, p.v, p.r, p.s);
    }

    function test_refusesPermitOfAnotherSigner() public {
        revokeApproval();
        Permit memory p = permitFor(1 ether, block.timestamp, uint256(keccak256("thief")));
        expectNoAllowance(0, 1 ether);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 1 ether, p.deadline, p.v, p.r, p.s);
    }

    function test_refusesPermitForAnotherAmount() public {
        revokeApproval();
        Permit memory p = permitFor(1 ether, block.timestamp, CONSUMER_KEY);
        expectNoAllowance(0, 2 ether);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 2 ether, p.deadline, p.v, p.r, p.s);
    }

    function test_permitOfOneCannotFundTheDepositOfAnother() public {
        revokeApproval();
        Permit memory p = permitFor(1 ether, block.timestamp, CONSUMER_KEY);
        expectNoAllowance(0, 1 ether);
        vm.prank(makeAddr("thief"));
        settlement.depositWithPermit(account, 1 ether, p.deadline, p.v, p.r, p.s);
    }

    function test_permitDoesNotExcuseZeroes() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(consumer);
        settlement.depositWithPermit(account, 0, 0, 0, 0, 0);
        vm.expectRevert(ErrorsLib.ZeroAccount.selector);
        vm.prank(consumer);
        settlement.depositWithPermit(address(0), 1, 0, 0, 0, 0);
    }

    function revokeApproval() private {
        vm.prank(consumer);
        token.approve(address(settlement), 0);
    }

    function expectNoAllowance(uint256 allowance, uint256 needed) private {
        bytes memory reason = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientAllowance.selector, address(settlement), allowance, needed
        );
        vm.expectRevert(reason);
    }

    function permitFor(uint256 value, uint256 deadline, uint256 key) private view returns (Permit memory) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash =
            keccak256(abi.encode(typehash, consumer, address(settlement), value, token.nonces(consumer), deadline));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), structHash)));
        return Permit(value, deadline, v, r, s);
    }
}
