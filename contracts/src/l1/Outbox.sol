// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";

/// @notice A new value of one of the ledger's parameters, in the parameter's own unit.
struct Parameter {
    string name;
    uint128 value;
}

/// @title Outbox
/// @notice Numbers everything that the layer 1 tells the ledger, in one sequence from 0 without gaps. The operators take
/// the entries into the ledger in this order, each once, when they are final; a missing one would be seen.
///
/// WRITERS are fixed at construction: the service manager tells operators' stakes and keys, the vault tells investors'
/// weights, the timelock of the governor tells decisions. Nothing else can be written, by nobody, and nothing is stored but
/// the next number.
///
/// DECISIONS have a kind and ABI-encoded data:
///     1 set parameters   (string name, uint128 value)[]      1 to 64 of them, names of 1 to 32 of [a-z0-9_]
///     2 suspend          uint64 provider
///     3 expel            uint64 provider
///     4 pardon           uint64 provider
///     5 slash            uint64 provider, uint128 amount
///     6 judge            bytes32 case, bool upheld
///     7 spend            address recipient, uint128 amount
/// Limits are the ledger's decoder's: a decision that it could not read would stop its reading of this chain. What the
/// ledger makes of a decision (an unknown name, a value out of range) is the ledger's to say.
contract Outbox {
    uint256 internal constant MAX_CHANGES = 64;
    uint256 internal constant MAX_NAME = 32;

    /// @notice Tells operators' stakes and keys.
    address public immutable serviceManager;
    /// @notice Tells investors' weights.
    address public immutable vault;
    /// @notice Tells decisions.
    address public immutable timelock;

    /// @notice The index of the next entry; the number of entries so far.
    uint64 public next;

    modifier only(address writer) {
        require(msg.sender == writer, ErrorsLib.Unauthorized(msg.sender, writer));
        _;
    }

    constructor(address serviceManager_, address vault_, address timelock_) {
        require(serviceManager_ != address(0), ErrorsLib.InvalidDependency(serviceManager_));
        require(vault_ != address(0), ErrorsLib.InvalidDependency(vault_));
        require(timelock_ != address(0), ErrorsLib.InvalidDependency(timelock_));
        serviceManager = serviceManager_;
        vault = vault_;
        timelock = timelock_;
    }

    function tellOperatorStake(address operator, uint128 stake, uint32 commission) external only(serviceManager) {
        emit EventsLib.OperatorStake(next++, operator, stake, commission);
    }

    /// @param consensusSignature Of the ed25519 key, for readers to verify; 64 bytes.
    function tellOperatorKeys(
        address operator,
        bytes32 consensusKey,
        address checkpointKey,
        bytes calldata consensusSignature
    ) external only(serviceManager) {
        emit EventsLib.OperatorKeys(next++, operator, consensusKey, checkpointKey, consensusSignature);
    }

    function tellInvestorWeight(address operator, address investor, uint128 weight) external only(vault) {
        emit EventsLib.InvestorWeight(next++, operator, investor, weight);
    }

    /// @notice Changes parameters of the ledger, all or none (G1).
    function setParameters(Parameter[] calldata changes) external {
        uint256 count = changes.length;
        require(count != 0 && count <= MAX_CHANGES, ErrorsLib.InvalidChangeCount(count, MAX_CHANGES));
        for (uint256 i = 0; i < count; ++i) {
            require(_isName(bytes(changes[i].name)), ErrorsLib.InvalidParameterName(changes[i].name));
        }
        _decide(1, abi.encode(changes));
    }

    /// @notice Suspends a provider until it is pardoned or expelled (G2).
    function suspend(uint64 provider) external {
        _decide(2, abi.encode(provider));
    }

    /// @notice Expels a provider (G2).
    function expel(uint64 provider) external {
        _decide(3, abi.encode(provider));
    }

    /// @notice Lets a suspended or expelled provider sell again (G2).
    function pardon(uint64 provider) external {
        _decide(4, abi.encode(provider));
    }

    /// @notice Slashes a provider's stake on the ledger (G2).
    function slash(uint64 provider, uint128 amount) external {
        _decide(5, abi.encode(provider, amount));
    }

    /// @notice Decides a case that the operators could not (V8).
    function judge(bytes32 caseId, bool upheld) external {
        _decide(6, abi.encode(caseId, upheld));
    }

    /// @notice Spends from the ledger's treasury.
    function spend(address recipient, uint128 amount) external {
        _decide(7, abi.encode(recipient, amount));
    }

    function _decide(uint8 kind, bytes memory data) private only(timelock) {
        emit EventsLib.Governance(next++, kind, data);
    }

    function _isName(bytes calldata name) private pure returns (bool) {
        uint256 length = name.length;
        if (length == 0 || length > MAX_NAME) return false;
        for (uint256 i = 0; i < length; ++i) {
            bytes1 c = name[i];
            if (!((c >= "a" && c <= "z") || (c >= "0" && c <= "9") || c == "_")) return false;
        }
        return true;
    }
}
