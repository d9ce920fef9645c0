// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernanceToken} from "./GovernanceToken.sol";
import {Outbox} from "./Outbox.sol";
import {PositionAccount} from "./PositionAccount.sol";
import {ServiceManager} from "./ServiceManager.sol";
import {IDelegationManager} from "./interfaces/IDelegationManager.sol";
import {IStrategy} from "./interfaces/IStrategy.sol";
import {IStrategyManager} from "./interfaces/IStrategyManager.sol";
import {IWrappedEther} from "./interfaces/IWrappedEther.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title RestakingVault
/// @notice Through which investors restake to the operator of their choice on EigenLayer, and what that gives and costs
/// them in governance tokens (O1, I1, G3 to G5). One strategy, so one asset: a liquid staking token, or wrapped ether.
///
/// UNITS. A position is counted in the strategy's shares that could be withdrawn. A share is a unit of the asset, unless
/// someone gave the strategy assets. Donations and rebases change what a share pays, never how many votes it gives.
///
/// POSITIONS. For each operator there is a pool: one staker on EigenLayer (`PositionAccount`) that delegates to that
/// operator, the `principal` that should be withdrawable, and an `index` that starts at ONE and falls with each loss. A
/// position is an amount and the index at which it was last touched; it is worth amount * index / index then, rounded down. So
/// a loss of any number of investors is one write, and each takes its part when touched next, by anyone (`poke`). A
/// pool that falls to nothing begins a new generation at ONE; positions of an earlier one are worth nothing.
///
/// RESTAKING mints as many governance tokens as the position grows. WITHDRAWING burns as many as the position shrinks,
/// from the investor, at the request; the assets come after EigenLayer's delay, during which they stay slashable, and to
/// the investor alone whoever asks.
///
/// SLASHING is read from the core: when the account's withdrawable shares are below the principal, the pool lost. A
/// touched investor's tokens are burned by its loss (G5). If it holds fewer, having moved them, it owes the rest:
/// what it receives is burned at the next touch until it is paid, it cannot withdraw before, and its effective weight is
/// zero. Always: supply of tokens = positions as last touched + allocations + debts.
///
/// EFFECTIVE WEIGHT, told to the ledger on each change (G4): min(position, tokens held); for an investor with several
/// operators the tokens are shared out in proportion, position * min(1, held / sum of positions), so that no token counts
/// twice. Tokens move without the vault's knowledge: anyone may `poke` an investor whose weight is stale.
///
/// AN OPERATOR THAT TURNS ITS STAKERS AWAY (it can, on EigenLayer) puts the pool's stake into the core's withdrawal
/// queue. It is not lost and not a slashing: anyone brings it back after the delay (`reclaim`), delegated to nobody, and
/// investors withdraw from there. Meanwhile the pool stands still and weighs nothing. The operator can take stake through the
/// vault again when they have left.
///
/// SMALL NUMBERS. The core rounds to parts in 10^18, and by a unit or two; what that takes from a pool is a loss like
/// another, of a few units. Deposits, withdrawals and what they leave are MINIMUM at least, or all there is. A deposit that
/// the core would round by more than a millionth (in a pool slashed almost to nothing) is refused.
///
/// TRUST. The core's contracts and its strategy, the token, the service manager (who is an operator) and nobody else: no
/// owner, no pause, no upgrade. Only stake of the service's operators gives tokens; whether an operator allocates enough of
/// it to be slashable is visible to the ledger (`OperatorStake`), not enforced here.
contract RestakingVault is ReentrancyGuardTransient {
    using Clones for address;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @notice What the vault knows of the stake with one operator.
    struct Pool {
        PositionAccount account;
        uint64 generation;
        bool reclaimed;
        uint128 principal;
        uint128 index;
    }

    /// @notice An investor's stake with one operator, as last touched.
    struct Position {
        uint128 amount;
        uint128 index;
        uint128 weight;
        uint64 generation;
    }

    /// @notice A withdrawal in EigenLayer's queue.
    struct Withdrawal {
        PositionAccount account;
        address investor;
        bytes32 root;
    }

    /// @notice The smallest deposit and the smallest rest of a position.
    uint256 public constant MINIMUM = 1e12;

    /// @notice Index of a new pool.
    uint128 public constant ONE = 1e36;

    GovernanceToken public immutable token;
    Outbox public immutable outbox;
    ServiceManager public immutable serviceManager;
    IDelegationManager public immutable delegationManager;
    address public immutable strategy;
    IERC20 public immutable asset;

    /// @notice Whether the asset wraps ether, so that `restakeEther` works.
    bool public immutable wrapsEther;

    address private immutable _accountCode;

    /// @notice Tokens that an investor must return.
    mapping(address investor => uint128) public debtOf;

    /// @notice Sum of an investor's positions, as last touched.
    mapping(address investor => uint128) public totalOf;

    mapping(address operator => Pool) private _pools;
    mapping(address operator => mapping(address investor => Position)) private _positions;
    mapping(uint256 id => Withdrawal) private _withdrawals;
    mapping(bytes32 root => bool) private _requested;

    /// @dev The core's nonce of the account's next withdrawal when it last delegated again; what it queued before is dust.
    mapping(address operator => uint256 nonce) private _firstNonce;

    /// @notice Number of withdrawals requested so far; the id of the next one.
    uint256 public withdrawalCount;

    constructor(
        GovernanceToken token_,
        Outbox outbox_,
        ServiceManager serviceManager_,
        IDelegationManager delegationManager_,
        IStrategyManager strategyManager_,
        address strategy_,
        bool wrapsEther_
    ) {
        require(address(token_).code.length != 0, ErrorsLib.InvalidDependency(address(token_)));
        require(address(outbox_).code.length != 0, ErrorsLib.InvalidDependency(address(outbox_)));
        require(address(serviceManager_).code.length != 0, ErrorsLib.InvalidDependency(address(serviceManager_)));
        token = token_;
        outbox = outbox_;
        serviceManager = serviceManager_;
        delegationManager = delegationManager_;
        strategy = strategy_;
        asset = IERC20(IStrategy(strategy_).underlyingToken());
        wrapsEther = wrapsEther_;
        _accountCode = address(new PositionAccount(delegationManager_, strategyManager_, strategy_, asset));
    }

    /// @notice Opens the pool of an operator that approves its stakers. Others' open with the first deposit.
    function open(address operator, IDelegationManager.SignatureWithExpiry calldata approval, bytes32 salt)
        external
        nonReentrant
    {
        _open(operator, approval, salt);
    }

    /// @notice Restakes `amount` of the asset to `operator` for the caller.
    /// @return credited What the position grew by, and the governance tokens minted.
    function restake(address operator, uint256 amount) external nonReentrant returns (uint128 credited) {
        Pool storage pool = _ready(operator, amount);
        asset.safeTransferFrom(msg.sender, address(pool.account), amount);
        credited = _credit(pool, operator, amount);
    }

    /// @notice As `restake`, with ether, when the asset wraps it.
    function restakeEther(address operator) external payable nonReentrant returns (uint128 credited) {
        require(wrapsEther, ErrorsLib.AssetIsNotEther());
        Pool storage pool = _ready(operator, msg.value);
        IWrappedEther(address(asset)).deposit{value: msg.value}();
        asset.safeTransfer(address(pool.account), msg.value);
        credited = _credit(pool, operator, msg.value);
    }

    /// @notice Takes `amount` out of the caller's position: burns as many tokens and starts EigenLayer's delay.
    /// @return id For `completeWithdrawal`.
    function requestWithdrawal(address operator, uint128 amount) external nonReentrant returns (uint256 id) {
        Pool storage pool = _touch(operator, msg.sender);
        require(!_standsStill(pool), ErrorsLib.AwaitsReclaim(operator));
        require(debtOf[msg.sender] == 0, ErrorsLib.DebtOutstanding(debtOf[msg.sender]));
        Position storage position = _positions[operator][msg.sender];
        require(amount <= position.amount, ErrorsLib.PositionTooSmall(position.amount, amount));
        uint128 rest = position.amount - amount;
        if (rest != 0 || amount == 0) {
            require(amount >= MINIMUM, ErrorsLib.BelowMinimum(amount, MINIMUM));
            require(rest >= MINIMUM, ErrorsLib.BelowMinimum(rest, MINIMUM));
        }

        uint256 depositShares = _depositShares(pool, amount);
        position.amount = rest;
        totalOf[msg.sender] -= amount;
        pool.principal -= amount;
        if (pool.principal == 0) _renew(pool);
        token.burn(msg.sender, amount);
        bytes32 root = pool.account.queue(depositShares);
        _requested[root] = true;
        id = withdrawalCount++;
        _withdrawals[id] = Withdrawal(pool.account, msg.sender, root);
        emit EventsLib.WithdrawalRequested(id, operator, msg.sender, amount, root);
        _publish(pool, operator, msg.sender);
    }

    /// @notice Pays a withdrawal after EigenLayer's delay, to the investor. Anyone may call.
    function completeWithdrawal(uint256 id) external nonReentrant returns (uint256 tokens) {
        Withdrawal memory withdrawal = _withdrawals[id];
        require(withdrawal.investor != address(0), ErrorsLib.UnknownWithdrawal(id));
        delete _withdrawals[id];
        tokens = withdrawal.account.complete(withdrawal.root, withdrawal.investor);
        emit EventsLib.WithdrawalCompleted(id, withdrawal.investor, tokens);
    }

    /// @notice Brings the investor's position up to date: takes its part of losses, burns what it owes, tells its weight.
    function poke(address operator, address investor) external nonReentrant {
        Pool storage pool = _touch(operator, investor);
        _publish(pool, operator, investor);
    }

    /// @notice Brings a pool up to date with the core.
    function sync(address operator) external nonReentrant {
        _sync(operator);
    }

    /// @notice Brings back the stake that `operator` turned away, when the core's delay is over. Anyone may call.
    /// @param root Of the withdrawal that the core queued for the pool's account.
    function reclaim(address operator, bytes32 root) external nonReentrant {
        Pool storage pool = _pools[operator];
        IDelegationManager.Withdrawal memory queued = delegationManager.queuedWithdrawals(root);
        require(
            _standsStill(pool) && !_requested[root] && queued.staker == address(pool.account)
                && queued.nonce >= _firstNonce[operator],
            ErrorsLib.NothingToReclaim(operator, root)
        );
        pool.reclaimed = true;
        pool.account.reclaim(root);
        emit EventsLib.Reclaimed(operator, root);
        _sync(operator);
    }

    /// @notice The pool of an operator, as last brought up to date.
    function poolOf(address operator) external view returns (Pool memory) {
        return _pools[operator];
    }

    /// @notice The address of an operator's account, also before it is opened: approvals name it.
    function accountOf(address operator) public view returns (address) {
        return _accountCode.predictDeterministicAddress(_salt(operator));
    }

    /// @notice A position as it would be when touched, without losses that the pool has not seen.
    function positionOf(address operator, address investor) external view returns (uint128) {
        return _worth(_pools[operator], _positions[operator][investor]);
    }

    /// @notice The weight told to the ledger last.
    function weightOf(address operator, address investor) external view returns (uint128) {
        return _positions[operator][investor].weight;
    }

    /// @notice A withdrawal that is not paid yet, or zeros.
    function withdrawalOf(uint256 id) external view returns (Withdrawal memory) {
        return _withdrawals[id];
    }

    /// @notice What the pool's account could withdraw from the core, in shares.
    function withdrawable(address operator) public view returns (uint256 shares) {
        (shares,) = _held(_pools[operator]);
    }

    /// @dev The checks before a deposit, and the caller's part of earlier losses.
    function _ready(address operator, uint256 amount) private returns (Pool storage pool) {
        require(amount >= MINIMUM, ErrorsLib.BelowMinimum(amount, MINIMUM));
        require(serviceManager.isMember(operator), ErrorsLib.NotAnOperator(operator));
        IDelegationManager.SignatureWithExpiry memory none;
        _open(operator, none, bytes32(0));
        pool = _touch(operator, msg.sender);
        require(delegationManager.delegatedTo(address(pool.account)) == operator, ErrorsLib.NotDelegated(operator));
    }

    /// @dev Creates the account, or delegates again when all stake had left. With more than dust in the pool it must not: an
    /// operator could take its investors hostage by reclaiming, opening and turning away in one transaction.
    function _open(address operator, IDelegationManager.SignatureWithExpiry memory approval, bytes32 salt) private {
        Pool storage pool = _pools[operator];
        if (address(pool.account) == address(0)) {
            pool.account = PositionAccount(_accountCode.cloneDeterministic(_salt(operator)));
            _renew(pool);
            emit EventsLib.PositionOpened(operator, address(pool.account));
        }
        if (pool.principal < MINIMUM && delegationManager.delegatedTo(address(pool.account)) == address(0)) {
            pool.reclaimed = false;
            // Dust turned away earlier, or a pool slashed to nothing, may have left a withdrawal in the core's queue. Brought back
            // in place of what the operator turns away next, it would count as all that is left of the pool.
            _firstNonce[operator] = delegationManager.cumulativeWithdrawalsQueued(address(pool.account));
            pool.account.delegate(operator, approval, salt);
        }
    }

    /// @dev Deposits what is in the account and gives the caller what can be withdrawn for it.
    function _credit(Pool storage pool, address operator, uint256 tokens) private returns (uint128 credited) {
        (uint256 before,) = _held(pool);
        uint256 shares = pool.account.deposit();
        (uint256 held,) = _held(pool);
        uint256 gained = held < before ? 0 : held - before;
        require(gained + shares / 1e6 >= shares, ErrorsLib.OperatorTooSlashed(operator, shares, gained));

        credited = gained.toUint128();
        Position storage position = _positions[operator][msg.sender];
        position.amount += credited;
        position.index = pool.index;
        position.generation = pool.generation;
        totalOf[msg.sender] += credited;
        pool.principal += credited;
        token.mint(msg.sender, credited);
        emit EventsLib.Restaked(operator, msg.sender, tokens, credited);
        _payDebt(msg.sender);
        _publish(pool, operator, msg.sender);
    }

    /// @dev Compares the pool with the core, and writes a loss down.
    function _sync(address operator) private returns (Pool storage pool) {
        pool = _pools[operator];
        uint128 principal = pool.principal;
        if (principal == 0 || _standsStill(pool)) return pool;
        (uint256 held,) = _held(pool);
        if (held >= principal) return pool;

        pool.principal = held.toUint128();
        pool.index = Math.mulDiv(pool.index, held, principal).toUint128();
        if (pool.index == 0) pool.principal = 0;
        if (pool.principal == 0) _renew(pool);
        emit EventsLib.PositionsReduced(operator, (principal - held).toUint128(), pool.principal);
    }

    /// @dev Brings the pool and the position up to date, and the debt down as far as tokens are there.
    function _touch(address operator, address investor) private returns (Pool storage pool) {
        pool = _sync(operator);
        Position storage position = _positions[operator][investor];
        uint128 worth = _worth(pool, position);
        uint128 loss = position.amount - worth;
        position.amount = worth;
        position.index = pool.index;
        position.generation = pool.generation;
        if (loss != 0) {
            totalOf[investor] -= loss;
            uint128 burned = Math.min(loss, token.balanceOf(investor)).toUint128();
            debtOf[investor] += loss - burned;
            emit EventsLib.LossTaken(operator, investor, loss, burned, loss - burned);
            if (burned != 0) token.burn(investor, burned);
        }
        _payDebt(investor);
    }

    function _payDebt(address investor) private {
        uint128 debt = debtOf[investor];
        if (debt == 0) return;
        uint128 paid = Math.min(debt, token.balanceOf(investor)).toUint128();
        if (paid == 0) return;
        debtOf[investor] = debt - paid;
        token.burn(investor, paid);
        emit EventsLib.DebtPaid(investor, paid, debt - paid);
    }

    function _publish(Pool storage pool, address operator, address investor) private {
        Position storage position = _positions[operator][investor];
        uint256 total = totalOf[investor];
        uint128 weight = 0;
        if (total != 0 && delegationManager.delegatedTo(address(pool.account)) == operator) {
            // Whoever has a debt holds nothing here: it was burned just now.
            uint256 held = Math.min(token.balanceOf(investor), total);
            weight = Math.mulDiv(position.amount, held, total).toUint128();
        }
        if (weight == position.weight) return;
        position.weight = weight;
        outbox.tellInvestorWeight(operator, investor, weight);
    }

    function _renew(Pool storage pool) private {
        pool.generation += 1;
        pool.index = ONE;
    }

    /// @dev What to queue for `amount` withdrawable shares: its part of all, and all for the last of them. The core's own
    /// conversion divides by two factors one after the other, which loses more the more the operator was slashed.
    function _depositShares(Pool storage pool, uint128 amount) private view returns (uint256) {
        (uint256 held, uint256 all) = _held(pool);
        return amount == pool.principal ? all : Math.mulDiv(all, amount, held);
    }

    /// @dev Turned away by the operator, and not brought back: the stake is in the core's queue.
    function _standsStill(Pool storage pool) private view returns (bool) {
        address account = address(pool.account);
        return account != address(0) && pool.principal != 0 && !pool.reclaimed
            && delegationManager.delegatedTo(account) == address(0);
    }

    function _held(Pool storage pool) private view returns (uint256 shares, uint256 depositShares) {
        (uint256[] memory held, uint256[] memory deposited) =
            delegationManager.getWithdrawableShares(address(pool.account), _strategies());
        return (held[0], deposited[0]);
    }

    function _worth(Pool storage pool, Position storage position) private view returns (uint128) {
        if (position.amount == 0 || position.generation != pool.generation) return 0;
        return Math.mulDiv(position.amount, pool.index, position.index).toUint128();
    }

    function _strategies() private view returns (address[] memory list) {
        list = new address[](1);
        list[0] = strategy;
    }

    function _salt(address operator) private pure returns (bytes32) {
        return bytes32(uint256(uint160(operator)));
    }
}
