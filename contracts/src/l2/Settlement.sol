// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, CheckpointLib, LatestCheckpoint, Roots} from "./libraries/CheckpointLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {MerkleLib} from "./libraries/MerkleLib.sol";
import {OperatorSetLib} from "./libraries/OperatorSetLib.sol";
import {Progress, ProgressLib} from "./libraries/ProgressLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Settlement
/// @notice Where the operators' ledger meets the layer 2: it holds the utility tokens that the ledger accounts for,
/// numbers what comes in, pays out what a quorum of the operators has certified, and lets everyone leave without them
/// when they stop or ignore somebody (C3, U1, U3, P2, X2).
///
/// INBOX. Deposits and forced messages get the next number of one sequence, which counts from 0 without gaps. The ledger
/// consumes them in that order once they are final on this chain; a checkpoint's `inboxCount` says how many. So no operator
/// can leave one out unseen, nor take a later one before it.
///  - `deposit` takes tokens from the caller, for the ledger account `account`. Its hash is kept, for RECOVERY.
///  - `force` takes up to 2048 bytes that the ledger reads as a message of the caller; no signature is needed. The ledger
///    consumes whatever it is, without effect if it is no valid message. Only its time is kept, for the HATCH.
/// Nobody's entry waits for another's here, so a flood costs the flooder its gas and nobody else anything; a checkpoint
/// costs the same whatever came in.
///
/// CHECKPOINTS. The operators sign the ledger's state as EIP-712 `Checkpoint`. Anyone may submit it, with the seats of
/// the current operator set, a bitmap of those that signed, and their signatures. It is accepted when
///  - its height exceeds the latest one's, its epoch and its inbox count are not below, and its inbox count does
///    not exceed what the inbox received;
///  - the seats hash to `operatorSetHash`;
///  - each seat in the bitmap has its signature, nothing is left over, and together they hold more than two thirds of
///    the weight.
/// The set whose hash the checkpoint names signs the next one. The first set comes with the constructor. Of the roots only
/// one hash is kept; `CheckpointAccepted` carries them, and who is paid brings them along.
///
/// WITHDRAWALS. All withdrawals that the ledger ever made form one append-only Merkle tree; each checkpoint certifies
/// its root. Anyone may have a withdrawal paid, with a proof against the latest root, to the recipient that it names and
/// to nobody else, once. A leaf is keccak256(keccak256(abi.encode(index, recipient, amount))); an inner node hashes
/// its two children in ascending order; an odd node is promoted as it is. Leaves are hashed twice, so no inner node
/// can pass for a leaf. The tree is the same for a proof whatever is appended, but a proof's length may change: fetch it
/// for the latest checkpoint.
///
/// HATCH. Anyone may freeze the settlement when no checkpoint was accepted for `exitDelay`, or when a forced message was
/// not consumed for `forceDelay`. Frozen means for ever: no deposit, no forced message, no checkpoint. Then
///  - withdrawals of the last certified tree are paid as before;
///  - EXITS: `exit` pays each account once what the last checkpoint gives it, by a proof against its `exitRoot`. The
///    tree is as for withdrawals, a leaf keccak256(keccak256(abi.encode(account, amount))): two words hash to no leaf of
///    three;
///  - RECOVERY: `recoverDeposit` pays a deposit that the last checkpoint had not consumed to the account it was for.
/// Anyone may call each of these; the owner alone is paid. A deposit that is ignored needs no clock of its own: who made
/// it forces an empty message behind it, which cannot be consumed before it.
///
/// PAUSE. The guardian, an executor of governance, may stop deposits, and nothing else, for at most `MAX_PAUSE`, and then
/// not again before as long has passed. A settlement whose guardian is zero is never paused.
///
/// SOLVENCY. Held are at all times all deposits less what was paid. The last checkpoint gives accounts E, the exits, and
/// had made withdrawals W of the deposits C that it had consumed; the ledger conserves, so E + W <= C. Freezing pays at
/// most E, the unpaid part of W, and the deposits not consumed, D - C: since each is paid once, and nothing that is paid
/// in one of these ways is paid in another, all payments together stay within E + W + (D - C) <= D. The contract
/// checks the three kinds of proof and the "once"; E + W <= C is what a quorum certifies.
///
/// TRUST. More than two thirds of the weight can certify any state, and so take what is held here. Nobody else can:
/// there is no owner and no upgrade. The token is fixed, is ours, has no hooks, and moves exactly the amount asked
/// (UtilityToken), so the balance is not measured around a transfer. State still changes before each transfer, which
/// makes re-entry harmless even so. Tokens sent here by plain transfer belong to nobody. If operators hand over to a
/// malformed set, no later checkpoint can be accepted, and the hatch opens.
contract Settlement is EIP712 {
    using CheckpointLib for Checkpoint;
    using CheckpointLib for Roots;
    using OperatorSetLib for bytes32[];
    using SafeERC20 for IERC20;

    /// @notice Longest forced message, bytes; the ledger's own limit.
    uint256 public constant MAX_FORCED_MESSAGE = 2048;

    /// @notice Longest pause of deposits, and shortest time between two. Seconds.
    uint64 public constant MAX_PAUSE = 14 days;

    /// @notice Longest delay of the hatch. Seconds.
    uint64 public constant MAX_DELAY = 90 days;

    /// @notice The utility token held here.
    IERC20 public immutable token;

    /// @notice How long the operators may be silent before anyone may freeze. Seconds.
    uint64 public immutable exitDelay;

    /// @notice How long the ledger may leave a forced message before anyone may freeze. Seconds.
    uint64 public immutable forceDelay;

    /// @notice Who may pause deposits: an executor of governance, or zero for nobody.
    address public immutable guardian;

    Progress private _progress;
    bytes32 private _rootsHash;

    /// @notice Hash of the set that may sign the next checkpoint.
    bytes32 public operatorSetHash;

    /// @notice When the last pause of deposits ends or ended; zero if there was none.
    uint64 public depositsPausedUntil;

    /// @dev One bit a withdrawal. Not OpenZeppelin's BitMaps, which reads the word once more.
    mapping(uint256 indexDividedBy256 => uint256) private _withdrawn;
    mapping(address account => bool) private _exited;
    mapping(uint64 index => bytes32) private _depositHash;
    mapping(uint64 index => uint64) private _forcedAt;

    /// @param token_ The utility token.
    /// @param genesisOperatorSet The seats that sign the first checkpoint, in strictly ascending order of signer.
    /// @param exitDelay_ At least a second, at most `MAX_DELAY`; many times the operators' longest pause between checkpoints
    /// and the chain's longest outage.
    /// @param forceDelay_ Likewise; many times the chain's finality.
    /// @param guardian_ May be zero.
    constructor(
        IERC20 token_,
        bytes32[] memory genesisOperatorSet,
        uint64 exitDelay_,
        uint64 forceDelay_,
        address guardian_
    ) EIP712("Rampart", "1") {
        require(address(token_).code.length != 0, ErrorsLib.TokenWithoutCode(address(token_)));
        _requireDelay(exitDelay_);
        _requireDelay(forceDelay_);
        genesisOperatorSet.validate();
        token = token_;
        exitDelay = exitDelay_;
        forceDelay = forceDelay_;
        guardian = guardian_;
        operatorSetHash = genesisOperatorSet.hash();
        _progress = ProgressLib.start(block.timestamp);
        _rootsHash = keccak256(abi.encode(bytes32(0), bytes32(0), bytes32(0)));
    }

    /// @notice Takes `amount` base units from the caller, for the ledger account `account`.
    function deposit(address account, uint128 amount) external {
        _deposit(account, amount);
    }

    /// @notice As `deposit`, with the caller's EIP-2612 permit for exactly `amount` in place of an approval.
    /// @dev A permit is public once it is in the mempool, and whoever submits it first uses it up. So its failure alone
    /// decides nothing: what counts is that the allowance suffices afterwards.
    function depositWithPermit(address account, uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(account, amount);
    }

    /// @notice Forces `message` into the ledger, as a message of the caller.
    function force(bytes calldata message) external {
        require(message.length <= MAX_FORCED_MESSAGE, ErrorsLib.MessageTooLong(message.length, MAX_FORCED_MESSAGE));
        uint64 index = _append();
        _forcedAt[index] = uint64(block.timestamp);
        emit EventsLib.Forced(index, msg.sender, message);
    }

    /// @notice Accepts a checkpoint signed by a quorum of the current operator set.
    /// @param checkpoint What they signed.
    /// @param operatorSet The seats of the current set.
    /// @param signers Bit i is set when seat i signed.
    /// @param signatures 65 bytes r, s, v (27 or 28, lower half of s) for each bit set, in the order of positions.
    function submitCheckpoint(
        Checkpoint calldata checkpoint,
        bytes32[] calldata operatorSet,
        uint256 signers,
        bytes calldata signatures
    ) external {
        Progress progress = _progress;
        _requireProgress(progress, checkpoint);

        bytes32 current = operatorSetHash;
        bytes32 given = operatorSet.hashCalldata();
        require(given == current, ErrorsLib.OperatorSetMismatch(current, given));
        OperatorSetLib.requireQuorum(checkpointDigest(checkpoint), operatorSet, signers, signatures);

        _progress = progress.advance(checkpoint.epoch, checkpoint.height, checkpoint.inboxCount, block.timestamp);
        _rootsHash = checkpoint.rootsHash();
        // The set changes once an epoch at most; the comparison saves a write.
        if (checkpoint.nextOperatorSet != current) operatorSetHash = checkpoint.nextOperatorSet;

        emit EventsLib.CheckpointAccepted(
            checkpoint.height,
            checkpoint.epoch,
            checkpoint.stateRoot,
            checkpoint.withdrawalsRoot,
            checkpoint.exitRoot,
            checkpoint.inboxCount,
            checkpoint.nextOperatorSet
        );
    }

    /// @notice Pays a certified withdrawal to its recipient. Anyone may call, frozen or not.
    /// @param roots The roots of the latest checkpoint.
    /// @param index The withdrawal's position among all that the ledger made.
    /// @param recipient Who receives it, as certified.
    /// @param amount Base units, as certified.
    /// @param proof Siblings from the leaf to the latest checkpoint's `withdrawalsRoot`.
    function withdraw(Roots calldata roots, uint64 index, address recipient, uint128 amount, bytes32[] calldata proof)
        external
    {
        _requireRecipient(recipient);
        uint256 word = _withdrawn[index >> 8];
        // forge-lint: disable-next-line(incorrect-shift)
        uint256 bit = 1 << (index & 0xff);
        require(word & bit == 0, ErrorsLib.AlreadyWithdrawn(index));
        _requireLatest(roots);
        bytes32 root = roots.withdrawalsRoot;
        require(root != bytes32(0), ErrorsLib.NoWithdrawals());
        bytes32 leaf = MerkleLib.leafOf(index, uint160(recipient), amount);
        require(MerkleLib.rootOf(proof, leaf) == root, ErrorsLib.InvalidProof(index, root));

        _withdrawn[index >> 8] = word | bit;
        emit EventsLib.Withdrawn(index, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    /// @notice Freezes the settlement because the operators are silent: no checkpoint for `exitDelay`.
    function freeze() external {
        Progress progress = _progress;
        uint64 freezableAt = progress.acceptedAt() + exitDelay;
        require(_reached(freezableAt), ErrorsLib.CheckpointNotOverdue(freezableAt));
        _freeze(progress);
    }

    /// @notice Freezes the settlement because the ledger has left the forced message `index` for `forceDelay`. Any message
    /// that waits so long will do: those before it wait longer.
    function freezeOverIgnored(uint64 index) external {
        Progress progress = _progress;
        uint64 forcedAt_ = _forcedAt[index];
        require(forcedAt_ != 0, ErrorsLib.NotForced(index));
        require(index >= progress.consumed(), ErrorsLib.AlreadyConsumed(index, progress.consumed()));
        uint64 freezableAt = forcedAt_ + forceDelay;
        require(_reached(freezableAt), ErrorsLib.MessageNotOverdue(index, freezableAt));
        _freeze(progress);
    }

    /// @notice Once frozen: pays an account what the last checkpoint gives it. Anyone may call.
    /// @param roots The roots of the last checkpoint.
    /// @param account Who is paid, as certified.
    /// @param amount Base units, as certified.
    /// @param proof Siblings from the leaf to the last checkpoint's `exitRoot`.
    function exit(Roots calldata roots, address account, uint128 amount, bytes32[] calldata proof) external {
        require(_progress.frozen(), ErrorsLib.NotFrozen());
        _requireRecipient(account);
        require(!_exited[account], ErrorsLib.AlreadyExited(account));
        _requireLatest(roots);
        bytes32 root = roots.exitRoot;
        require(root != bytes32(0), ErrorsLib.NoExits());
        bytes32 leaf = MerkleLib.leafOf(uint160(account), amount);
        require(MerkleLib.rootOf(proof, leaf) == root, ErrorsLib.InvalidExitProof(account, root));

        _exited[account] = true;
        emit EventsLib.Exited(account, amount);
        token.safeTransfer(account, amount);
    }

    /// @notice Once frozen: pays a deposit that the ledger never consumed to its account. Anyone may call.
    /// @param index The deposit's position in the inbox.
    /// @param account The account that it was for.
    /// @param amount Base units deposited.
    function recoverDeposit(uint64 index, address account, uint128 amount) external {
        Progress progress = _progress;
        require(progress.frozen(), ErrorsLib.NotFrozen());
        require(index >= progress.consumed(), ErrorsLib.AlreadyConsumed(index, progress.consumed()));
        require(_depositHash[index] == _hashDeposit(account, amount), ErrorsLib.UnknownDeposit(index));

        delete _depositHash[index];
        emit EventsLib.DepositRecovered(index, account, amount);
        token.safeTransfer(account, amount);
    }

    /// @notice Stops deposits for `duration` seconds from now. The guardian only.
    function pauseDeposits(uint64 duration) external {
        require(msg.sender == guardian, ErrorsLib.NotGuardian(msg.sender));
        require(duration != 0 && duration <= MAX_PAUSE, ErrorsLib.InvalidPause(duration, MAX_PAUSE));
        uint64 notBefore = depositsPausedUntil + MAX_PAUSE;
        require(_reached(notBefore), ErrorsLib.PausedRecently(notBefore));
        _pauseUntil(uint64(block.timestamp) + duration);
    }

    /// @notice Ends a pause before its time. The guardian only.
    function resumeDeposits() external {
        require(msg.sender == guardian, ErrorsLib.NotGuardian(msg.sender));
        require(!_reached(depositsPausedUntil), ErrorsLib.NotPaused());
        _pauseUntil(uint64(block.timestamp));
    }

    /// @notice The latest checkpoint, with the hash of its roots; before the first one, the hash of three zeros and of the
    /// genesis set.
    function latestCheckpoint() external view returns (LatestCheckpoint memory) {
        Progress progress = _progress;
        return LatestCheckpoint({
            epoch: progress.epoch(),
            height: progress.height(),
            inboxCount: progress.consumed(),
            acceptedAt: progress.acceptedAt(),
            rootsHash: _rootsHash,
            nextOperatorSet: operatorSetHash
        });
    }

    /// @notice Number of deposits and forced messages; the index of the next one.
    function inboxCount() external view returns (uint64) {
        return _progress.received();
    }

    /// @notice When the message `index` was forced in; zero if there is none of this index. Seconds.
    function forcedAt(uint64 index) external view returns (uint64) {
        return _forcedAt[index];
    }

    /// @notice Whether the settlement is frozen for ever.
    function isFrozen() external view returns (bool) {
        return _progress.frozen();
    }

    /// @notice Whether the withdrawal `index` was paid.
    function isWithdrawn(uint64 index) external view returns (bool) {
        return (_withdrawn[index >> 8] >> (index & 0xff)) & 1 != 0;
    }

    /// @notice Whether `account` was paid its exit.
    function hasExited(address account) external view returns (bool) {
        return _exited[account];
    }

    /// @notice The EIP-712 domain separator: name "Rampart", version "1", this chain, this contract.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @notice What an operator signs for `checkpoint`.
    function checkpointDigest(Checkpoint calldata checkpoint) public view returns (bytes32) {
        return _hashTypedDataV4(checkpoint.structHash());
    }

    function _deposit(address account, uint128 amount) private {
        require(account != address(0), ErrorsLib.ZeroAccount());
        require(amount != 0, ErrorsLib.ZeroAmount());
        uint64 until = depositsPausedUntil;
        require(_reached(until), ErrorsLib.DepositsPausedUntil(until));
        uint64 index = _append();
        _depositHash[index] = _hashDeposit(account, amount);
        emit EventsLib.Deposited(index, account, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev Takes the next number of the inbox.
    function _append() private returns (uint64 index) {
        Progress progress = _progress;
        require(!progress.frozen(), ErrorsLib.AlreadyFrozen());
        _progress = progress.append();
        return progress.received();
    }

    function _freeze(Progress progress) private {
        require(!progress.frozen(), ErrorsLib.AlreadyFrozen());
        _progress = progress.freeze();
        emit EventsLib.Frozen(progress.height(), progress.consumed());
    }

    function _pauseUntil(uint64 until) private {
        depositsPausedUntil = until;
        emit EventsLib.DepositsPaused(until);
    }

    function _requireRecipient(address recipient) private view {
        require(recipient != address(0) && recipient != address(this), ErrorsLib.InvalidRecipient(recipient));
    }

    function _requireLatest(Roots calldata roots) private view {
        bytes32 latest = _rootsHash;
        bytes32 given = roots.rootsHash();
        require(given == latest, ErrorsLib.StaleRoots(latest, given));
    }

    function _requireProgress(Progress latest, Checkpoint calldata next) private pure {
        require(!latest.frozen(), ErrorsLib.AlreadyFrozen());
        _requireCounters(latest, next.height, next.epoch, next.inboxCount);
        require(next.nextOperatorSet != bytes32(0), ErrorsLib.ZeroNextOperatorSet());
    }

    /// @dev `require` evaluates an error's arguments even if it holds, hence each member once only.
    function _requireCounters(Progress latest, uint64 height, uint64 epoch, uint64 count) private pure {
        uint64 before = latest.height();
        require(height > before, ErrorsLib.HeightNotIncreasing(before, height));
        before = latest.epoch();
        require(epoch >= before, ErrorsLib.EpochDecreased(before, epoch));
        require(epoch <= ProgressLib.MAX_EPOCH, ErrorsLib.EpochTooLarge(epoch, ProgressLib.MAX_EPOCH));
        before = latest.consumed();
        require(count >= before, ErrorsLib.InboxCountDecreased(before, count));
        uint64 received = latest.received();
        require(count <= received, ErrorsLib.InboxCountAhead(received, count));
    }

    function _reached(uint64 time) private view returns (bool) {
        // Hatch and pause are about days: what a sequencer could bend does not matter.
        // forge-lint: disable-next-line(block-timestamp)
        return block.timestamp >= time;
    }

    function _requireDelay(uint64 delay) private pure {
        require(delay != 0 && delay <= MAX_DELAY, ErrorsLib.InvalidDelay(delay, MAX_DELAY));
    }

    function _hashDeposit(address account, uint128 amount) private pure returns (bytes32) {
        return keccak256(abi.encode(account, amount));
    }
}
