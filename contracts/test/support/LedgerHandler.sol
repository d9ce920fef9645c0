// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";
import {Operators} from "./Operators.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The invariant test's driver: consumers who deposit, a small honest ledger that credits deposits and lets
/// accounts withdraw, operators who certify it and now and then hand over, and everyone who has withdrawals paid,
/// again and again, with true and with false proofs. It keeps its own books to compare the contract with.
contract LedgerHandler is Test {
    using Operators for Operators.Set;

    struct Deposit {
        address account;
        uint128 amount;
    }

    struct Withdrawal {
        address recipient;
        uint128 amount;
    }

    uint256 private constant ACCOUNTS = 5;

    UtilityToken private immutable token;
    Settlement private immutable settlement;

    Operators.Set private operators;
    uint256 private generations;
    Deposit[] private inbox;
    Withdrawal[] private withdrawals;
    mapping(address account => uint256) private balanceOf;
    uint256 private consumed;

    uint256 public deposited;
    uint256 public donated;
    uint256 public paid;
    uint256 public ledgerTotal;
    uint256 public certified;
    uint256 public handovers;
    uint256 public refusals;
    mapping(uint256 index => uint256) public payments;

    constructor(UtilityToken token_, Settlement settlement_, Operators.Set memory genesis) {
        token = token_;
        settlement = settlement_;
        operators = genesis;
    }

    function deposit(uint256 from, uint256 to, uint128 amount) external {
        Deposit memory made = Deposit(account(to), uint128(bound(amount, 1, 1000 ether)));
        vm.startPrank(account(from));
        token.approve(address(settlement), made.amount);
        settlement.deposit(made.account, made.amount);
        vm.stopPrank();
        inbox.push(made);
        deposited += made.amount;
    }

    function donate(uint256 from, uint128 amount) external {
        amount = uint128(bound(amount, 1, 10 ether));
        vm.prank(account(from));
        assertTrue(token.transfer(address(settlement), amount));
        donated += amount;
    }

    /// @notice The ledger credits some of the deposits that it has not consumed yet.
    function consume(uint256 count) external {
        count = bound(count, 0, inbox.length - consumed);
        for (; count > 0; --count) {
            Deposit memory next = inbox[consumed++];
            balanceOf[next.account] += next.amount;
            ledgerTotal += next.amount;
        }
    }

    /// @notice An account of the ledger takes out part of what it has.
    function request(uint256 from, uint256 to, uint128 amount) external {
        address owner = account(from);
        if (balanceOf[owner] == 0) return;
        amount = uint128(bound(amount, 1, balanceOf[owner]));
        balanceOf[owner] -= amount;
        ledgerTotal -= amount;
        withdrawals.push(Withdrawal(account(to), amount));
    }

    function checkpoint(uint8 heights, bool handover, uint256 newSize) external {
        Checkpoint memory next = settlement.latestCheckpoint();
        next.height += uint64(heights) + 1;
        next.stateRoot = keccak256(abi.encode(next.height));
        next.withdrawalsRoot = MerkleTree.root(leaves(withdrawals.length));
        next.inboxCount = uint64(consumed);
        Operators.Set memory successor = operators;
        if (handover) {
            successor = Operators.create(bound(newSize, 1, 6), vm.toString(++generations));
            next.epoch += 1;
            next.nextOperatorSet = successor.hash();
            ++handovers;
        }
        uint256 signers = Operators.first(Operators.quorum(operators.keys.length));
        bytes memory signatures = operators.sign(signers, settlement.checkpointDigest(next));
        settlement.submitCheckpoint(next, operators.seats(), signers, signatures);
        operators = successor;
        certified = withdrawals.length;
    }

    /// @notice An earlier checkpoint again, or one that a minority signed: always refused.
    function submitFalseCheckpoint(bool stale, bytes32 root) external {
        Checkpoint memory next = settlement.latestCheckpoint();
        next.withdrawalsRoot = root;
        if (!stale) next.height += 1;
        uint256 size = operators.keys.length;
        uint256 signers = stale ? Operators.first(size) : Operators.first(Operators.quorum(size) - 1);
        bytes memory signatures = operators.sign(signers, settlement.checkpointDigest(next));
        try settlement.submitCheckpoint(next, operators.seats(), signers, signatures) {
            assertTrue(false, "a false checkpoint was accepted");
        } catch {
            ++refusals;
        }
    }

    /// @notice Pays a certified withdrawal, or is refused because it was paid before.
    function withdraw(uint256 choice) external {
        if (certified == 0) return;
        uint64 index = uint64(bound(choice, 0, certified - 1));
        Withdrawal memory due = withdrawals[index];
        bytes32[] memory proof = MerkleTree.proof(leaves(certified), index);
        try settlement.withdraw(index, due.recipient, due.amount, proof) {
            payments[index] += 1;
            paid += due.amount;
        } catch {
            assertEq(payments[index], 1, "an unpaid certified withdrawal was refused");
            ++refusals;
        }
    }

    /// @notice A withdrawal that is not certified: requested too late, or made up. Always refused.
    function withdrawFalsely(uint64 index, uint256 to, uint128 amount, bytes32[] calldata proof) external {
        if (index < withdrawals.length && withdrawals[index].amount == amount) return;
        try settlement.withdraw(index, account(to), amount, proof) {
            assertTrue(false, "a made-up withdrawal was paid");
        } catch {
            ++refusals;
        }
    }

    function withdrawTooEarly(uint256 choice) external {
        if (certified == withdrawals.length) return;
        uint64 index = uint64(bound(choice, certified, withdrawals.length - 1));
        Withdrawal memory due = withdrawals[index];
        bytes32[] memory proof = MerkleTree.proof(leaves(withdrawals.length), index);
        try settlement.withdraw(index, due.recipient, due.amount, proof) {
            assertTrue(false, "a withdrawal was paid before it was certified");
        } catch {
            ++refusals;
        }
    }

    function requested() external view returns (uint256) {
        return withdrawals.length;
    }

    function unpaid() external view returns (uint256 sum) {
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            if (payments[i] == 0) sum += withdrawals[i].amount;
        }
    }

    /// @notice What the ledger was not told yet.
    function pending() external view returns (uint256 sum) {
        for (uint256 i = consumed; i < inbox.length; ++i) {
            sum += inbox[i].amount;
        }
    }

    function deposits() external view returns (uint256) {
        return inbox.length;
    }

    function currentSet() external view returns (bytes32) {
        return operators.hash();
    }

    function account(uint256 choice) public pure returns (address) {
        return address(uint160(0xacc00000) + uint160(choice % ACCOUNTS));
    }

    function leaves(uint256 count) private view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = MerkleTree.leaf(uint64(i), withdrawals[i].recipient, withdrawals[i].amount);
        }
    }
}
