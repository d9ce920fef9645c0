// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Roots} from "src/l2/libraries/CheckpointLib.sol";
import {MerkleLib} from "src/l2/libraries/MerkleLib.sol";
import {Progress, ProgressLib} from "src/l2/libraries/ProgressLib.sol";

/// @notice What halmos proves for all inputs (README: symbolic checks); forge passes over it, because no name starts with
/// "test". The settlement's state is symbolic too, as far as a check needs it: any roots, any progress.
contract SettlementSymbolicTest is Test {
    /// @dev From artifacts/Settlement.json; `setUp` fails if they move.
    bytes32 private constant PROGRESS_SLOT = bytes32(uint256(2));
    bytes32 private constant ROOTS_SLOT = bytes32(uint256(3));
    uint256 private constant FROZEN = 1 << 240;

    UtilityToken private token;
    Settlement private settlement;

    function setUp() public {
        bytes32[] memory seats = new bytes32[](1);
        seats[0] = bytes32((uint256(1) << 96) | 1);
        token = new UtilityToken(address(this), type(uint128).max);
        settlement = new Settlement(token, seats, 7 days, 3 days, address(this));
        assert(vm.load(address(settlement), ROOTS_SLOT) == settlement.latestCheckpoint().rootsHash);
        vm.store(address(settlement), PROGRESS_SLOT, bytes32(FROZEN));
        assert(settlement.isFrozen());
        vm.store(address(settlement), PROGRESS_SLOT, 0);
        assert(token.transfer(address(settlement), type(uint128).max / 2));
    }

    /// @notice A withdrawal pays its recipient the amount, nobody else anything, and its index never again.
    function check_paysAWithdrawalOnce(
        uint256 progress,
        Roots memory roots,
        uint64 index,
        address recipient,
        uint128 amount,
        bytes32[2] memory path,
        address bystander,
        uint64 other
    ) public {
        vm.assume(bystander != recipient && bystander != address(settlement) && other != index);
        given(progress, roots);
        uint256 before = token.balanceOf(recipient);
        uint256 held = token.balanceOf(address(settlement));
        uint256 bystanders = token.balanceOf(bystander);
        settlement.withdraw(roots, index, recipient, amount, list(path));
        assert(token.balanceOf(recipient) == before + amount);
        assert(token.balanceOf(address(settlement)) == held - amount);
        assert(token.balanceOf(bystander) == bystanders);
        assert(settlement.isWithdrawn(index));
        assert(!settlement.isWithdrawn(other));
    }

    /// @notice Whatever is certified later, and whatever is claimed with whatever proof: an index that was paid is not paid.
    function check_paysNoIndexTwice(
        Roots memory roots,
        uint64 index,
        address[2] memory recipients,
        uint128[2] memory amounts,
        bytes32[2] memory path,
        Roots memory laterRoots,
        bytes32[1] memory laterPath
    ) public {
        given(0, roots);
        settlement.withdraw(roots, index, recipients[0], amounts[0], list(path));
        given(0, laterRoots);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = laterPath[0];
        (bool again,) = address(settlement)
            .call(abi.encodeCall(settlement.withdraw, (laterRoots, index, recipients[1], amounts[1], proof)));
        assert(!again);
    }

    /// @notice A withdrawal is paid only if the path leads from its leaf to the root that the settlement keeps.
    function check_paysOnlyWhatIsCertified(
        Roots memory certified,
        Roots memory claimed,
        uint64 index,
        address recipient,
        uint128 amount,
        bytes32[2] memory path
    ) public {
        given(0, certified);
        settlement.withdraw(claimed, index, recipient, amount, list(path));
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, recipient, amount))));
        assert(claimed.withdrawalsRoot == certified.withdrawalsRoot);
        assert(MerkleProof.processProof(list(path), leaf) == certified.withdrawalsRoot);
    }

    /// @notice An exit pays the account the amount, only when frozen, and never again.
    function check_paysAnExitOnceAndOnlyWhenFrozen(
        uint256 progress,
        Roots memory roots,
        address account,
        uint128[2] memory amounts,
        bytes32[2] memory path
    ) public {
        given(progress, roots);
        uint256 before = token.balanceOf(account);
        uint256 held = token.balanceOf(address(settlement));
        settlement.exit(roots, account, amounts[0], list(path));
        assert(settlement.isFrozen());
        assert(token.balanceOf(account) == before + amounts[0]);
        assert(token.balanceOf(address(settlement)) == held - amounts[0]);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, amounts[0]))));
        assert(MerkleProof.processProof(list(path), leaf) == roots.exitRoot);
        (bool again,) =
            address(settlement).call(abi.encodeCall(settlement.exit, (roots, account, amounts[1], list(path))));
        assert(!again);
    }

    /// @notice Only the deposit that was made is given back, only when frozen and not consumed, and never again.
    function check_recoversADepositOnce(
        uint256 progress,
        address account,
        uint128 amount,
        address claimant,
        uint128 claim
    ) public {
        Roots memory none;
        given(0, none);
        token.approve(address(settlement), amount);
        settlement.deposit(account, amount);
        vm.store(address(settlement), PROGRESS_SLOT, bytes32(progress));
        settlement.recoverDeposit(0, claimant, claim);
        assert(settlement.isFrozen() && settlement.latestCheckpoint().inboxCount == 0);
        assert(claimant == account && claim == amount);
        (bool again,) = address(settlement).call(abi.encodeCall(settlement.recoverDeposit, (0, claimant, claim)));
        assert(!again);
    }

    /// @notice Nothing changes the progress of a frozen settlement, so nothing thaws it. Checkpoints are refused before their
    /// signatures are looked at.
    function check_frozenStaysFrozen(
        uint256 progress,
        Roots memory roots,
        uint8 choice,
        address account,
        uint128 amount
    ) public {
        given(progress | FROZEN, roots);
        bytes memory call;
        if (choice == 0) call = abi.encodeCall(settlement.deposit, (account, amount));
        if (choice == 1) call = abi.encodeCall(settlement.depositWithPermit, (account, amount, 0, 0, 0, 0));
        if (choice == 2) call = abi.encodeCall(settlement.force, (abi.encode(account)));
        if (choice == 3) call = abi.encodeCall(settlement.freeze, ());
        if (choice == 4) call = abi.encodeCall(settlement.freezeOverIgnored, (uint64(amount)));
        if (choice == 5) call = abi.encodeCall(settlement.recoverDeposit, (uint64(amount), account, amount));
        if (choice == 6) call = abi.encodeCall(settlement.pauseDeposits, (uint64(amount)));
        if (choice == 7) call = abi.encodeCall(settlement.resumeDeposits, ());
        if (choice == 8) call = abi.encodeCall(settlement.exit, (roots, account, amount, new bytes32[](0)));
        if (choice == 9) call = abi.encodeCall(settlement.withdraw, (roots, 0, account, amount, new bytes32[](0)));
        if (choice > 9) return;
        (bool done,) = address(settlement).call(call);
        assert(choice >= 5 || !done);
        assert(vm.load(address(settlement), PROGRESS_SLOT) == bytes32(progress | FROZEN));
    }

    /// @notice MerkleLib is OpenZeppelin's MerkleProof.
    function check_rootIsOpenZeppelins(bytes32 leaf, bytes32[2] memory path) public view {
        assert(this.rootOf(list(path), leaf) == MerkleProof.processProof(list(path), leaf));
    }

    /// @notice The word of progress keeps each member apart from the others.
    function check_progressKeepsItsMembers(uint256 before, uint40 epoch, uint64 height, uint48 consumed, uint40 time)
        public
        pure
    {
        Progress old = Progress.wrap(before);
        Progress next = old.advance(epoch, height, consumed, time);
        assert(next.epoch() == epoch && next.height() == height && next.consumed() == consumed);
        assert(next.acceptedAt() == time && next.received() == old.received() && !next.frozen());
        Progress ice = next.freeze();
        assert(ice.frozen() && Progress.unwrap(ice) ^ Progress.unwrap(next) == FROZEN);
        vm.assume(old.received() < type(uint48).max);
        Progress more = next.append();
        assert(more.received() == next.received() + 1);
        assert(Progress.unwrap(more) >> 48 == Progress.unwrap(next) >> 48);
        Progress first = ProgressLib.start(time);
        assert(first.acceptedAt() == time && first.received() == 0 && first.consumed() == 0 && first.height() == 0);
    }

    function rootOf(bytes32[] calldata proof, bytes32 leaf) external pure returns (bytes32) {
        return MerkleLib.rootOf(proof, leaf);
    }

    function given(uint256 progress, Roots memory roots) private {
        vm.store(address(settlement), PROGRESS_SLOT, bytes32(progress));
        bytes memory words = abi.encode(roots.stateRoot, roots.withdrawalsRoot, roots.exitRoot);
        vm.store(address(settlement), ROOTS_SLOT, keccak256(words));
    }

    function list(bytes32[2] memory path) private pure returns (bytes32[] memory proof) {
        proof = new bytes32[](2);
        (proof[0], proof[1]) = (path[0], path[1]);
    }
}
