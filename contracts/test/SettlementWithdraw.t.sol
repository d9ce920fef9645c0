// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FalseToken} from "./mocks/FalseToken.sol";
import {ReentrantToken} from "./mocks/ReentrantToken.sol";
import {MerkleTree} from "./support/MerkleTree.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Roots} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l2/libraries/EventsLib.sol";

contract SettlementWithdrawTest is SettlementFixture {
    address internal provider = makeAddr("provider");

    function setUp() public override {
        super.setUp();
        depositAs(consumer, consumer, 1000 ether);
    }

    function test_paysTheOnlyWithdrawalWithAnEmptyProof() public {
        certify(MerkleTree.leaf(0, provider, 9 ether));
        vm.expectEmit(address(settlement));
        emit EventsLib.Withdrawn(0, provider, 9 ether);
        settlement.withdraw(roots(), 0, provider, 9 ether, new bytes32[](0));
        assertEq(token.balanceOf(provider), 9 ether);
        assertEq(token.balanceOf(address(settlement)), 991 ether);
        assertTrue(settlement.isWithdrawn(0));
        assertFalse(settlement.isWithdrawn(1));
    }

    function test_anyoneMayCallAndOnlyTheRecipientIsPaid() public {
        certify(MerkleTree.leaf(0, provider, 9 ether));
        address helper = makeAddr("helper");
        vm.prank(helper);
        settlement.withdraw(roots(), 0, provider, 9 ether, new bytes32[](0));
        assertEq(token.balanceOf(provider), 9 ether);
        assertEq(token.balanceOf(helper), 0);
    }

    function test_paysEachLeafOfEverySmallTreeOnce() public {
        for (uint256 size = 1; size <= 17; ++size) {
            super.setUp();
            depositAs(consumer, consumer, 1000 ether);
            bytes32[] memory leaves = leavesOf(size);
            certify(MerkleTree.root(leaves));
            for (uint64 i = 0; i < size; ++i) {
                bytes32[] memory proof = MerkleTree.proof(leaves, i);
                settlement.withdraw(roots(), i, recipientOf(i), amountOf(i), proof);
                assertEq(token.balanceOf(recipientOf(i)), amountOf(i));
                vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyWithdrawn.selector, i));
                settlement.withdraw(roots(), i, recipientOf(i), amountOf(i), proof);
            }
        }
    }

    function test_paysAnOlderWithdrawalFromTheGrownTree() public {
        bytes32[] memory few = leavesOf(3);
        certify(MerkleTree.root(few));
        bytes32[] memory many = leavesOf(11);
        certify(MerkleTree.root(many));

        expectInvalid(2);
        settlement.withdraw(roots(), 2, recipientOf(2), amountOf(2), MerkleTree.proof(few, 2));
        settlement.withdraw(roots(), 2, recipientOf(2), amountOf(2), MerkleTree.proof(many, 2));
        assertTrue(settlement.isWithdrawn(2));
    }

    function test_whatWasPaidStaysPaidInTheGrownTree() public {
        certify(MerkleTree.root(leavesOf(3)));
        settlement.withdraw(roots(), 1, recipientOf(1), amountOf(1), MerkleTree.proof(leavesOf(3), 1));
        certify(MerkleTree.root(leavesOf(4)));
        bytes32[] memory proof = MerkleTree.proof(leavesOf(4), 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyWithdrawn.selector, 1));
        settlement.withdraw(roots(), 1, recipientOf(1), amountOf(1), proof);
    }

    function test_paysWhenFrozenToo() public {
        certify(MerkleTree.leaf(0, provider, 9 ether));
        freezeAfterSilence();
        settlement.withdraw(roots(), 0, provider, 9 ether, new bytes32[](0));
        assertEq(token.balanceOf(provider), 9 ether);
    }

    function test_refusesTheRootsOfAnEarlierCheckpoint() public {
        certify(MerkleTree.leaf(0, provider, 9 ether));
        Roots memory stale = roots();
        bytes32 staleHash = settlement.latestCheckpoint().rootsHash;
        submit(nextCheckpoint());
        bytes32 latestHash = settlement.latestCheckpoint().rootsHash;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.StaleRoots.selector, latestHash, staleHash));
        settlement.withdraw(stale, 0, provider, 9 ether, new bytes32[](0));
        settlement.withdraw(roots(), 0, provider, 9 ether, new bytes32[](0));
    }

    function testFuzz_refusesRootsOfOnesOwnMaking(Roots calldata made) public {
        certify(MerkleTree.leaf(0, provider, 9 ether));
        bytes32 given = keccak256(abi.encodePacked(made.stateRoot, made.withdrawalsRoot, made.exitRoot));
        bytes32 kept = settlement.latestCheckpoint().rootsHash;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.StaleRoots.selector, kept, given));
        settlement.withdraw(made, 0, provider, 9 ether, new bytes32[](0));
    }

    /// @dev The leaf of an exit has two words, that of a withdrawal three: neither proves the other, whatever the tree.
    function test_anExitIsNoWithdrawal() public {
        certify(MerkleTree.exitLeaf(provider, 9 ether));
        expectInvalid(0);
        settlement.withdraw(roots(), 0, provider, 9 ether, new bytes32[](0));
    }

    function test_refusesBeforeTheFirstCheckpoint() public {
        vm.expectRevert(ErrorsLib.NoWithdrawals.selector);
        settlement.withdraw(roots(), 0, provider, 1, new bytes32[](0));
    }

    function test_refusesWhileTheCertifiedTreeIsEmpty() public {
        certify(MerkleTree.root(new bytes32[](0)));
        vm.expectRevert(ErrorsLib.NoWithdrawals.selector);
        settlement.withdraw(roots(), 0, provider, 1, new bytes32[](0));
    }

    function test_refusesAnotherIndexRecipientOrAmount() public {
        bytes32[] memory leaves = leavesOf(5);
        certify(MerkleTree.root(leaves));
        bytes32[] memory proof = MerkleTree.proof(leaves, 3);
        expectInvalid(4);
        settlement.withdraw(roots(), 4, recipientOf(3), amountOf(3), proof);
        expectInvalid(3);
        settlement.withdraw(roots(), 3, recipientOf(4), amountOf(3), proof);
        expectInvalid(3);
        settlement.withdraw(roots(), 3, recipientOf(3), amountOf(3) + 1, proof);
        settlement.withdraw(roots(), 3, recipientOf(3), amountOf(3), proof);
    }

    function test_refusesProofOfAnotherLeaf() public {
        bytes32[] memory leaves = leavesOf(6);
        certify(MerkleTree.root(leaves));
        bytes32[] memory proof = MerkleTree.proof(leaves, 0);
        expectInvalid(5);
        settlement.withdraw(roots(), 5, recipientOf(5), amountOf(5), proof);
    }

    function test_refusesProofThatIsTooShortOrTooLong() public {
        bytes32[] memory leaves = leavesOf(4);
        certify(MerkleTree.root(leaves));
        bytes32[] memory proof = MerkleTree.proof(leaves, 0);
        bytes32[] memory short = new bytes32[](1);
        short[0] = proof[0];
        expectInvalid(0);
        settlement.withdraw(roots(), 0, recipientOf(0), amountOf(0), short);

        bytes32[] memory long = new bytes32[](3);
        (long[0], long[1], long[2]) = (proof[0], proof[1], bytes32(0));
        expectInvalid(0);
        settlement.withdraw(roots(), 0, recipientOf(0), amountOf(0), long);
    }

    /// @dev Leaves are hashed twice. A leaf hashed once, whose preimage is as free as an inner node's, is no withdrawal.
    function test_refusesLeafHashedOnce() public {
        certify(keccak256(abi.encode(uint64(0), provider, uint128(1))));
        expectInvalid(0);
        settlement.withdraw(roots(), 0, provider, 1, new bytes32[](0));
    }

    function test_refusesZeroRecipientAndTheSettlementItself() public {
        certify(MerkleTree.leaf(0, address(0), 1));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidRecipient.selector, address(0)));
        settlement.withdraw(roots(), 0, address(0), 1, new bytes32[](0));

        certify(MerkleTree.leaf(0, address(settlement), 1));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidRecipient.selector, address(settlement)));
        settlement.withdraw(roots(), 0, address(settlement), 1, new bytes32[](0));
    }

    function test_refusesMoreThanIsHeldAndMayBeRetriedLater() public {
        certify(MerkleTree.leaf(0, provider, 1001 ether));
        bytes memory reason = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientBalance.selector, address(settlement), 1000 ether, 1001 ether
        );
        vm.expectRevert(reason);
        settlement.withdraw(roots(), 0, provider, 1001 ether, new bytes32[](0));
        assertFalse(settlement.isWithdrawn(0));

        depositAs(consumer, consumer, 1 ether);
        settlement.withdraw(roots(), 0, provider, 1001 ether, new bytes32[](0));
        assertEq(token.balanceOf(address(settlement)), 0);
    }

    function test_tokensSentByPlainTransferAreNobodysDeposit() public {
        vm.prank(consumer);
        assertTrue(token.transfer(address(settlement), 5 ether));
        assertEq(settlement.inboxCount(), 1);
        assertEq(token.balanceOf(address(settlement)), 1005 ether);
    }

    function test_refusesTokenThatAnswersFalse() public {
        FalseToken liar = new FalseToken();
        settle(liar);
        certify(MerkleTree.leaf(0, provider, 1));
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(liar)));
        settlement.withdraw(roots(), 0, provider, 1, new bytes32[](0));
        assertFalse(settlement.isWithdrawn(0));
    }

    function test_reentrantWithdrawalFindsItselfPaid() public {
        ReentrantToken hooked = reentrant();
        certify(MerkleTree.leaf(0, provider, 4));
        bytes memory again = abi.encodeCall(settlement.withdraw, (roots(), 0, provider, 4, new bytes32[](0)));
        hooked.arm(address(settlement), again);
        settlement.withdraw(roots(), 0, provider, 4, new bytes32[](0));
        assertTrue(hooked.called());
        assertFalse(hooked.succeeded());
        assertEq(hooked.answer(), abi.encodeWithSelector(ErrorsLib.AlreadyWithdrawn.selector, 0));
        assertEq(hooked.balanceOf(provider), 4);
    }

    function test_reentrantDepositTakesTheNextNumber() public {
        ReentrantToken hooked = reentrant();
        assertTrue(hooked.transfer(address(hooked), 3));
        vm.prank(address(hooked));
        hooked.approve(address(settlement), 3);
        hooked.arm(address(settlement), abi.encodeCall(settlement.deposit, (provider, 3)));
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(1, consumer, address(this), 2);
        vm.expectEmit(address(settlement));
        emit EventsLib.Deposited(2, provider, address(hooked), 3);
        settlement.deposit(consumer, 2);
        assertTrue(hooked.succeeded());
        assertEq(settlement.inboxCount(), 3);
        assertEq(hooked.balanceOf(address(settlement)), 15);
    }

    function testFuzz_paysExactlyWhatIsCertified(uint64 index, address recipient, uint128 amount, bytes32 sibling)
        public
    {
        vm.assume(recipient != address(0) && recipient != address(settlement));
        amount = uint128(bound(amount, 0, 1000 ether));
        bytes32[] memory pair = new bytes32[](2);
        (pair[0], pair[1]) = (MerkleTree.leaf(index, recipient, amount), sibling);
        certify(MerkleTree.root(pair));
        uint256 before = token.balanceOf(recipient);
        settlement.withdraw(roots(), index, recipient, amount, MerkleTree.proof(pair, 0));
        assertEq(token.balanceOf(recipient), before + amount);
        assertEq(token.balanceOf(address(settlement)), 1000 ether - amount);
        assertTrue(settlement.isWithdrawn(index));
    }

    function testFuzz_refusesAnyFlippedBitOfAProof(uint256 size, uint64 index, uint256 bit) public {
        size = bound(size, 2, 40);
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory leaves = leavesOf(size);
        certify(MerkleTree.root(leaves));
        bytes32[] memory proof = MerkleTree.proof(leaves, index);
        bit = bound(bit, 0, proof.length * 256 - 1);
        proof[bit / 256] ^= bytes32(1 << (bit % 256));
        expectInvalid(index);
        settlement.withdraw(roots(), index, recipientOf(index), amountOf(index), proof);
    }

    function testFuzz_refusesForgedWithdrawal(uint64 index, address recipient, uint128 amount, bytes32[] calldata proof)
        public
    {
        vm.assume(recipient != address(0) && recipient != address(settlement));
        certify(MerkleTree.root(leavesOf(5)));
        expectInvalid(index);
        settlement.withdraw(roots(), index, recipient, amount, proof);
    }

    function testFuzz_payingOneIndexMarksNoOther(uint64 index, uint64 other) public {
        vm.assume(index != other);
        certify(MerkleTree.leaf(index, provider, 1));
        settlement.withdraw(roots(), index, provider, 1, new bytes32[](0));
        assertTrue(settlement.isWithdrawn(index));
        assertFalse(settlement.isWithdrawn(other));
    }

    /// @dev A settlement over a token with hooks, which holds 10 of it by one deposit.
    function reentrant() private returns (ReentrantToken hooked) {
        hooked = new ReentrantToken(address(this), 1000);
        settle(hooked);
        hooked.approve(address(settlement), 1000);
        settlement.deposit(consumer, 10);
    }

    function expectInvalid(uint64 index) private {
        bytes32 root = latest.withdrawalsRoot;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidProof.selector, index, root));
    }

    function leavesOf(uint256 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint64 i = 0; i < size; ++i) {
            leaves[i] = MerkleTree.leaf(i, recipientOf(i), amountOf(i));
        }
    }

    function recipientOf(uint64 index) private pure returns (address) {
        return address(uint160(0xbeef0000) + index);
    }

    function amountOf(uint64 index) private pure returns (uint128) {
        return (uint128(index) + 1) * 1 ether;
    }
}
