// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreAllocation} from "./CoreAllocation.sol";
import {CoreStrategyManager} from "./CoreStrategyManager.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IDelegationManager} from "src/l1/interfaces/IDelegationManager.sol";

/// @notice Stands for EigenLayer's DelegationManager v1.3: delegation, deposit scaling factors, the withdrawal queue, and
/// the roundings of all three. Left out: beacon-chain ether, pausing, redelegation; and the digest that approvers sign
/// is a plain hash.
contract CoreDelegation {
    using Checkpoints for Checkpoints.Trace208;

    error ActivelyDelegated();
    error NotActivelyDelegated();
    error OperatorNotRegistered();
    error OperatorsCannotUndelegate();
    error CallerCannotUndelegate();
    error InvalidSignature();
    error SignatureExpired();
    error SaltSpent();
    error FullySlashed();
    error WithdrawalNotQueued();
    error WithdrawalDelayNotElapsed();
    error WithdrawerNotCaller();
    error OnlyAllocationManager();
    error OnlyStrategyManager();

    uint256 private constant WAD = 1e18;

    uint32 public immutable minWithdrawalDelayBlocks;
    CoreAllocation public allocation;
    CoreStrategyManager public strategyManager;

    mapping(address staker => address) public delegatedTo;
    mapping(address operator => address) public delegationApprover;
    mapping(address operator => mapping(address strategy => uint256)) public operatorShares;
    mapping(address staker => uint256) public cumulativeWithdrawalsQueued;
    mapping(bytes32 root => bool) public pendingWithdrawals;
    mapping(address approver => mapping(bytes32 salt => bool)) public delegationApproverSaltIsSpent;

    mapping(address staker => mapping(address strategy => uint256)) private _scaling;
    mapping(address operator => mapping(address strategy => Checkpoints.Trace208)) private _queuedScaled;
    mapping(bytes32 root => IDelegationManager.Withdrawal) private _queued;

    constructor(uint32 delayBlocks) {
        minWithdrawalDelayBlocks = delayBlocks;
    }

    function wire(CoreAllocation allocation_, CoreStrategyManager strategyManager_) external {
        allocation = allocation_;
        strategyManager = strategyManager_;
    }

    function registerAsOperator(address approver, uint32 allocationDelay, string calldata) external {
        require(delegatedTo[msg.sender] == address(0), ActivelyDelegated());
        allocation.setAllocationDelay(msg.sender, allocationDelay);
        delegationApprover[msg.sender] = approver;
        _delegate(msg.sender, msg.sender);
    }

    function delegateTo(address operator, IDelegationManager.SignatureWithExpiry memory approval, bytes32 salt)
        external
    {
        require(delegatedTo[msg.sender] == address(0), ActivelyDelegated());
        require(isOperator(operator), OperatorNotRegistered());
        address approver = delegationApprover[operator];
        if (approver != address(0)) {
            require(!delegationApproverSaltIsSpent[approver][salt], SaltSpent());
            delegationApproverSaltIsSpent[approver][salt] = true;
            require(approval.expiry >= block.timestamp, SignatureExpired());
            bytes32 digest =
                calculateDelegationApprovalDigestHash(msg.sender, operator, approver, salt, approval.expiry);
            (address signer,,) = ECDSA.tryRecover(digest, approval.signature);
            require(signer == approver, InvalidSignature());
        }
        _delegate(msg.sender, operator);
    }

    function undelegate(address staker) external returns (bytes32[] memory roots) {
        require(delegatedTo[staker] != address(0), NotActivelyDelegated());
        require(!isOperator(staker), OperatorsCannotUndelegate());
        address operator = delegatedTo[staker];
        require(
            msg.sender == staker || msg.sender == operator || msg.sender == delegationApprover[operator],
            CallerCannotUndelegate()
        );
        delegatedTo[staker] = address(0);
        (address[] memory strategies, uint256[] memory shares) = strategyManager.getDeposits(staker);
        roots = new bytes32[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            roots[i] = _queue(staker, operator, strategies[i], shares[i]);
        }
    }

    function queueWithdrawals(IDelegationManager.QueuedWithdrawalParams[] calldata params)
        external
        returns (bytes32[] memory roots)
    {
        roots = new bytes32[](params.length);
        for (uint256 i = 0; i < params.length; ++i) {
            require(params[i].strategies.length == 1 && params[i].depositShares.length == 1, "one strategy here");
            roots[i] = _queue(msg.sender, delegatedTo[msg.sender], params[i].strategies[0], params[i].depositShares[0]);
        }
    }

    function completeQueuedWithdrawal(
        IDelegationManager.Withdrawal calldata withdrawal,
        address[] calldata tokens,
        bool receiveAsTokens
    ) external {
        require(msg.sender == withdrawal.withdrawer, WithdrawerNotCaller());
        bytes32 root = keccak256(abi.encode(withdrawal));
        require(pendingWithdrawals[root], WithdrawalNotQueued());
        uint256 slashableUntil = withdrawal.startBlock + minWithdrawalDelayBlocks;
        require(block.number > slashableUntil, WithdrawalDelayNotElapsed());
        delete _queued[root];
        delete pendingWithdrawals[root];

        address strategy = withdrawal.strategies[0];
        uint256 factor = allocation.maxMagnitudeAt(withdrawal.delegatedTo, strategy, slashableUntil);
        uint256 shares = _mulWad(withdrawal.scaledShares[0], factor);
        if (shares == 0) return;
        if (receiveAsTokens) {
            strategyManager.withdrawSharesAsTokens(withdrawal.staker, strategy, tokens[0], shares);
        } else {
            uint256 before = strategyManager.addShares(withdrawal.staker, strategy, shares);
            _increase(delegatedTo[withdrawal.staker], withdrawal.staker, strategy, before, shares);
        }
    }

    function increaseDelegatedShares(address staker, address strategy, uint256 before, uint256 added) external {
        require(msg.sender == address(strategyManager), OnlyStrategyManager());
        _increase(delegatedTo[staker], staker, strategy, before, added);
    }

    function slashOperatorShares(address operator, address strategy, uint256 from, uint256 to) external {
        require(msg.sender == address(allocation), OnlyAllocationManager());
        uint256 shares = operatorShares[operator][strategy];
        uint256 slashed = shares - Math.mulDiv(shares, to, from, Math.Rounding.Ceil);
        operatorShares[operator][strategy] = shares - slashed;

        Checkpoints.Trace208 storage queued = _queuedScaled[operator][strategy];
        uint256 slashableFrom = block.number - minWithdrawalDelayBlocks - 1;
        uint256 scaled = queued.latest() - queued.upperLookup(SafeCast.toUint48(slashableFrom));
        strategyManager.increaseBurnableShares(strategy, slashed + _mulWad(scaled, from - to));
    }

    function isOperator(address operator) public view returns (bool) {
        return operator != address(0) && delegatedTo[operator] == operator;
    }

    function queuedWithdrawals(bytes32 root) external view returns (IDelegationManager.Withdrawal memory) {
        return _queued[root];
    }

    function getWithdrawableShares(address staker, address[] memory strategies)
        external
        view
        returns (uint256[] memory withdrawable, uint256[] memory deposited)
    {
        withdrawable = new uint256[](strategies.length);
        deposited = new uint256[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            uint256 factor = allocation.getMaxMagnitude(delegatedTo[staker], strategies[i]);
            deposited[i] = strategyManager.stakerDepositShares(staker, strategies[i]);
            withdrawable[i] = _withdrawable(staker, strategies[i], deposited[i], factor);
        }
    }

    function depositScalingFactor(address staker, address strategy) public view returns (uint256) {
        uint256 factor = _scaling[staker][strategy];
        return factor == 0 ? WAD : factor;
    }

    function calculateDelegationApprovalDigestHash(
        address staker,
        address operator,
        address approver,
        bytes32 salt,
        uint256 expiry
    ) public view returns (bytes32) {
        return keccak256(abi.encode(address(this), block.chainid, staker, operator, approver, salt, expiry));
    }

    function _delegate(address staker, address operator) private {
        (address[] memory strategies, uint256[] memory shares) = strategyManager.getDeposits(staker);
        delegatedTo[staker] = operator;
        for (uint256 i = 0; i < strategies.length; ++i) {
            _increase(operator, staker, strategies[i], 0, shares[i]);
        }
    }

    function _increase(address operator, address staker, address strategy, uint256 before, uint256 added) private {
        uint256 factor = allocation.getMaxMagnitude(operator, strategy);
        require(factor != 0, FullySlashed());
        if (added == 0) return;
        uint256 scaling = depositScalingFactor(staker, strategy);
        if (before == 0) {
            _scaling[staker][strategy] = _divWad(scaling, factor);
        } else {
            uint256 shares = _withdrawable(staker, strategy, before, factor) + added;
            _scaling[staker][strategy] = _divWad(_divWad(shares, before + added), factor);
        }
        if (operator != address(0)) operatorShares[operator][strategy] += added;
    }

    function _queue(address staker, address operator, address strategy, uint256 shares) private returns (bytes32 root) {
        uint256 factor = allocation.getMaxMagnitude(operator, strategy);
        uint256 scaled = _mulWad(shares, depositScalingFactor(staker, strategy));
        if (operator != address(0)) {
            Checkpoints.Trace208 storage queued = _queuedScaled[operator][strategy];
            queued.push(SafeCast.toUint48(block.number), SafeCast.toUint208(queued.latest() + scaled));
            operatorShares[operator][strategy] -= _withdrawable(staker, strategy, shares, factor);
        }
        if (strategyManager.removeDepositShares(staker, strategy, shares) == 0) _scaling[staker][strategy] = 0;

        IDelegationManager.Withdrawal memory withdrawal;
        withdrawal.staker = staker;
        withdrawal.delegatedTo = operator;
        withdrawal.withdrawer = staker;
        withdrawal.nonce = cumulativeWithdrawalsQueued[staker]++;
        withdrawal.startBlock = SafeCast.toUint32(block.number);
        withdrawal.strategies = new address[](1);
        withdrawal.strategies[0] = strategy;
        withdrawal.scaledShares = new uint256[](1);
        withdrawal.scaledShares[0] = scaled;
        root = keccak256(abi.encode(withdrawal));
        pendingWithdrawals[root] = true;
        _queued[root] = withdrawal;
    }

    function _withdrawable(address staker, address strategy, uint256 shares, uint256 factor)
        private
        view
        returns (uint256)
    {
        return _mulWad(_mulWad(shares, depositScalingFactor(staker, strategy)), factor);
    }

    function _mulWad(uint256 a, uint256 b) private pure returns (uint256) {
        return Math.mulDiv(a, b, WAD);
    }

    function _divWad(uint256 a, uint256 b) private pure returns (uint256) {
        return Math.mulDiv(a, WAD, b);
    }
}
