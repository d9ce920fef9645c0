// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreDelegation} from "./CoreDelegation.sol";
import {CorePermissions} from "./CorePermissions.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IAVSRegistrar} from "src/l1/interfaces/IAVSRegistrar.sol";
import {IAllocationManager, OperatorSet} from "src/l1/interfaces/IAllocationManager.sol";

/// @notice Stands for EigenLayer's AllocationManager: operator sets, allocations with their delays, slashing. Left out:
/// pausing, the delay of a change of the allocation delay, the deallocation queue (one pending change a set suffices), and
/// changes of a set's strategies. What differs between core v1.3 and v1.9 is in the two contracts below.
abstract contract CoreAllocation {
    using Checkpoints for Checkpoints.Trace208;

    error InvalidCaller();
    error InvalidOperator();
    error InvalidOperatorSet();
    error NonexistentAVSMetadata();
    error OperatorNotSlashable();
    error AlreadyMemberOfSet();
    error NotMemberOfSet();
    error StrategiesMustBeInAscendingOrder();
    error StrategyNotInOperatorSet();
    error InvalidWadToSlash();
    error InputArrayLengthMismatch();
    error InsufficientMagnitude();
    error ModificationAlreadyPending();
    error SameMagnitude();
    error InvalidAVSRegistrar();

    struct RegisterParams {
        address avs;
        uint32[] operatorSetIds;
        bytes data;
    }

    struct Magnitudes {
        uint64 current;
        int128 pending;
        uint32 effectBlock;
    }

    uint64 internal constant WAD = 1e18;

    CoreDelegation public immutable delegation;
    CorePermissions public immutable permissions;
    uint32 public immutable deallocationDelay;

    mapping(address avs => bool) private _hasMetadata;
    mapping(address avs => address) private _registrar;
    mapping(address avs => mapping(uint32 id => bool)) internal exists;
    mapping(address avs => mapping(uint32 id => address[])) private _strategies;
    mapping(address operator => uint32) private _delay;
    mapping(address operator => mapping(bytes32 set => bool)) private _member;
    mapping(address operator => mapping(bytes32 set => uint256)) private _slashableUntil;
    mapping(address operator => mapping(address strategy => uint64)) private _encumbered;
    mapping(address operator => mapping(address strategy => Checkpoints.Trace208)) private _max;
    mapping(address operator => mapping(bytes32 set => mapping(address strategy => Magnitudes))) private _allocations;

    constructor(CoreDelegation delegation_, CorePermissions permissions_, uint32 deallocationDelay_) {
        delegation = delegation_;
        permissions = permissions_;
        deallocationDelay = deallocationDelay_;
    }

    function updateAVSMetadataURI(address avs, string calldata) external {
        _requireCanCall(avs);
        _hasMetadata[avs] = true;
    }

    function setAVSRegistrar(address avs, IAVSRegistrar registrar) external {
        _requireCanCall(avs);
        require(registrar.supportsAVS(avs), InvalidAVSRegistrar());
        _registrar[avs] = address(registrar);
    }

    function setAllocationDelay(address operator, uint32 delay) external {
        require(msg.sender == address(delegation), InvalidCaller());
        _delay[operator] = delay;
    }

    function registerForOperatorSets(address operator, RegisterParams calldata params) external {
        _requireCanCall(operator);
        require(delegation.isOperator(operator), InvalidOperator());
        for (uint256 i = 0; i < params.operatorSetIds.length; ++i) {
            bytes32 set = _key(params.avs, params.operatorSetIds[i]);
            require(exists[params.avs][params.operatorSetIds[i]], InvalidOperatorSet());
            require(!_isSlashable(operator, set), AlreadyMemberOfSet());
            _member[operator][set] = true;
        }
        getAVSRegistrar(params.avs).registerOperator(operator, params.avs, params.operatorSetIds, params.data);
    }

    function deregisterFromOperatorSets(IAllocationManager.DeregisterParams calldata params) external {
        require(
            permissions.canCall(params.operator, msg.sender, address(this), msg.sig)
                || permissions.canCall(params.avs, msg.sender, address(this), msg.sig),
            InvalidCaller()
        );
        for (uint256 i = 0; i < params.operatorSetIds.length; ++i) {
            bytes32 set = _key(params.avs, params.operatorSetIds[i]);
            require(_member[params.operator][set], NotMemberOfSet());
            _member[params.operator][set] = false;
            _slashableUntil[params.operator][set] = block.number + deallocationDelay;
        }
        getAVSRegistrar(params.avs).deregisterOperator(params.operator, params.avs, params.operatorSetIds);
    }

    /// @dev For one set and strategy; the core takes lists.
    function allocate(address operator, OperatorSet calldata operatorSet, address strategy, uint64 magnitude) external {
        _requireCanCall(operator);
        require(exists[operatorSet.avs][operatorSet.id], InvalidOperatorSet());
        bytes32 set = _key(operatorSet.avs, operatorSet.id);
        _settle(operator, set, strategy);
        Magnitudes storage a = _allocations[operator][set][strategy];
        require(a.effectBlock == 0, ModificationAlreadyPending());
        require(a.current != magnitude, SameMagnitude());
        int128 change = int128(uint128(magnitude)) - int128(uint128(a.current));
        if (change > 0) {
            _encumbered[operator][strategy] += uint64(uint128(change));
            require(_encumbered[operator][strategy] <= getMaxMagnitude(operator, strategy), InsufficientMagnitude());
            a.pending = change;
            a.effectBlock = uint32(block.number) + _delay[operator];
        } else if (_isSlashable(operator, set) && a.current != 0) {
            a.pending = change;
            a.effectBlock = uint32(block.number) + deallocationDelay + 1;
        } else {
            _encumbered[operator][strategy] -= uint64(uint128(-change));
            a.current = magnitude;
        }
    }

    function isMemberOfOperatorSet(address operator, OperatorSet memory set) external view returns (bool) {
        return _member[operator][_key(set.avs, set.id)];
    }

    function getAVSRegistrar(address avs) public view returns (IAVSRegistrar) {
        return IAVSRegistrar(_registrar[avs] == address(0) ? avs : _registrar[avs]);
    }

    function getStrategiesInOperatorSet(OperatorSet memory set) external view returns (address[] memory) {
        return _strategies[set.avs][set.id];
    }

    function getMaxMagnitude(address operator, address strategy) public view returns (uint64) {
        (bool known,, uint208 value) = _max[operator][strategy].latestCheckpoint();
        return known ? uint64(value) : WAD;
    }

    function maxMagnitudeAt(address operator, address strategy, uint256 blockNumber) external view returns (uint64) {
        Checkpoints.Trace208 storage trace = _max[operator][strategy];
        if (trace.length() == 0 || trace.at(0)._key > blockNumber) return WAD;
        return uint64(trace.upperLookup(SafeCast.toUint48(blockNumber)));
    }

    function getMinimumSlashableStake(
        OperatorSet memory operatorSet,
        address[] memory operators,
        address[] memory strategies,
        uint32 futureBlock
    ) external view returns (uint256[][] memory stakes) {
        bytes32 set = _key(operatorSet.avs, operatorSet.id);
        stakes = new uint256[][](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            stakes[i] = new uint256[](strategies.length);
            if (!_isSlashable(operators[i], set)) continue;
            for (uint256 j = 0; j < strategies.length; ++j) {
                uint64 max = getMaxMagnitude(operators[i], strategies[j]);
                if (max == 0) continue;
                Magnitudes memory a = _allocations[operators[i]][set][strategies[j]];
                if (a.effectBlock <= block.number || (a.pending < 0 && a.effectBlock <= futureBlock)) {
                    a.current = _plus(a.current, a.pending);
                }
                uint256 shares = delegation.operatorShares(operators[i], strategies[j]);
                stakes[i][j] = Math.mulDiv(shares, Math.mulDiv(a.current, WAD, max), WAD);
            }
        }
    }

    function _createSet(address avs, uint32 id, address[] memory strategies) internal {
        _requireCanCall(avs);
        require(_hasMetadata[avs], NonexistentAVSMetadata());
        require(!exists[avs][id], InvalidOperatorSet());
        exists[avs][id] = true;
        _strategies[avs][id] = strategies;
    }

    function _slash(address avs, IAllocationManager.SlashingParams calldata params) internal {
        bytes32 set = _key(avs, params.operatorSetId);
        require(params.strategies.length == params.wadsToSlash.length, InputArrayLengthMismatch());
        require(exists[avs][params.operatorSetId], InvalidOperatorSet());
        require(_isSlashable(params.operator, set), OperatorNotSlashable());
        for (uint256 i = 0; i < params.strategies.length; ++i) {
            address strategy = params.strategies[i];
            require(i == 0 || strategy > params.strategies[i - 1], StrategiesMustBeInAscendingOrder());
            require(params.wadsToSlash[i] != 0 && params.wadsToSlash[i] <= WAD, InvalidWadToSlash());
            require(_hasStrategy(avs, params.operatorSetId, strategy), StrategyNotInOperatorSet());
            _slashStrategy(params.operator, set, strategy, params.wadsToSlash[i]);
        }
    }

    function _hasStrategy(address avs, uint32 id, address strategy) private view returns (bool) {
        address[] storage list = _strategies[avs][id];
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == strategy) return true;
        }
        return false;
    }

    function _slashStrategy(address operator, bytes32 set, address strategy, uint256 wad) private {
        _settle(operator, set, strategy);
        Magnitudes storage a = _allocations[operator][set][strategy];
        if (a.current == 0) return;
        uint64 slashed = uint64(Math.mulDiv(a.current, wad, WAD, Math.Rounding.Ceil));
        uint64 from = getMaxMagnitude(operator, strategy);
        a.current -= slashed;
        _encumbered[operator][strategy] -= slashed;
        if (a.pending < 0) {
            a.pending += int128(uint128(Math.mulDiv(uint128(-a.pending), wad, WAD, Math.Rounding.Ceil)));
        }
        _max[operator][strategy].push(SafeCast.toUint48(block.number), from - slashed);
        delegation.slashOperatorShares(operator, strategy, from, from - slashed);
    }

    /// @dev Completes a pending change whose block has come.
    function _settle(address operator, bytes32 set, address strategy) private {
        Magnitudes storage a = _allocations[operator][set][strategy];
        if (block.number < a.effectBlock) return;
        if (a.pending < 0) _encumbered[operator][strategy] -= uint64(uint128(-a.pending));
        a.current = _plus(a.current, a.pending);
        a.pending = 0;
        a.effectBlock = 0;
    }

    function _isSlashable(address operator, bytes32 set) private view returns (bool) {
        // Before the first registration the core's bound is zero, as here.
        return _member[operator][set] || block.number <= _slashableUntil[operator][set];
    }

    function _requireCanCall(address account) internal view {
        require(permissions.canCall(account, msg.sender, address(this), msg.sig), InvalidCaller());
    }

    function _plus(uint64 a, int128 b) private pure returns (uint64) {
        return uint64(uint128(int128(uint128(a)) + b));
    }

    function _key(address avs, uint32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode(avs, id));
    }
}

/// @notice Up to v1.8 the slasher is whoever the service's account lets call `slashOperator`.
contract CoreAllocationV13 is CoreAllocation {
    struct CreateSetParams {
        uint32 operatorSetId;
        address[] strategies;
    }

    constructor(CoreDelegation delegation_, CorePermissions permissions_, uint32 delay)
        CoreAllocation(delegation_, permissions_, delay)
    {}

    function createOperatorSets(address avs, CreateSetParams[] calldata params) external {
        for (uint256 i = 0; i < params.length; ++i) {
            _createSet(avs, params[i].operatorSetId, params[i].strategies);
        }
    }

    function slashOperator(address avs, IAllocationManager.SlashingParams calldata params) external {
        _requireCanCall(avs);
        _slash(avs, params);
    }
}

/// @notice From v1.9 on each set has one slasher, and `slashOperator` answers.
contract CoreAllocationV19 is CoreAllocation {
    error InputAddressZero();

    struct CreateSetParamsV2 {
        uint32 operatorSetId;
        address[] strategies;
        address slasher;
    }

    mapping(address avs => mapping(uint32 id => address)) public slasherOf;

    constructor(CoreDelegation delegation_, CorePermissions permissions_, uint32 delay)
        CoreAllocation(delegation_, permissions_, delay)
    {}

    function createOperatorSets(address avs, CreateSetParamsV2[] calldata params) external {
        for (uint256 i = 0; i < params.length; ++i) {
            require(params[i].slasher != address(0), InputAddressZero());
            _createSet(avs, params[i].operatorSetId, params[i].strategies);
            slasherOf[avs][params[i].operatorSetId] = params[i].slasher;
        }
    }

    function slashOperator(address avs, IAllocationManager.SlashingParams calldata params)
        external
        returns (uint256, uint256[] memory)
    {
        require(msg.sender == slasherOf[avs][params.operatorSetId], InvalidCaller());
        _slash(avs, params);
        return (1, new uint256[](params.strategies.length));
    }
}
