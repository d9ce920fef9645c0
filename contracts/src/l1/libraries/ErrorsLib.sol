// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title ErrorsLib
/// @notice Every refusal of the layer-1 contracts, each with the values that explain it. What EigenLayer's core and
/// OpenZeppelin's bases refuse comes through with their own errors.
library ErrorsLib {
    // Who may call.

    /// @notice Only `expected` may call this.
    error Unauthorized(address caller, address expected);

    // Construction.

    /// @notice A contract that this one depends on has no code or no address.
    error InvalidDependency(address given);

    /// @notice A number given at construction is out of its range.
    error InvalidSetting(uint256 given, uint256 limit);

    /// @notice EigenLayer wants strategies in strictly ascending order, and we want at least one.
    error StrategiesNotAscending(uint256 position);

    // Outbox.

    /// @notice A governance action changes no parameter, or more than the ledger decodes.
    error InvalidChangeCount(uint256 given, uint256 limit);

    /// @notice A parameter's name is empty, longer than the ledger decodes, or not in snake case.
    error InvalidParameterName(string name);

    // Restaking.

    /// @notice Less than the smallest position, or it would leave less than that.
    error BelowMinimum(uint256 given, uint256 minimum);

    /// @notice The operator is not a member of the service's operator set.
    error NotAnOperator(address operator);

    /// @notice The operator turned the vault's stake away; positions with it can only leave.
    error NotDelegated(address operator);

    /// @notice The stake that the operator turned away must be reclaimed first.
    error AwaitsReclaim(address operator);

    /// @notice The root is not that of the stake which this operator turned away.
    error NothingToReclaim(address operator, bytes32 root);

    /// @notice The operator was slashed so often that the core would round away more than a millionth of the deposit.
    error OperatorTooSlashed(address operator, uint256 deposited, uint256 credited);

    /// @notice The vault's asset does not wrap ether.
    error AssetIsNotEther();

    /// @notice More than the position.
    error PositionTooSmall(uint256 position, uint256 given);

    /// @notice Governance tokens lost by slashing must be returned before a withdrawal.
    error DebtOutstanding(uint256 debt);

    /// @notice There is no such withdrawal, or it was paid.
    error UnknownWithdrawal(uint256 id);

    // Operators.

    /// @notice The service has exactly one operator set.
    error UnknownOperatorSet();

    /// @notice A commission above the maximum.
    error CommissionTooHigh(uint256 given, uint256 limit);

    /// @notice No key of ed25519 is zero.
    error ZeroConsensusKey();

    /// @notice The checkpoint key is, or was, another operator's.
    error KeyTaken(address key, address owner);

    /// @notice The checkpoint key did not sign this registration.
    error InvalidKeyProof(address expected, address recovered);

    /// @notice An ed25519 signature has 64 bytes.
    error InvalidSignatureLength(uint256 given);

    /// @notice A timepoint must be in the past.
    error FutureLookup(uint256 given, uint256 current);

    // Slashing.

    /// @notice The two checkpoints do not conflict: other heights, or the same content.
    error NoConflict();

    /// @notice The two signatures are not of one key.
    error DifferentSigners(address first, address second);

    /// @notice No operator has this checkpoint key.
    error UnknownCheckpointKey(address key);

    /// @notice The operator was slashed for this height before.
    error AlreadyPunished(address operator, uint64 height);

    /// @notice The operator has no slashable allocation now; the proof keeps its value.
    error NothingToSlash(address operator);
}
