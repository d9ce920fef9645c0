// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FalseToken} from "./mocks/FalseToken.sol";
import {ReentrantToken} from "./mocks/ReentrantToken.sol";
import {MerkleTree} from "./support/MerkleTree.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Checkpoint, Roots} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

/// @notice What is paid out of a frozen settlement (X2): exits by proof, and deposits that the ledger never consumed.
contract SettlementExitTest is SettlementFixture {
    address internal provider = makeAddr("provider");

    function setUp() public override {
        super.setUp();
        depositAs(consumer, consumer, 1000 ether);
    }

    function test_paysAnAccountWhatTheLastCheckpointGivesIt() public {
        certifyExits(MerkleTree.exitLeaf(provider, 9 ether));
        freezeAfterSilence();
        assertFalse(settlement.hasExited(provider));
        vm.expectEmit(address(settlement));
        emit EventsLib.Exited(provider, 9 ether);
        settlement.exit(roots(), provider, 9 ether, new bytes32[](0));
        assertTrue(settlement.hasExited(provider));
        assertEq(token.balanceOf(provider), 9 ether);
        assertEq(token.balanceOf(address(settlement)), 991 ether);
    }

    function test_anyoneMayCallAndOnlyTheAccountIsPaid() public {
        certifyExits(MerkleTree.exitLeaf(provider, 9 ether));
        freezeAfterSilence();
        address helper = makeAddr("helper");
        vm.prank(helper);
        settlement.exit(roots(), provider, 9 ether, new bytes32[](0));
        assertEq(token.balanceOf(provider), 9 ether);
        assertEq(token.balanceOf(helper), 0);
    }

    function test_paysEachAccountOfEverySmallTreeOnce() public {
        for (uint256 size = 1; size <= 17; ++size) {
            setUp();
            bytes32[] memory leaves = leavesOf(size);
            certifyExits(MerkleTree.root(leaves));
            freezeAfterSilence();
            for (uint256 i = 0; i < size; ++i) {
                bytes32[] memory proof = MerkleTree.proof(leaves, i);
                settlement.exit(roots(), accountOf(i), amountOf(i), proof);
                assertEq(token.balanceOf(accountOf(i)), amountOf(i));
                vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyExited.selector, accountOf(i)));
                settlement.exit(roots(), accountOf(i), amountOf(i), proof);
            }
        }
    }

    /// @dev A ledger has one leaf an account. Were there two, the first paid is the last.
    function test_paysOneLeafOfAnAccountOnly() public {
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (MerkleTree.exitLeaf(provider, 1), MerkleTree.exitLeaf(provider, 2));
        certifyExits(MerkleTree.root(leaves));
        freezeAfterSilence();
        settlement.exit(roots(), provider, 1, MerkleTree.proof(leaves, 0));
        bytes32[] memory proof = MerkleTree.proof(leaves, 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyExited.selector, provider));
        settlement.exit(roots(), provider, 2, proof);
    }

    function test_refusesBeforeTheFreeze() public {
        certifyExits(MerkleTree.exitLeaf(provider, 9 ether));
        skip(EXIT_DELAY);
        vm.expectRevert(ErrorsLib.NotFrozen.selector);
        settlement.exit(roots(), provider, 9 ether, new bytes32[](0));
    }

    function test_refusesWhenNothingWasEverCertified() public {
        freezeAfterSilence();
        vm.expectRevert(ErrorsLib.NoExits.selector);
        settlement.exit(roots(), provider, 0, new bytes32[](0));
    }

    function test_refusesTheRootsOfAnEarlierCheckpoint() public {
        certifyExits(MerkleTree.exitLeaf(provider, 9 ether));
        Roots memory stale = roots();
        bytes32 staleHash = settlement.latestCheckpoint().rootsHash;
        certifyExits(MerkleTree.exitLeaf(provider, 8 ether));
        bytes32 latestHash = settlement.latestCheckpoint().rootsHash;
        freezeAfterSilence();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.StaleRoots.selector, latestHash, staleHash));
        settlement.exit(stale, provider, 9 ether, new bytes32[](0));
    }

    function test_refusesAnotherAccountOrAmount() public {
        bytes32[] memory leaves = leavesOf(5);
        certifyExits(MerkleTree.root(leaves));
        freezeAfterSilence();
        bytes32[] memory proof = MerkleTree.proof(leaves, 3);
        expectInvalid(accountOf(4));
        settlement.exit(roots(), accountOf(4), amountOf(3), proof);
        expectInvalid(accountOf(3));
        settlement.exit(roots(), accountOf(3), amountOf(3) + 1, proof);
        settlement.exit(roots(), accountOf(3), amountOf(3), proof);
    }

    /// @dev The leaf of a withdrawal has three words, that of an exit two: neither proves the other, whatever the tree.
    function test_aWithdrawalIsNoExit() public {
        certifyExits(MerkleTree.leaf(0, provider, 9 ether));
        freezeAfterSilence();
        expectInvalid(provider);
        settlement.exit(roots(), provider, 9 ether, new bytes32[](0));
    }

    function test_theWithdrawalsRootProvesNoExit() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.withdrawalsRoot = MerkleTree.exitLeaf(provider, 9 ether);
        submit(checkpoint);
        freezeAfterSilence();
        expectInvalid(provider);
        settlement.exit(roots(), provider, 9 ether, new bytes32[](0));
    }

    function test_refusesZeroAndTheSettlementItself() public {
        certifyExits(MerkleTree.exitLeaf(address(settlement), 1));
        freezeAfterSilence();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidRecipient.selector, address(settlement)));
        settlement.exit(roots(), address(settlement), 1, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidRecipient.selector, address(0)));
        settlement.exit(roots(), address(0), 1, new bytes32[](0));
    }

    function test_refusesMoreThanIsHeld() public {
        certifyExits(MerkleTree.exitLeaf(provider, 1001 ether));
        freezeAfterSilence();
        bytes memory reason = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientBalance.selector, address(settlement), 1000 ether, 1001 ether
        );
        vm.expectRevert(reason);
        settlement.exit(roots(), provider, 1001 ether, new bytes32[](0));
        assertFalse(settlement.hasExited(provider));
    }

    function test_refusesTokenThatAnswersFalse() public {
        FalseToken liar = new FalseToken();
        settle(liar);
        certifyExits(MerkleTree.exitLeaf(provider, 1));
        freezeAfterSilence();
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(liar)));
        settlement.exit(roots(), provider, 1, new bytes32[](0));
        assertFalse(settlement.hasExited(provider));
    }

    function test_reentrantExitFindsItselfPaid() public {
        ReentrantToken hooked = reentrant();
        certifyExits(MerkleTree.exitLeaf(provider, 4));
        freezeAfterSilence();
        hooked.arm(address(settlement), abi.encodeCall(settlement.exit, (roots(), provider, 4, new bytes32[](0))));
        settlement.exit(roots(), provider, 4, new bytes32[](0));
        assertFalse(hooked.succeeded());
        assertEq(hooked.answer(), abi.encodeWithSelector(ErrorsLib.AlreadyExited.selector, provider));
        assertEq(hooked.balanceOf(provider), 4);
    }

    function test_exitsWithdrawalsAndRecoveriesAddUp() public {
        bytes32[] memory withdrawals = new bytes32[](2);
        (withdrawals[0], withdrawals[1]) = (MerkleTree.leaf(0, provider, 100), MerkleTree.leaf(1, consumer, 200));
        bytes32[] memory exits = new bytes32[](2);
        (exits[0], exits[1]) = (MerkleTree.exitLeaf(provider, 300), MerkleTree.exitLeaf(consumer, 1000 ether - 600));
        Checkpoint memory checkpoint = nextCheckpoint();
        (checkpoint.withdrawalsRoot, checkpoint.exitRoot) = (MerkleTree.root(withdrawals), MerkleTree.root(exits));
        submit(checkpoint);
        settlement.withdraw(roots(), 0, provider, 100, MerkleTree.proof(withdrawals, 0));
        forceAs(consumer, "in between");
        depositAs(consumer, provider, 50);
        freezeAfterSilence();

        settlement.exit(roots(), provider, 300, MerkleTree.proof(exits, 0));
        settlement.recoverDeposit(2, provider, 50);
        settlement.exit(roots(), consumer, 1000 ether - 600, MerkleTree.proof(exits, 1));
        settlement.withdraw(roots(), 1, consumer, 200, MerkleTree.proof(withdrawals, 1));
        assertEq(token.balanceOf(provider), 450);
        assertEq(token.balanceOf(address(settlement)), 0);
    }

    function test_recoversWhatWasNeverConsumed() public {
        depositAs(consumer, provider, 5 ether);
        freezeAfterSilence();
        vm.expectEmit(address(settlement));
        emit EventsLib.DepositRecovered(1, provider, 5 ether);
        vm.prank(makeAddr("helper"));
        settlement.recoverDeposit(1, provider, 5 ether);
        settlement.recoverDeposit(0, consumer, 1000 ether);
        assertEq(token.balanceOf(provider), 5 ether);
        assertEq(token.balanceOf(address(settlement)), 0);
    }

    function test_recoversOnce() public {
        freezeAfterSilence();
        settlement.recoverDeposit(0, consumer, 1000 ether);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.UnknownDeposit.selector, 0));
        settlement.recoverDeposit(0, consumer, 1000 ether);
    }

    function test_recoversNothingThatWasConsumed() public {
        submit(nextCheckpoint());
        depositAs(consumer, consumer, 5 ether);
        freezeAfterSilence();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyConsumed.selector, 0, 1));
        settlement.recoverDeposit(0, consumer, 1000 ether);
        settlement.recoverDeposit(1, consumer, 5 ether);
    }

    function test_recoversNothingBeforeTheFreeze() public {
        skip(EXIT_DELAY);
        vm.expectRevert(ErrorsLib.NotFrozen.selector);
        settlement.recoverDeposit(0, consumer, 1000 ether);
    }

    function test_recoversNothingButTheDeposit() public {
        forceAs(consumer, "");
        depositAs(consumer, provider, 5 ether);
        freezeAfterSilence();
        expectUnknown(0);
        settlement.recoverDeposit(0, provider, 1000 ether);
        expectUnknown(0);
        settlement.recoverDeposit(0, consumer, 1000 ether + 1);
        expectUnknown(1);
        settlement.recoverDeposit(1, consumer, 0);
        expectUnknown(0);
        settlement.recoverDeposit(0, provider, 5 ether);
        expectUnknown(3);
        settlement.recoverDeposit(3, provider, 5 ether);
    }

    function test_reentrantRecoveryFindsItselfPaid() public {
        ReentrantToken hooked = reentrant();
        freezeAfterSilence();
        hooked.arm(address(settlement), abi.encodeCall(settlement.recoverDeposit, (0, consumer, 10)));
        settlement.recoverDeposit(0, consumer, 10);
        assertTrue(hooked.called());
        assertEq(hooked.answer(), abi.encodeWithSelector(ErrorsLib.UnknownDeposit.selector, 0));
        assertEq(hooked.balanceOf(consumer), 10);
    }

    function testFuzz_paysExactlyWhatIsCertified(address account, uint128 amount, bytes32 sibling) public {
        vm.assume(account != address(0) && account != address(settlement));
        amount = uint128(bound(amount, 0, 1000 ether));
        bytes32[] memory pair = new bytes32[](2);
        (pair[0], pair[1]) = (MerkleTree.exitLeaf(account, amount), sibling);
        certifyExits(MerkleTree.root(pair));
        freezeAfterSilence();
        uint256 before = token.balanceOf(account);
        settlement.exit(roots(), account, amount, MerkleTree.proof(pair, 0));
        assertEq(token.balanceOf(account), before + amount);
        assertEq(token.balanceOf(address(settlement)), 1000 ether - amount);
    }

    function testFuzz_refusesForgedExit(address account, uint128 amount, bytes32[] calldata proof) public {
        vm.assume(account != address(0) && account != address(settlement));
        certifyExits(MerkleTree.root(leavesOf(5)));
        freezeAfterSilence();
        expectInvalid(account);
        settlement.exit(roots(), account, amount, proof);
    }

    function testFuzz_refusesAnyFlippedBitOfAProof(uint256 size, uint256 index, uint256 bit) public {
        size = bound(size, 2, 40);
        index = bound(index, 0, size - 1);
        bytes32[] memory leaves = leavesOf(size);
        certifyExits(MerkleTree.root(leaves));
        freezeAfterSilence();
        bytes32[] memory proof = MerkleTree.proof(leaves, index);
        bit = bound(bit, 0, proof.length * 256 - 1);
        proof[bit / 256] ^= bytes32(1 << (bit % 256));
        expectInvalid(accountOf(index));
        settlement.exit(roots(), accountOf(index), amountOf(index), proof);
    }

    /// @dev Every deposit comes back in full, in any order, whatever was consumed before.
    function testFuzz_recoversEveryUnconsumedDeposit(uint128[12] memory amounts, uint8 consumed, uint256 order) public {
        for (uint256 i = 0; i < amounts.length; ++i) {
            amounts[i] = uint128(bound(amounts[i], 1, 1000 ether));
            depositAs(consumer, accountOf(i), amounts[i]);
        }
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.inboxCount = uint64(consumed % 14);
        submit(checkpoint);
        freezeAfterSilence();
        for (uint256 k = 0; k < amounts.length; ++k) {
            uint256 i = (k * 5 + order % 12) % 12;
            bool due = i + 1 >= checkpoint.inboxCount;
            if (!due) vm.expectPartialRevert(ErrorsLib.AlreadyConsumed.selector);
            settlement.recoverDeposit(uint64(i) + 1, accountOf(i), amounts[i]);
            assertEq(token.balanceOf(accountOf(i)), due ? amounts[i] : 0);
        }
    }

    /// @dev A settlement over a token with hooks, which holds 10 of it by one deposit.
    function reentrant() private returns (ReentrantToken hooked) {
        hooked = new ReentrantToken(address(this), 1000);
        settle(hooked);
        hooked.approve(address(settlement), 1000);
        settlement.deposit(consumer, 10);
    }

    function expectInvalid(address account) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidExitProof.selector, account, latest.exitRoot));
    }

    function expectUnknown(uint64 index) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.UnknownDeposit.selector, index));
    }

    function leavesOf(uint256 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            leaves[i] = MerkleTree.exitLeaf(accountOf(i), amountOf(i));
        }
    }

    function accountOf(uint256 index) private pure returns (address) {
        return address(uint160(0xbeef0000 + index));
    }

    function amountOf(uint256 index) private pure returns (uint128) {
        return (uint128(index) + 1) * 1 ether;
    }
}
