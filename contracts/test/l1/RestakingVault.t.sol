// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreDelegation} from "./mocks/CoreDelegation.sol";
import {L1Fixture} from "./support/L1Fixture.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {GovernanceToken} from "src/l1/GovernanceToken.sol";
import {Outbox} from "src/l1/Outbox.sol";
import {RestakingVault} from "src/l1/RestakingVault.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {IDelegationManager} from "src/l1/interfaces/IDelegationManager.sol";
import {IStrategyManager} from "src/l1/interfaces/IStrategyManager.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";

contract RestakingVaultTest is L1Fixture {
    // Restaking.

    function test_restakingDelegatesMintsAndTellsTheLedger() public {
        vm.expectEmit(address(vault));
        emit EventsLib.PositionOpened(alpha, vault.accountOf(alpha));
        vm.expectEmit(address(vault));
        emit EventsLib.Restaked(alpha, ann, 10 ether, 10 ether);
        vm.expectEmit(address(outbox));
        emit EventsLib.InvestorWeight(2, alpha, ann, 10 ether);
        assertEq(restake(ann, alpha, 10 ether), 10 ether);

        assertEq(token.balanceOf(ann), 10 ether);
        assertEq(vault.positionOf(alpha, ann), 10 ether);
        assertEq(vault.totalOf(ann), 10 ether);
        assertEq(vault.weightOf(alpha, ann), 10 ether);
        assertEq(vault.withdrawable(alpha), 10 ether);
        assertEq(delegation.delegatedTo(vault.accountOf(alpha)), alpha);
        assertEq(delegation.operatorShares(alpha, address(strategy)), 10 ether);
        assertEq(asset.balanceOf(address(strategy)), 10 ether);
    }

    function test_severalInvestorsShareOneAccountOfTheOperator() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 30 ether);
        restake(ann, alpha, 5 ether);
        assertEq(vault.positionOf(alpha, ann), 15 ether);
        assertEq(vault.positionOf(alpha, bob), 30 ether);
        assertEq(vault.poolOf(alpha).principal, 45 ether);
        assertEq(vault.withdrawable(alpha), 45 ether);
    }

    function test_eachOperatorHasItsOwnAccount() public {
        address beta = addOperator("beta", 1e18);
        restake(ann, alpha, 10 ether);
        restake(ann, beta, 20 ether);
        assertNotEq(vault.accountOf(alpha), vault.accountOf(beta));
        assertEq(vault.totalOf(ann), 30 ether);
        assertEq(vault.weightOf(alpha, ann), 10 ether);
        assertEq(vault.weightOf(beta, ann), 20 ether);
        assertEq(token.balanceOf(ann), 30 ether);
    }

    function test_restakesEther() public {
        vm.deal(ann, 3 ether);
        vm.prank(ann);
        assertEq(vault.restakeEther{value: 3 ether}(alpha), 3 ether);
        assertEq(vault.positionOf(alpha, ann), 3 ether);
        assertEq(asset.balanceOf(address(strategy)), 3 ether);
    }

    function test_refusesEtherWhenTheAssetIsNotEther() public {
        RestakingVault other = new RestakingVault(
            token,
            outbox,
            manager,
            IDelegationManager(address(delegation)),
            IStrategyManager(address(strategyManager)),
            address(strategy),
            false
        );
        vm.deal(ann, 3 ether);
        vm.prank(ann);
        vm.expectRevert(ErrorsLib.AssetIsNotEther.selector);
        other.restakeEther{value: 3 ether}(alpha);
    }

    function test_refusesDust() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BelowMinimum.selector, 1e12 - 1, 1e12));
        restake(ann, alpha, 1e12 - 1);
        assertEq(restake(ann, alpha, 1e12), 1e12);
    }

    function test_refusesWhoIsNotAnOperatorOfTheService() public {
        address stranger = makeAddr("stranger");
        vm.prank(stranger);
        delegation.registerAsOperator(address(0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAnOperator.selector, stranger));
        restake(ann, stranger, 1 ether);

        deregister(alpha);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAnOperator.selector, alpha));
        restake(ann, alpha, 1 ether);
    }

    function test_refusesWithoutApproval() public {
        vm.startPrank(ann);
        asset.approve(address(vault), 0);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, vault, 0, 1 ether));
        vault.restake(alpha, 1 ether);
        vm.stopPrank();
    }

    function test_opensThePoolOfAnOperatorThatApprovesItsStakers() public {
        (address approver, uint256 key) = makeAddrAndKey("approver");
        address strict = makeAddr("strict");
        vm.prank(strict);
        delegation.registerAsOperator(approver, 0, "");
        register(strict, registration(strict, "strict", 0));

        vm.expectRevert(CoreDelegation.SignatureExpired.selector);
        restake(ann, strict, 1 ether);

        bytes32 salt = keccak256("salt");
        uint256 expiry = block.timestamp + 1 hours;
        bytes32 digest =
            delegation.calculateDelegationApprovalDigestHash(vault.accountOf(strict), strict, approver, salt, expiry);
        vault.open(strict, IDelegationManager.SignatureWithExpiry(sign(key, digest), expiry), salt);
        assertEq(restake(ann, strict, 1 ether), 1 ether);
    }

    function test_openingTwiceIsHarmless() public {
        IDelegationManager.SignatureWithExpiry memory none;
        vault.open(alpha, none, 0);
        restake(ann, alpha, 1 ether);
        vault.open(alpha, none, 0);
        assertEq(vault.positionOf(alpha, ann), 1 ether);
        assertEq(vault.poolOf(alpha).generation, 1);
    }

    function test_donationsToTheStrategyGiveNoVotes() public {
        restake(ann, alpha, 10 ether);
        fund(address(strategy), 10 ether);
        assertEq(vault.positionOf(alpha, ann), 10 ether);
        uint128 credited = restake(bob, alpha, 10 ether);
        assertApproxEqAbs(credited, 5 ether, 1e4);
        assertEq(token.balanceOf(bob), credited);
    }

    function test_constructionRefusesDependenciesWithoutCode() public {
        address none = makeAddr("none");
        IDelegationManager d = IDelegationManager(address(delegation));
        IStrategyManager s = IStrategyManager(address(strategyManager));
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, none);
        vm.expectRevert(reason);
        new RestakingVault(GovernanceToken(none), outbox, manager, d, s, address(strategy), true);
        vm.expectRevert(reason);
        new RestakingVault(token, Outbox(none), manager, d, s, address(strategy), true);
        vm.expectRevert(reason);
        new RestakingVault(token, outbox, ServiceManager(payable(none)), d, s, address(strategy), true);
    }

    // Withdrawing.

    function test_withdrawalBurnsAtOnceAndPaysAfterTheDelay() public {
        restake(ann, alpha, 10 ether);
        uint256 id = requestWithdrawal(ann, alpha, 4 ether);
        assertEq(token.balanceOf(ann), 6 ether);
        assertEq(vault.positionOf(alpha, ann), 6 ether);
        assertEq(vault.weightOf(alpha, ann), 6 ether);
        assertEq(vault.withdrawalOf(id).investor, ann);

        vm.roll(block.number + WITHDRAWAL_DELAY);
        vm.expectRevert(CoreDelegation.WithdrawalDelayNotElapsed.selector);
        vault.completeWithdrawal(id);

        vm.roll(block.number + 1);
        uint256 before = asset.balanceOf(ann);
        vm.expectEmit(address(vault));
        emit EventsLib.WithdrawalCompleted(id, ann, 4 ether);
        vm.prank(bob);
        assertEq(vault.completeWithdrawal(id), 4 ether);
        assertEq(asset.balanceOf(ann) - before, 4 ether);

        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.UnknownWithdrawal.selector, id));
        vault.completeWithdrawal(id);
    }

    function test_theLastWithdrawalEmptiesThePoolAndANewGenerationBegins() public {
        restake(ann, alpha, 10 ether);
        requestWithdrawal(ann, alpha, 10 ether);
        assertEq(vault.poolOf(alpha).principal, 0);
        assertEq(vault.poolOf(alpha).generation, 2);
        assertEq(vault.withdrawable(alpha), 0);
        assertEq(token.balanceOf(ann), 0);
        assertEq(restake(bob, alpha, 2 ether), 2 ether);
        assertEq(vault.positionOf(alpha, ann), 0);
        assertEq(vault.positionOf(alpha, bob), 2 ether);
    }

    function test_refusesToWithdrawMoreThanThePosition() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.PositionTooSmall.selector, 10 ether, 10 ether + 1));
        requestWithdrawal(ann, alpha, 10 ether + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.PositionTooSmall.selector, 0, 1));
        requestWithdrawal(makeAddr("nobody"), alpha, 1);
    }

    function test_refusesToWithdrawNothingOrToLeaveDust() public {
        restake(ann, alpha, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BelowMinimum.selector, 0, 1e12));
        requestWithdrawal(ann, alpha, 0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BelowMinimum.selector, 1e12 - 1, 1e12));
        requestWithdrawal(ann, alpha, 1e12 - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BelowMinimum.selector, 1e12 - 1, 1e12));
        requestWithdrawal(ann, alpha, 10 ether - 1e12 + 1);
        requestWithdrawal(ann, alpha, 1e12);
    }

    function test_withdrawalNeedsTheTokensBack() public {
        restake(ann, alpha, 10 ether);
        move(ann, bob, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ann, 9 ether, 10 ether));
        requestWithdrawal(ann, alpha, 10 ether);
        requestWithdrawal(ann, alpha, 9 ether);
        assertEq(token.balanceOf(ann), 0);
        assertEq(vault.positionOf(alpha, ann), 1 ether);
    }

    function test_tokensBoughtFromAnotherFreeAPosition() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 10 ether);
        move(ann, makeAddr("market"), 10 ether);
        move(bob, ann, 10 ether);
        requestWithdrawal(ann, alpha, 10 ether);
        assertEq(vault.positionOf(alpha, ann), 0);
    }

    function test_operatorMayLeaveTheServiceAndStakeStillGoesHome() public {
        restake(ann, alpha, 10 ether);
        deregister(alpha);
        uint256 id = requestWithdrawal(ann, alpha, 10 ether);
        passWithdrawalDelay();
        assertEq(vault.completeWithdrawal(id), 10 ether);
    }

    // Slashing.

    function test_slashingShrinksPositionsAndBurnsTokensInProportion() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 30 ether);
        slash(alpha, 0.25e18);

        vm.expectEmit(address(vault));
        emit EventsLib.PositionsReduced(alpha, 10 ether, 30 ether);
        vm.expectEmit(address(vault));
        emit EventsLib.LossTaken(alpha, ann, 2.5 ether, 2.5 ether, 0);
        vault.poke(alpha, ann);
        vault.poke(alpha, bob);
        assertEq(vault.positionOf(alpha, ann), 7.5 ether);
        assertEq(vault.positionOf(alpha, bob), 22.5 ether);
        assertEq(token.balanceOf(ann), 7.5 ether);
        assertEq(token.balanceOf(bob), 22.5 ether);
        assertEq(vault.weightOf(alpha, ann), 7.5 ether);
        assertEq(token.totalSupply(), ALLOCATED + 30 ether);
    }

    function test_movedTokensBecomeADebt() public {
        restake(ann, alpha, 10 ether);
        move(ann, bob, 9 ether);
        slash(alpha, 0.5e18);
        vm.expectEmit(address(vault));
        emit EventsLib.LossTaken(alpha, ann, 5 ether, 1 ether, 4 ether);
        vault.poke(alpha, ann);
        assertEq(vault.debtOf(ann), 4 ether);
        assertEq(vault.weightOf(alpha, ann), 0);
        assertEq(token.balanceOf(ann), 0);
        assertEq(token.balanceOf(bob), 9 ether);

        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.DebtOutstanding.selector, 4 ether));
        requestWithdrawal(ann, alpha, 5 ether);
    }

    function test_whatADebtorReceivesIsBurnedFirst() public {
        restake(ann, alpha, 10 ether);
        move(ann, bob, 10 ether);
        slash(alpha, 0.5e18);
        vault.poke(alpha, ann);
        move(bob, ann, 3 ether);
        vm.expectEmit(address(vault));
        emit EventsLib.DebtPaid(ann, 3 ether, 2 ether);
        vault.poke(alpha, ann);
        move(bob, ann, 7 ether);
        requestWithdrawal(ann, alpha, 5 ether);
        assertEq(vault.debtOf(ann), 0);
        assertEq(token.totalSupply(), ALLOCATED);
        assertEq(vault.totalOf(ann), 0);
    }

    function test_newDepositsPayTheDebtFirst() public {
        restake(ann, alpha, 10 ether);
        move(ann, bob, 10 ether);
        slash(alpha, 0.5e18);
        restake(ann, alpha, 3 ether);
        // The core rounds the mixture of old and new shares by some units.
        assertApproxEqAbs(vault.debtOf(ann), 2 ether, 20);
        assertEq(token.balanceOf(ann), 0);
        assertApproxEqAbs(vault.positionOf(alpha, ann), 8 ether, 20);
        assertEq(vault.weightOf(alpha, ann), 0);
        restake(ann, alpha, 4 ether);
        assertEq(vault.debtOf(ann), 0);
        assertApproxEqAbs(token.balanceOf(ann), 2 ether, 40);
        assertEq(vault.weightOf(alpha, ann), token.balanceOf(ann));
    }

    function test_whatIsInTheQueueIsSlashedToo() public {
        restake(ann, alpha, 10 ether);
        uint256 id = requestWithdrawal(ann, alpha, 10 ether);
        vm.roll(block.number + WITHDRAWAL_DELAY);
        slash(alpha, 0.25e18);
        vm.roll(block.number + 1);
        assertEq(vault.completeWithdrawal(id), 7.5 ether);
        assertEq(vault.debtOf(ann), 0);
    }

    function test_whoComesAfterASlashingDoesNotPayForIt() public {
        restake(ann, alpha, 10 ether);
        slash(alpha, 0.5e18);
        uint128 credited = restake(bob, alpha, 10 ether);
        assertEq(credited, 10 ether);
        assertEq(vault.positionOf(alpha, bob), 10 ether);
        assertEq(vault.positionOf(alpha, ann), 5 ether);
        slash(alpha, 0.5e18);
        vault.poke(alpha, bob);
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, bob), 5 ether);
        assertEq(vault.positionOf(alpha, ann), 2.5 ether);
    }

    function test_aTotalSlashingLeavesNothingAndTheOperatorTakesNoMore() public {
        restake(ann, alpha, 10 ether);
        slash(alpha, 1e18);
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 0);
        assertEq(token.balanceOf(ann), 0);
        assertEq(vault.poolOf(alpha).generation, 2);
        vm.expectRevert(CoreDelegation.FullySlashed.selector);
        restake(bob, alpha, 1 ether);
    }

    function test_refusesDepositsThatTheCoreWouldRoundAway() public {
        expectTooSlashed(0, 0);
        expectTooSlashed(7 ether, 8 ether - 1e12 - 1);
        expectTooSlashed(7 ether, 6 ether);
    }

    /// @dev Deposits one ether while the core says that the pool held `before` and holds `after_`.
    function expectTooSlashed(uint256 before, uint256 after_) private {
        bytes memory call = abi.encodeWithSelector(IDelegationManager.getWithdrawableShares.selector);
        bytes[] memory answers = new bytes[](2);
        answers[0] = abi.encode(one(before), one(0));
        answers[1] = abi.encode(one(after_), one(0));
        vm.mockCalls(address(delegation), call, answers);
        uint256 credited = after_ > before ? after_ - before : 0;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OperatorTooSlashed.selector, alpha, 1 ether, credited));
        restake(bob, alpha, 1 ether);
    }

    function one(uint256 value) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }

    function test_partialWithdrawalFromAPoolSlashedToAlmostNothingIsPaidInFull() public {
        restake(ann, alpha, 10 ether);
        slash(alpha, 1e18 - 1);
        uint128 credited = restake(bob, alpha, 10 ether);
        assertApproxEqAbs(credited, 10 ether, 100);
        uint256 id = requestWithdrawal(bob, alpha, 1.5 ether);
        passWithdrawalDelay();
        assertApproxEqAbs(vault.completeWithdrawal(id), 1.5 ether, 10);
    }

    function test_slashingOneOperatorLeavesTheOthersAlone() public {
        address beta = addOperator("beta", 1e18);
        restake(ann, alpha, 10 ether);
        restake(ann, beta, 10 ether);
        slash(alpha, 0.5e18);
        vault.poke(alpha, ann);
        vault.poke(beta, ann);
        assertEq(vault.positionOf(alpha, ann), 5 ether);
        assertEq(vault.positionOf(beta, ann), 10 ether);
        assertEq(vault.weightOf(beta, ann), 10 ether);
        assertEq(token.balanceOf(ann), 15 ether);
    }

    function test_syncWritesALossDownOnce() public {
        restake(ann, alpha, 10 ether);
        slash(alpha, 0.1e18);
        vault.sync(alpha);
        uint128 index = vault.poolOf(alpha).index;
        assertEq(index, 0.9e36);
        vault.sync(alpha);
        assertEq(vault.poolOf(alpha).index, index);
        vault.sync(makeAddr("unknown"));
    }

    // Effective weight.

    function test_weightIsTheSmallerOfPositionAndHolding() public {
        restake(ann, alpha, 10 ether);
        move(ann, bob, 4 ether);
        assertEq(vault.weightOf(alpha, ann), 10 ether, "stale until poked");
        vm.expectEmit(address(outbox));
        emit EventsLib.InvestorWeight(3, alpha, ann, 6 ether);
        vault.poke(alpha, ann);
        assertEq(vault.weightOf(alpha, ann), 6 ether);

        vault.poke(alpha, bob);
        assertEq(vault.weightOf(alpha, bob), 0, "tokens without a position");
        restake(bob, alpha, 5 ether);
        assertEq(vault.weightOf(alpha, bob), 5 ether, "more tokens than position");
    }

    function test_noTokenCountsAtTwoOperators() public {
        address beta = addOperator("beta", 1e18);
        restake(ann, alpha, 10 ether);
        restake(ann, beta, 30 ether);
        move(ann, bob, 20 ether);
        vault.poke(alpha, ann);
        vault.poke(beta, ann);
        assertEq(vault.weightOf(alpha, ann), 5 ether);
        assertEq(vault.weightOf(beta, ann), 15 ether);
    }

    function test_aPokeThatChangesNothingTellsNothing() public {
        restake(ann, alpha, 10 ether);
        uint64 entries = outbox.next();
        vault.poke(alpha, ann);
        vault.poke(alpha, makeAddr("nobody"));
        vault.poke(makeAddr("unknown"), ann);
        assertEq(outbox.next(), entries);
    }

    // An operator that turns its stakers away.

    function test_stakeTurnedAwayStandsStillUntilReclaimedAndThenGoesHome() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 30 ether);
        bytes32 root = turnAway();
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 10 ether);
        assertEq(token.balanceOf(ann), 10 ether);
        assertEq(vault.weightOf(alpha, ann), 0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AwaitsReclaim.selector, alpha));
        requestWithdrawal(ann, alpha, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelegated.selector, alpha));
        restake(ann, alpha, 10 ether);

        vm.expectRevert(CoreDelegation.WithdrawalDelayNotElapsed.selector);
        vault.reclaim(alpha, root);
        passWithdrawalDelay();
        vm.expectEmit(address(vault));
        emit EventsLib.Reclaimed(alpha, root);
        vault.reclaim(alpha, root);
        assertEq(vault.withdrawable(alpha), 40 ether);

        uint256 id = requestWithdrawal(ann, alpha, 10 ether);
        passWithdrawalDelay();
        assertEq(vault.completeWithdrawal(id), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelegated.selector, alpha));
        restake(ann, alpha, 10 ether);
    }

    function test_slashingWhileTurnedAwayIsTakenAtTheReclaim() public {
        restake(ann, alpha, 10 ether);
        bytes32 root = turnAway();
        slash(alpha, 0.5e18);
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 10 ether);
        passWithdrawalDelay();
        vault.reclaim(alpha, root);
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 5 ether);
        assertEq(token.balanceOf(ann), 5 ether);
    }

    function test_totalSlashingWhileTurnedAwayEndsThePool() public {
        restake(ann, alpha, 10 ether);
        bytes32 root = turnAway();
        slash(alpha, 1e18);
        passWithdrawalDelay();
        vault.reclaim(alpha, root);
        assertEq(vault.poolOf(alpha).principal, 0);
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 0);
        assertEq(token.balanceOf(ann), 0);
    }

    function test_anEmptiedPoolDelegatesAgain() public {
        restake(ann, alpha, 10 ether);
        bytes32 root = turnAway();
        passWithdrawalDelay();
        vault.reclaim(alpha, root);
        requestWithdrawal(ann, alpha, 10 ether);
        assertEq(restake(bob, alpha, 2 ether), 2 ether);
        assertEq(delegation.delegatedTo(vault.accountOf(alpha)), alpha);
        bytes32 second = turnAway();
        passWithdrawalDelay();
        vault.reclaim(alpha, second);
        assertEq(vault.withdrawable(alpha), 2 ether);
    }

    function test_dustDoesNotKeepAnOperatorFromDelegatingAgain() public {
        restake(ann, alpha, 1e12);
        slash(alpha, 0.5e18);
        vault.poke(alpha, ann);
        turnAway();
        assertEq(restake(ann, alpha, 1 ether), 1 ether);
        assertEq(vault.positionOf(alpha, ann), 1 ether);
        assertEq(vault.poolOf(alpha).principal, 1 ether);
        assertEq(token.totalSupply(), ALLOCATED + 1 ether);
        assertEq(vault.withdrawable(alpha), 1 ether);
    }

    /// @dev Dust in the queue from before a new delegation: brought back instead of what was turned away since, it would
    /// count as all that is left of the pool, and whoever comes next would take the rest.
    function test_dustOfAnEarlierDelegationCannotStandForTheStakeTurnedAwayLater() public {
        restake(bob, alpha, 1e12);
        slash(alpha, 0.5e18);
        vault.poke(alpha, bob);
        bytes32 dust = turnAway();
        restake(ann, alpha, 100 ether);
        bytes32 root = turnAway();
        passWithdrawalDelay();
        expectNothing(alpha, dust);
        assertEq(vault.positionOf(alpha, ann), 100 ether);

        vault.reclaim(alpha, root);
        uint256 id = requestWithdrawal(ann, alpha, 100 ether);
        passWithdrawalDelay();
        assertEq(vault.completeWithdrawal(id), 100 ether);
        expectNothing(alpha, dust);
    }

    function test_anOperatorCannotHoldInvestorsByTurningThemAwayAgain() public {
        restake(ann, alpha, 10 ether);
        bytes32 root = turnAway();
        passWithdrawalDelay();
        vault.reclaim(alpha, root);
        IDelegationManager.SignatureWithExpiry memory none;
        vault.open(alpha, none, 0);
        assertEq(delegation.delegatedTo(vault.accountOf(alpha)), address(0));
        requestWithdrawal(ann, alpha, 10 ether);
    }

    function test_refusesToReclaimWhatWasNotTurnedAway() public {
        restake(ann, alpha, 10 ether);
        restake(bob, alpha, 10 ether);
        uint256 id = requestWithdrawal(ann, alpha, 5 ether);
        bytes32 requested = vault.withdrawalOf(id).root;
        expectNothing(alpha, requested);
        bytes32 root = turnAway();
        passWithdrawalDelay();
        expectNothing(alpha, requested);
        expectNothing(alpha, keccak256("made up"));
        expectNothing(makeAddr("unknown"), root);
        vault.reclaim(alpha, root);
        expectNothing(alpha, root);
        assertEq(vault.completeWithdrawal(id), 5 ether);
    }

    // The account.

    function test_onlyTheVaultCommandsTheAccount() public {
        restake(ann, alpha, 10 ether);
        address account = vault.accountOf(alpha);
        bytes[] memory calls = new bytes[](5);
        IDelegationManager.SignatureWithExpiry memory none;
        calls[0] = abi.encodeWithSignature("deposit()");
        calls[1] = abi.encodeWithSignature("queue(uint256)", 1);
        calls[2] = abi.encodeWithSignature("complete(bytes32,address)", bytes32(0), ann);
        calls[3] = abi.encodeWithSignature("reclaim(bytes32)", bytes32(0));
        calls[4] = abi.encodeWithSignature("delegate(address,(bytes,uint256),bytes32)", alpha, none, bytes32(0));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(ann);
            (bool success, bytes memory answer) = account.call(calls[i]);
            assertFalse(success);
            assertEq(answer, abi.encodeWithSelector(ErrorsLib.Unauthorized.selector, ann, vault));
        }
    }

    // Any amounts.

    function testFuzz_whatComesInGoesOutLessSlashing(uint96 annIn, uint96 bobIn, uint64 wad, uint64 wadQueued) public {
        uint256 a = bound(annIn, 1e12, 900 ether);
        uint256 b = bound(bobIn, 1e12, 900 ether);
        uint256 first = bound(wad, 1, 0.9e18);
        restake(ann, alpha, a);
        restake(bob, alpha, b);
        slash(alpha, first);
        vault.poke(alpha, ann);
        vault.poke(alpha, bob);
        uint256 due = a - a * first / 1e18;
        assertApproxEqAbs(vault.positionOf(alpha, ann), due, 2 + a / 1e17);
        assertLe(vault.positionOf(alpha, ann) + vault.positionOf(alpha, bob), vault.withdrawable(alpha));

        uint128 position = vault.positionOf(alpha, ann);
        uint256 id = requestWithdrawal(ann, alpha, position);
        uint256 second = bound(wadQueued, 1, 0.9e18);
        slash(alpha, second);
        passWithdrawalDelay();
        uint256 paid = vault.completeWithdrawal(id);
        assertApproxEqAbs(paid, position - uint256(position) * second / 1e18, 3 + a / 1e16);
        assertEq(token.balanceOf(ann), 0);
    }

    function testFuzz_positionsNeverGrowByWhatOthersDo(uint96 annIn, uint96 bobIn, uint64 wad, uint96 out) public {
        restake(ann, alpha, bound(annIn, 1e12, 900 ether));
        slash(alpha, bound(wad, 1, 0.99e18));
        vault.poke(alpha, ann);
        uint128 before = vault.positionOf(alpha, ann);
        uint128 position = restake(bob, alpha, bound(bobIn, 1e12, 900 ether));
        uint128 amount = uint128(bound(out, 1, position));
        if (amount < 1e12 || position - amount < 1e12) amount = position;
        requestWithdrawal(bob, alpha, amount);
        vault.poke(alpha, ann);
        assertLe(vault.positionOf(alpha, ann), before);
        assertApproxEqAbs(vault.positionOf(alpha, ann), before, 4 + uint256(before) / 1e11);
    }

    function turnAway() private returns (bytes32) {
        address account = vault.accountOf(alpha);
        vm.prank(alpha);
        return delegation.undelegate(account)[0];
    }

    function expectNothing(address operator, bytes32 root) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NothingToReclaim.selector, operator, root));
        vault.reclaim(operator, root);
    }
}
