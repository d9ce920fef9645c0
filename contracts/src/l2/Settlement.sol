// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, CheckpointLib} from "./libraries/CheckpointLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {OperatorSetLib} from "./libraries/OperatorSetLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

/// @title Settlement
/// @notice Where the operators' ledger meets the layer 2: it holds the utility tokens that the ledger accounts for,
/// numbers what comes in, and pays out what a quorum of the operators has certified (C3, U1, U3, P2).
///
/// DEPOSITS. `deposit` takes tokens from the caller and gives the deposit the next number of the inbox. The ledger
/// credits `account` once the deposit is final on this chain; a checkpoint's `inboxCount` says how many the ledger
/// has consumed. Numbers count from 0 without gaps, so no operator can leave one out unseen.
///
/// CHECKPOINTS. The operators sign the ledger's state as EIP-712 `Checkpoint`. Anyone may submit it, with the seats of
/// the current operator set, a bitmap of those that signed, and their signatures. It is accepted when
///  - its height exceeds the latest one's, its epoch and its inbox count are not below, and its inbox count does
///    not exceed the deposits made here;
///  - the seats hash to `operatorSetHash`;
///  - each seat in the bitmap has its signature, nothing is left over, and together they hold more than two thirds of
///    the weight.
/// The set whose hash the checkpoint names signs the next one. The first set comes with the constructor.
///
/// WITHDRAWALS. All withdrawals that the ledger ever made form one append-only Merkle tree; each checkpoint certifies
/// its root. Anyone may have a withdrawal paid, with a proof against the latest root, to the recipient that it names and
/// to nobody else, once. A leaf is keccak256(keccak256(abi.encode(index, recipient, amount))); an inner node hashes
/// its two children in ascending order; an odd node is promoted as it is. Leaves are hashed twice, so no inner node
/// can pass for a leaf. The tree is the same for a proof whatever is appended, but a proof's length may change: fetch it
/// for the latest checkpoint.
///
/// TRUST. More than two thirds of the weight can certify any state, and so take what is held here. Nobody else can:
/// there is no owner, no upgrade, no pause. The token is fixed, is ours, has no hooks, and moves exactly the amount asked
/// (UtilityToken), so the balance is not measured around a transfer. State still changes before each transfer, which
/// makes re-entry harmless even so. Tokens sent here by plain transfer belong to nobody.
///
/// If operators hand over to a malformed set, no later checkpoint can be accepted, and what the last one certified
/// remains payable. Leaving without the operators (X2) builds on `exitRoot`, which is stored but not yet used here.
contract Settlement is EIP712 {
    using BitMaps for BitMaps.BitMap;
    using CheckpointLib for Checkpoint;
    using OperatorSetLib for bytes32[];
    using SafeERC20 for IERC20;

    /// @notice The counters, in one slot: a checkpoint writes three of them, a deposit the fourth.
    struct Progress {
        uint64 epoch;
        uint64 height;
        uint64 consumed;
        uint64 deposits;
    }

    /// @notice The utility token held here.
    IERC20 public immutable token;

    Progress private _progress;
    bytes32 private _stateRoot;
    bytes32 private _withdrawalsRoot;
    bytes32 private _exitRoot;

    /// @notice Hash of the set that may sign the next checkpoint.
    bytes32 public operatorSetHash;

    BitMaps.BitMap private _withdrawn;

    /// @param token_ The utility token.
    /// @param genesisOperatorSet The seats that sign the first checkpoint, in strictly ascending order of signer.
    constructor(IERC20 token_, bytes32[] memory genesisOperatorSet) EIP712("Rampart", "1") {
        require(address(token_).code.length != 0, ErrorsLib.TokenWithoutCode(address(token_)));
        genesisOperatorSet.validate();
        token = token_;
        operatorSetHash = genesisOperatorSet.hash();
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
        Progress memory progress = _progress;
        _requireProgress(progress, checkpoint);

        bytes32 current = operatorSetHash;
        bytes32 given = operatorSet.hashCalldata();
        require(given == current, ErrorsLib.OperatorSetMismatch(current, given));
        OperatorSetLib.requireQuorum(checkpointDigest(checkpoint), operatorSet, signers, signatures);

        _progress = Progress({
            epoch: checkpoint.epoch,
            height: checkpoint.height,
            consumed: checkpoint.inboxCount,
            deposits: progress.deposits
        });
        _stateRoot = checkpoint.stateRoot;
        _withdrawalsRoot = checkpoint.withdrawalsRoot;
        _exitRoot = checkpoint.exitRoot;
        // The set changes once an epoch at most; the comparison saves a write.
        if (checkpoint.nextOperatorSet != current) operatorSetHash = checkpoint.nextOperatorSet;

        emit EventsLib.CheckpointAccepted(
            checkpoint.height, checkpoint.epoch, checkpoint.stateRoot, checkpoint.withdrawalsRoot, checkpoint.inboxCount
        );
    }

    /// @notice Pays a certified withdrawal to its recipient. Anyone may call.
    /// @param index The withdrawal's position among all that the ledger made.
    /// @param recipient Who receives it, as certified.
    /// @param amount Base units, as certified.
    /// @param proof Siblings from the leaf to the latest checkpoint's `withdrawalsRoot`.
    function withdraw(uint64 index, address recipient, uint128 amount, bytes32[] calldata proof) external {
        require(recipient != address(0) && recipient != address(this), ErrorsLib.InvalidRecipient(recipient));
        require(!_withdrawn.get(index), ErrorsLib.AlreadyWithdrawn(index));
        bytes32 root = _withdrawalsRoot;
        require(root != bytes32(0), ErrorsLib.NoWithdrawals());
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, recipient, amount))));
        require(MerkleProof.verifyCalldata(proof, root, leaf), ErrorsLib.InvalidProof(index, root));

        _withdrawn.set(index);
        emit EventsLib.Withdrawn(index, recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    /// @notice The latest checkpoint; before the first one, zeros and the hash of the genesis set.
    function latestCheckpoint() external view returns (Checkpoint memory) {
        Progress memory progress = _progress;
        return Checkpoint({
            epoch: progress.epoch,
            height: progress.height,
            stateRoot: _stateRoot,
            withdrawalsRoot: _withdrawalsRoot,
            exitRoot: _exitRoot,
            inboxCount: progress.consumed,
            nextOperatorSet: operatorSetHash
        });
    }

    /// @notice Number of deposits made; the index of the next one.
    function inboxCount() external view returns (uint64) {
        return _progress.deposits;
    }

    /// @notice Whether the withdrawal `index` was paid.
    function isWithdrawn(uint64 index) external view returns (bool) {
        return _withdrawn.get(index);
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
        uint64 index = _progress.deposits;
        _progress.deposits = index + 1;
        emit EventsLib.Deposited(index, account, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    function _requireProgress(Progress memory latest, Checkpoint calldata next) private pure {
        require(next.height > latest.height, ErrorsLib.HeightNotIncreasing(latest.height, next.height));
        require(next.epoch >= latest.epoch, ErrorsLib.EpochDecreased(latest.epoch, next.epoch));
        require(next.inboxCount >= latest.consumed, ErrorsLib.InboxCountDecreased(latest.consumed, next.inboxCount));
        require(next.inboxCount <= latest.deposits, ErrorsLib.InboxCountAhead(latest.deposits, next.inboxCount));
        require(next.nextOperatorSet != bytes32(0), ErrorsLib.ZeroNextOperatorSet());
    }
}
