// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";
import {Operators} from "./Operators.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint, Roots} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The invariant test's driver: consumers who deposit and force messages, a small honest ledger that credits
/// deposits and lets accounts withdraw, operators who certify it and now and then hand over or fall silent, a guardian who
/// pauses, somebody who freezes as soon as it is possible, and everyone who takes what is due, again and again, with true
/// and with false proofs. It keeps its own books to compare the contract with.
contract LedgerHandler is Test {
    using Operators for Operators.Set;

    /// @dev A forced message has no amount.
    struct Entry {
        address account;
        uint128 amount;
        uint256 time;
    }

    struct Withdrawal {
        address recipient;
        uint128 amount;
    }

    uint256 public constant ACCOUNTS = 5;

    UtilityToken private immutable token;
    Settlement private immutable settlement;

    Operators.Set private operators;
    uint256 private generations;
    Entry[] private inbox;
    Withdrawal[] private withdrawals;
    uint128[ACCOUNTS] private balances;
    uint256 private consumed;

    Checkpoint private latest;
    uint256 private acceptedAt = block.timestamp;
    uint256 private certified;
    uint128[ACCOUNTS] private dues;

    bool public frozen;
    uint256 public deposited;
    uint256 public donated;
    uint256 public paid;
    uint256 public refusals;
    mapping(uint256 index => uint256) public payments;
    mapping(uint256 choice => uint256) public exits;
    mapping(uint256 index => uint256) public recoveries;

    constructor(UtilityToken token_, Settlement settlement_, Operators.Set memory genesis) {
        token = token_;
        settlement = settlement_;
        operators = genesis;
        latest.nextOperatorSet = genesis.hash();
    }

    function deposit(uint256 from, uint256 to, uint128 amount) external {
        Entry memory made = Entry(account(to), uint128(bound(amount, 1, 1000 ether)), block.timestamp);
        bool open = !frozen && block.timestamp >= settlement.depositsPausedUntil();
        vm.startPrank(account(from));
        token.approve(address(settlement), made.amount);
        try settlement.deposit(made.account, made.amount) {
            assertTrue(open, "a deposit was taken while frozen or paused");
            inbox.push(made);
            deposited += made.amount;
        } catch {
            assertFalse(open, "a deposit was refused");
            ++refusals;
        }
        vm.stopPrank();
    }

    function force(uint256 from, bytes calldata message) external {
        vm.prank(account(from));
        try settlement.force(message) {
            assertFalse(frozen, "a message was taken while frozen");
            inbox.push(Entry(account(from), 0, block.timestamp));
        } catch {
            assertTrue(frozen || message.length > 2048, "a message was refused");
            ++refusals;
        }
    }

    function donate(uint256 from, uint128 amount) external {
        amount = uint128(bound(amount, 1, 10 ether));
        vm.prank(account(from));
        assertTrue(token.transfer(address(settlement), amount));
        donated += amount;
    }

    function pause(uint64 duration, bool resume) external {
        vm.prank(settlement.guardian());
        (bool done,) = address(settlement)
            .call(
                resume
                    ? abi.encodeCall(settlement.resumeDeposits, ())
                    : abi.encodeCall(settlement.pauseDeposits, (uint64(bound(duration, 0, 15 days))))
            );
        if (!done) ++refusals;
    }

    function wait(uint256 time) external {
        skip(bound(time, 0, 3 days));
    }

    /// @notice The ledger credits some of what it has not consumed yet.
    function consume(uint256 count) external {
        count = bound(count, 0, inbox.length - consumed);
        for (; count > 0; --count) {
            Entry memory next = inbox[consumed++];
            balances[choiceOf(next.account)] += next.amount;
        }
    }

    /// @notice An account of the ledger takes out part of what it has.
    function request(uint256 from, uint256 to, uint128 amount) external {
        from %= ACCOUNTS;
        if (balances[from] == 0) return;
        amount = uint128(bound(amount, 1, balances[from]));
        balances[from] -= amount;
        withdrawals.push(Withdrawal(account(to), amount));
    }

    function checkpoint(uint8 heights, bool handover, uint256 newSize) external {
        Checkpoint memory next = latest;
        next.height += uint64(heights) + 1;
        next.stateRoot = keccak256(abi.encode(next.height));
        next.withdrawalsRoot = MerkleTree.root(leaves(withdrawals.length));
        next.exitRoot = MerkleTree.root(exitLeaves(balances));
        next.inboxCount = uint64(consumed);
        Operators.Set memory successor = operators;
        if (handover) {
            successor = Operators.create(bound(newSize, 1, 6), vm.toString(++generations));
            next.epoch += 1;
            next.nextOperatorSet = successor.hash();
        }
        uint256 signers = Operators.first(Operators.quorum(operators.keys.length));
        bytes memory signatures = operators.sign(signers, settlement.checkpointDigest(next));
        try settlement.submitCheckpoint(next, operators.seats(), signers, signatures) {
            assertFalse(frozen, "a checkpoint was accepted while frozen");
            operators = successor;
            latest = next;
            acceptedAt = block.timestamp;
            certified = withdrawals.length;
            dues = balances;
        } catch {
            assertTrue(frozen, "a true checkpoint was refused");
            ++refusals;
        }
    }

    /// @notice An earlier checkpoint again, or one that a minority signed: always refused.
    function submitFalseCheckpoint(bool stale, bytes32 root) external {
        Checkpoint memory next = latest;
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

    /// @notice Freezes for either reason, exactly when the books say that it is possible.
    function freeze(bool silence, uint256 choice) external {
        uint256 index = inbox.length == 0 ? 0 : bound(choice, 0, inbox.length - 1);
        bool possible = !frozen;
        if (silence) {
            possible = possible && block.timestamp >= acceptedAt + settlement.exitDelay();
        } else {
            possible = possible && index >= latest.inboxCount && index < inbox.length && inbox[index].amount == 0
                && block.timestamp >= inbox[index].time + settlement.forceDelay();
        }
        bytes memory call = silence
            ? abi.encodeCall(settlement.freeze, ())
            : abi.encodeCall(settlement.freezeOverIgnored, (uint64(index)));
        (bool done,) = address(settlement).call(call);
        assertEq(done, possible, "frozen without reason, or not with one");
        if (done) frozen = true;
        else ++refusals;
    }

    /// @notice Pays a certified withdrawal, or is refused because it was paid before.
    function withdraw(uint256 choice) public {
        if (certified == 0) return;
        uint64 index = uint64(bound(choice, 0, certified - 1));
        Withdrawal memory due = withdrawals[index];
        bytes32[] memory proof = MerkleTree.proof(leaves(certified), index);
        try settlement.withdraw(roots(), index, due.recipient, due.amount, proof) {
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
        try settlement.withdraw(roots(), index, account(to), amount, proof) {
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
        Roots memory made = roots();
        made.withdrawalsRoot = MerkleTree.root(leaves(withdrawals.length));
        try settlement.withdraw(made, index, due.recipient, due.amount, proof) {
            assertTrue(false, "a withdrawal was paid before it was certified");
        } catch {
            ++refusals;
        }
    }

    /// @notice Pays an account what the last checkpoint gives it, once the settlement is frozen, and once only.
    function exit(uint256 choice) public {
        choice %= ACCOUNTS;
        bytes32[] memory proof = MerkleTree.proof(exitLeaves(dues), choice);
        try settlement.exit(roots(), account(choice), dues[choice], proof) {
            assertTrue(frozen, "an exit was paid before the freeze");
            exits[choice] += 1;
            paid += dues[choice];
        } catch {
            assertTrue(!frozen || latest.height == 0 || exits[choice] == 1, "a due exit was refused");
            ++refusals;
        }
    }

    /// @notice What an account had at another time, or has made up.
    function exitFalsely(uint256 choice, uint128 amount, bool current) external {
        choice %= ACCOUNTS;
        uint128[ACCOUNTS] memory made = current ? balances : dues;
        if (!current) made[choice] = amount;
        if (made[choice] == dues[choice]) return;
        Roots memory claimed = roots();
        if (current) claimed.exitRoot = MerkleTree.root(exitLeaves(made));
        bytes32[] memory proof = MerkleTree.proof(exitLeaves(made), choice);
        try settlement.exit(claimed, account(choice), made[choice], proof) {
            assertTrue(false, "a false exit was paid");
        } catch {
            ++refusals;
        }
    }

    /// @notice Gives a deposit back that the last checkpoint had not consumed, once frozen, and once only.
    function recover(uint256 choice) public {
        if (inbox.length == 0) return;
        uint64 index = uint64(bound(choice, 0, inbox.length - 1));
        Entry memory entry = inbox[index];
        try settlement.recoverDeposit(index, entry.account, entry.amount) {
            assertTrue(frozen && index >= latest.inboxCount && entry.amount != 0, "a deposit was given back wrongly");
            recoveries[index] += 1;
            paid += entry.amount;
        } catch {
            bool due = frozen && index >= latest.inboxCount && entry.amount != 0 && recoveries[index] == 0;
            assertFalse(due, "a deposit was not given back");
            ++refusals;
        }
    }

    /// @notice Everyone takes all that is due, and tries to take it twice.
    function everyoneLeaves() external {
        for (uint256 i = 0; i < 2 * certified; ++i) {
            withdraw(i % certified);
        }
        for (uint256 i = 0; i < 2 * ACCOUNTS; ++i) {
            exit(i);
        }
        for (uint256 i = 0; i < 2 * inbox.length; ++i) {
            recover(i % inbox.length);
        }
    }

    function requested() external view returns (uint256) {
        return withdrawals.length;
    }

    function received() external view returns (uint256) {
        return inbox.length;
    }

    /// @notice What the settlement would still have to pay if it froze now: by the last certified state.
    function claims() external view returns (uint256 sum) {
        for (uint256 i = 0; i < certified; ++i) {
            if (payments[i] == 0) sum += withdrawals[i].amount;
        }
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            if (exits[i] == 0) sum += dues[i];
        }
        for (uint256 i = latest.inboxCount; i < inbox.length; ++i) {
            if (recoveries[i] == 0) sum += inbox[i].amount;
        }
    }

    function lastCheckpoint() external view returns (Checkpoint memory) {
        return latest;
    }

    function account(uint256 choice) public pure returns (address) {
        return address(uint160(0xacc00000) + uint160(choice % ACCOUNTS));
    }

    function choiceOf(address account_) private pure returns (uint256) {
        return uint160(account_) - uint160(0xacc00000);
    }

    function roots() private view returns (Roots memory) {
        return Roots(latest.stateRoot, latest.withdrawalsRoot, latest.exitRoot);
    }

    function leaves(uint256 count) private view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = MerkleTree.leaf(uint64(i), withdrawals[i].recipient, withdrawals[i].amount);
        }
    }

    function exitLeaves(uint128[ACCOUNTS] memory amounts) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](ACCOUNTS);
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            hashes[i] = MerkleTree.exitLeaf(account(i), amounts[i]);
        }
    }
}
