// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, CheckpointLib} from "../l2/libraries/CheckpointLib.sol";
import {Outbox} from "./Outbox.sol";
import {IAVSRegistrar} from "./interfaces/IAVSRegistrar.sol";
import {IAllocationManager, OperatorSet} from "./interfaces/IAllocationManager.sol";
import {ICoreAdapter} from "./interfaces/ICoreAdapter.sol";
import {IPermissionController} from "./interfaces/IPermissionController.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title ServiceManager
/// @notice The service on EigenLayer: its account, its one operator set, the operators' keys and commissions, and their
/// slashing (P2, O1, O6, X3).
///
/// ACCOUNT. This contract is the account that EigenLayer knows the service by, the registrar of its operators, and the
/// only slasher of operator set SET_ID. How a set is created depends on the core's version; the adapter encodes it.
///
/// OPERATORS register on the AllocationManager, with `data` = abi.encode(Registration). An operator has
///  - a consensus key, ed25519, by which it takes part in consensus;
///  - a checkpoint key, secp256k1, whose address signs checkpoints for the layer 2.
/// Both sign the EIP-712 digest of `OperatorKeys(address operator,bytes32 consensusKey,address checkpointKey)` in this
/// contract's domain (name "Rampart", version "1", this chain). The checkpoint key's signature is verified here: so
/// nobody registers another's checkpoint key, and its holder has confirmed the consensus key. An ed25519 signature cannot be
/// verified here at a bearable price: the outbox tells it, and the ledger gives no seat to whoever's does not verify. For
/// the same reason a consensus key is not kept from a second registration here: it would let anyone block another's key
/// with a made-up signature. The ledger gives a consensus key to the first operator that proves it.
/// A member rotates its keys with `setKeys`, by proofs as at registration; either key may stay as it is. The ledger seats the
/// new ones from the epoch after next at the latest. A checkpoint key belongs to the first operator that registers it, for
/// ever: an operator answers for what its old keys sign, and nobody can take them over.
///
/// STAKE is what is delegated to the operator and slashable by this service now, summed over the set's strategies; a share
/// of each counts as much, so they must be of like value. `stakeOf` reads it from the core. `sync`, by anyone, keeps it for
/// `stakeAt` and tells the ledger; so do registering, leaving and slashing. A member whose allocation is not in effect has
/// none, and whoever has left has none.
///
/// SLASHING happens
///  - without a vote, when anyone shows two checkpoints of one height with different content, both signed by one
///    operator's key for the settlement given at construction (X3). Once an operator and height. It costs `equivocationWad`
///    of the operator's allocation in each strategy. The reporter is paid `bounty`, but no more than a twentieth of
///    the stake slashed, nor than this contract has: it is funded by plain transfers of ether. Who copies a proof out of the
///    mempool may take the bounty; the slashing happens either way;
///  - by the timelock of the governor.
/// What is slashed is burned by the core (on versions that can redistribute, this set does not).
///
/// UPGRADE. The timelock can name an admin of the account in EigenLayer's PermissionController. A successor that accepts can
/// set another registrar, create other sets, and leaves this contract without rights but for the slashing of SET_ID, until
/// it takes that away too.
contract ServiceManager is IAVSRegistrar, EIP712, ReentrancyGuardTransient {
    using CheckpointLib for Checkpoint;
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;

    /// @notice What this contract is given at construction.
    /// @param allocationManager Of EigenLayer's core, as are the next two.
    /// @param permissionController See there.
    /// @param adapter For the core's version.
    /// @param strategies Of the operator set, in strictly ascending order.
    /// @param outbox Where stakes are told.
    /// @param timelock Of the governor.
    /// @param settlementChainId Chain of the settlement whose checkpoints must not conflict.
    /// @param settlement Its address there.
    /// @param equivocationWad What part of its allocations an equivocating operator loses; 1e18 is all.
    /// @param bounty Wei, for the reporter of an equivocation.
    /// @param metadataURI Of the service, for EigenLayer's interfaces.
    struct Deployment {
        IAllocationManager allocationManager;
        IPermissionController permissionController;
        ICoreAdapter adapter;
        address[] strategies;
        Outbox outbox;
        address timelock;
        uint256 settlementChainId;
        address settlement;
        uint64 equivocationWad;
        uint128 bounty;
        string metadataURI;
    }

    /// @notice What an operator brings to its registration.
    struct Registration {
        bytes32 consensusKey;
        bytes consensusSignature;
        address checkpointKey;
        bytes checkpointSignature;
        uint32 commission;
    }

    /// @notice New keys of an operator.
    struct Keys {
        bytes32 consensusKey;
        bytes consensusSignature;
        address checkpointKey;
        bytes checkpointSignature;
    }

    /// @notice What is kept of an operator.
    struct Operator {
        bytes32 consensusKey;
        address checkpointKey;
        uint32 commission;
        bool told;
    }

    /// @notice The one operator set.
    uint32 public constant SET_ID = 0;

    /// @notice Parts per million of its rewards that an operator may keep.
    uint32 public constant MAX_COMMISSION = 200_000;

    bytes32 public constant OPERATOR_KEYS_TYPEHASH =
        keccak256("OperatorKeys(address operator,bytes32 consensusKey,address checkpointKey)");

    uint256 private constant WAD = 1e18;
    uint256 private constant ED25519_SIGNATURE_LENGTH = 64;
    uint256 private constant BOUNTY_SHARE = 20;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    IAllocationManager public immutable allocationManager;
    IPermissionController public immutable permissionController;
    Outbox public immutable outbox;
    address public immutable timelock;

    /// @notice EIP-712 domain of the checkpoints that must not conflict.
    bytes32 public immutable settlementDomain;
    uint256 public immutable equivocationWad;
    uint256 public immutable bounty;

    /// @notice Whose checkpoint key it is, or was.
    mapping(address checkpointKey => address operator) public operatorOfCheckpointKey;

    /// @notice Whether the operator was slashed for an equivocation at the height.
    mapping(address operator => mapping(uint64 height => bool)) public isPunished;

    address[] private _strategies;
    mapping(address operator => Operator) private _operators;
    mapping(address operator => Checkpoints.Trace208) private _stakes;

    modifier only(address caller) {
        require(msg.sender == caller, ErrorsLib.Unauthorized(msg.sender, caller));
        _;
    }

    constructor(Deployment memory d) EIP712("Rampart", "1") {
        require(d.timelock != address(0), ErrorsLib.InvalidDependency(d.timelock));
        require(d.settlement != address(0), ErrorsLib.InvalidDependency(d.settlement));
        require(address(d.outbox).code.length != 0, ErrorsLib.InvalidDependency(address(d.outbox)));
        require(d.equivocationWad != 0 && d.equivocationWad <= WAD, ErrorsLib.InvalidSetting(d.equivocationWad, WAD));
        require(d.strategies.length != 0, ErrorsLib.StrategiesNotAscending(0));
        for (uint256 i = 1; i < d.strategies.length; ++i) {
            require(d.strategies[i] > d.strategies[i - 1], ErrorsLib.StrategiesNotAscending(i));
        }
        allocationManager = d.allocationManager;
        permissionController = d.permissionController;
        outbox = d.outbox;
        timelock = d.timelock;
        settlementDomain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Rampart"), keccak256("1"), d.settlementChainId, d.settlement)
        );
        equivocationWad = d.equivocationWad;
        bounty = d.bounty;
        _strategies = d.strategies;

        d.allocationManager.updateAVSMetadataURI(address(this), d.metadataURI);
        ICoreAdapter.Call[] memory calls = d.adapter.creation(address(this), SET_ID, d.strategies, address(this));
        for (uint256 i = 0; i < calls.length; ++i) {
            Address.functionCall(calls[i].target, calls[i].data);
        }
    }

    /// @notice Funds bounties.
    receive() external payable {}

    /// @inheritdoc IAVSRegistrar
    /// @param data abi.encode(Registration).
    function registerOperator(address operator, address avs, uint32[] calldata operatorSetIds, bytes calldata data)
        external
        only(address(allocationManager))
    {
        _requireSet(avs, operatorSetIds);
        Registration memory r = abi.decode(data, (Registration));
        _requireCommission(r.commission);
        _operators[operator].commission = r.commission;
        _operators[operator].told = false;
        emit EventsLib.OperatorRegistered(operator);
        emit EventsLib.CommissionSet(operator, r.commission);
        _setKeys(operator, Keys(r.consensusKey, r.consensusSignature, r.checkpointKey, r.checkpointSignature));
        _sync(operator);
    }

    /// @inheritdoc IAVSRegistrar
    function deregisterOperator(address operator, address avs, uint32[] calldata operatorSetIds)
        external
        only(address(allocationManager))
    {
        _requireSet(avs, operatorSetIds);
        emit EventsLib.OperatorDeregistered(operator);
        _sync(operator);
    }

    /// @notice Replaces the caller's keys. The old checkpoint key stays its own: it answers for what that signs or signed.
    function setKeys(Keys calldata keys) external {
        require(isMember(msg.sender), ErrorsLib.NotAnOperator(msg.sender));
        _setKeys(msg.sender, keys);
    }

    /// @notice Sets the caller's commission, in parts per million of its rewards.
    function setCommission(uint32 commission) external {
        require(isMember(msg.sender), ErrorsLib.NotAnOperator(msg.sender));
        _requireCommission(commission);
        _operators[msg.sender].commission = commission;
        _operators[msg.sender].told = false;
        emit EventsLib.CommissionSet(msg.sender, commission);
        _sync(msg.sender);
    }

    /// @notice Keeps the operator's stake as of this block, and tells the ledger if it changed. Anyone may call.
    function sync(address operator) external {
        _sync(operator);
    }

    /// @notice Slashes an operator for two conflicting checkpoints of one height. Anyone may call.
    /// @param recipient Of the bounty; must accept ether.
    function slashEquivocation(
        Checkpoint calldata first,
        bytes calldata firstSignature,
        Checkpoint calldata second,
        bytes calldata secondSignature,
        address payable recipient
    ) external nonReentrant {
        bytes32 firstHash = first.structHash();
        bytes32 secondHash = second.structHash();
        require(first.height == second.height && firstHash != secondHash, ErrorsLib.NoConflict());
        address operator = _signerOfBoth(firstHash, firstSignature, secondHash, secondSignature);
        require(!isPunished[operator][first.height], ErrorsLib.AlreadyPunished(operator, first.height));

        isPunished[operator][first.height] = true;
        emit EventsLib.EquivocationProved(operator, first.height, firstHash, secondHash, msg.sender);
        uint256 slashed = _slash(operator, equivocationWad, "equivocation: two checkpoints of one height");
        require(slashed != 0, ErrorsLib.NothingToSlash(operator));

        uint256 reward = Math.min(Math.min(bounty, slashed / BOUNTY_SHARE), address(this).balance);
        if (reward == 0) return;
        emit EventsLib.BountyPaid(recipient, reward);
        Address.sendValue(recipient, reward);
    }

    /// @notice Slashes an operator by `wad` of its allocation in each strategy; by decision of governance.
    function slash(address operator, uint256 wad, string calldata description) external only(timelock) nonReentrant {
        _slash(operator, wad, description);
    }

    /// @notice Makes an operator leave the set; by decision of governance. It may register again.
    function eject(address operator) external only(timelock) {
        uint32[] memory ids = new uint32[](1);
        ids[0] = SET_ID;
        allocationManager.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams({operator: operator, avs: address(this), operatorSetIds: ids})
        );
    }

    /// @notice Changes what EigenLayer's interfaces show of the service; by decision of governance.
    function setMetadataURI(string calldata metadataURI) external only(timelock) {
        allocationManager.updateAVSMetadataURI(address(this), metadataURI);
    }

    /// @notice Offers the administration of the service's EigenLayer account to a successor; by decision of governance.
    function handOver(address admin) external only(timelock) {
        permissionController.addPendingAdmin(address(this), admin);
    }

    /// @inheritdoc IAVSRegistrar
    function supportsAVS(address avs) external view returns (bool) {
        return avs == address(this);
    }

    /// @notice Whether the operator is in the set now.
    function isMember(address operator) public view returns (bool) {
        return allocationManager.isMemberOfOperatorSet(operator, _set());
    }

    /// @notice The operator's stake now, from the core.
    function stakeOf(address operator) public view returns (uint256) {
        return isMember(operator) ? _slashable(operator) : 0;
    }

    /// @notice The operator's stake as told last.
    function lastStakeOf(address operator) external view returns (uint256) {
        return _stakes[operator].latest();
    }

    /// @notice The operator's stake as last told by the end of the block, which must be in the past.
    function stakeAt(address operator, uint256 blockNumber) external view returns (uint256) {
        require(blockNumber < block.number, ErrorsLib.FutureLookup(blockNumber, block.number));
        return _stakes[operator].upperLookupRecent(blockNumber.toUint48());
    }

    /// @notice The operator's keys and commission, as set last; zeros if it never registered.
    function operatorOf(address operator)
        external
        view
        returns (bytes32 consensusKey, address checkpointKey, uint32 commission)
    {
        Operator storage o = _operators[operator];
        return (o.consensusKey, o.checkpointKey, o.commission);
    }

    /// @notice The set's strategies, in ascending order.
    function strategies() external view returns (address[] memory) {
        return _strategies;
    }

    /// @notice What both keys of an operator sign.
    function operatorKeysDigest(address operator, bytes32 consensusKey, address checkpointKey)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(OPERATOR_KEYS_TYPEHASH, operator, consensusKey, checkpointKey)));
    }

    /// @notice What an operator signs for `checkpoint`, as the settlement computes it.
    function checkpointDigest(Checkpoint calldata checkpoint) external view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(settlementDomain, checkpoint.structHash());
    }

    /// @dev The proof of the consensus key is the readers' to verify; its length is checked so that they can decode it.
    function _setKeys(address operator, Keys memory keys) private {
        require(
            keys.consensusSignature.length == ED25519_SIGNATURE_LENGTH,
            ErrorsLib.InvalidSignatureLength(keys.consensusSignature.length)
        );
        require(keys.consensusKey != bytes32(0), ErrorsLib.ZeroConsensusKey());
        bytes32 digest = operatorKeysDigest(operator, keys.consensusKey, keys.checkpointKey);
        (address recovered,,) = ECDSA.tryRecover(digest, keys.checkpointSignature);
        require(
            recovered == keys.checkpointKey && recovered != address(0),
            ErrorsLib.InvalidKeyProof(keys.checkpointKey, recovered)
        );
        address owner = operatorOfCheckpointKey[keys.checkpointKey];
        require(owner == address(0) || owner == operator, ErrorsLib.KeyTaken(keys.checkpointKey, owner));

        operatorOfCheckpointKey[keys.checkpointKey] = operator;
        Operator storage o = _operators[operator];
        o.consensusKey = keys.consensusKey;
        o.checkpointKey = keys.checkpointKey;
        emit EventsLib.KeysSet(operator, keys.consensusKey, keys.checkpointKey);
        outbox.tellOperatorKeys(operator, keys.consensusKey, keys.checkpointKey, keys.consensusSignature);
    }

    /// @dev Tells only what changed: an entry costs every operator of the ledger something.
    function _sync(address operator) private {
        Operator storage o = _operators[operator];
        uint128 stake = stakeOf(operator).toUint128();
        if (o.told && stake == _stakes[operator].latest()) return;
        // An account that never registered has nothing to tell.
        if (o.checkpointKey == address(0)) return;
        o.told = true;
        _stakes[operator].push(block.number.toUint48(), stake);
        outbox.tellOperatorStake(operator, stake, o.commission);
    }

    /// @return slashed The slashable stake that it took.
    function _slash(address operator, uint256 wad, string memory description) private returns (uint256 slashed) {
        uint256 before = _slashable(operator);
        uint256[] memory wads = new uint256[](_strategies.length);
        for (uint256 i = 0; i < wads.length; ++i) {
            wads[i] = wad;
        }
        allocationManager.slashOperator(
            address(this),
            IAllocationManager.SlashingParams({
                operator: operator,
                operatorSetId: SET_ID,
                strategies: _strategies,
                wadsToSlash: wads,
                description: description
            })
        );
        slashed = before - _slashable(operator);
        emit EventsLib.OperatorSlashed(operator, wad, slashed, description);
        _sync(operator);
    }

    function _signerOfBoth(
        bytes32 firstHash,
        bytes calldata firstSignature,
        bytes32 secondHash,
        bytes calldata secondSignature
    ) private view returns (address operator) {
        address key = ECDSA.recoverCalldata(
            MessageHashUtils.toTypedDataHash(settlementDomain, firstHash), firstSignature
        );
        address other =
            ECDSA.recoverCalldata(MessageHashUtils.toTypedDataHash(settlementDomain, secondHash), secondSignature);
        require(key == other, ErrorsLib.DifferentSigners(key, other));
        operator = operatorOfCheckpointKey[key];
        require(operator != address(0), ErrorsLib.UnknownCheckpointKey(key));
    }

    function _slashable(address operator) private view returns (uint256 stake) {
        address[] memory operators = new address[](1);
        operators[0] = operator;
        uint256[] memory stakes =
            allocationManager.getMinimumSlashableStake(_set(), operators, _strategies, block.number.toUint32())[0];
        for (uint256 i = 0; i < stakes.length; ++i) {
            stake += stakes[i];
        }
    }

    function _set() private view returns (OperatorSet memory) {
        return OperatorSet({avs: address(this), id: SET_ID});
    }

    function _requireSet(address avs, uint32[] calldata ids) private view {
        require(avs == address(this) && ids.length == 1 && ids[0] == SET_ID, ErrorsLib.UnknownOperatorSet());
    }

    function _requireCommission(uint32 commission) private pure {
        require(commission <= MAX_COMMISSION, ErrorsLib.CommissionTooHigh(commission, MAX_COMMISSION));
    }
}
