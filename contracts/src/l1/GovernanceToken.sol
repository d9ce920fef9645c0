// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {VoteWeightLib} from "./libraries/VoteWeightLib.sol";
import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @notice What one developer or funder receives, vested in a straight line from `start` over `duration` seconds.
struct Allocation {
    address beneficiary;
    uint128 amount;
    uint64 start;
    uint64 duration;
}

/// @title GovernanceToken
/// @notice The token that votes (G1 to G7): ERC-20 with permit, ERC-6372 clock in seconds, IVotes.
///
/// SUPPLY. The vault alone mints, one for one with what is restaked (G3), and burns, on withdrawal (G3) and on slashing
/// (G5). The allocations of developers and funders are minted once, by the constructor, into one OpenZeppelin
/// VestingWallet each (G6). There is no owner. The supply fits 128 bits, so every product here fits 256.
///
/// AGE. Each unit was acquired at some time. An account's `births` is the sum of these times over its units; its age is the
/// balance-weighted mean of the holding times. Units come in at the current time, so an incoming transfer lowers the age in
/// proportion, a transfer to oneself likewise; units leave at the mean, so what stays keeps its age (rounded down).
///
/// DELEGATION. Votes are a delegate's, as in OpenZeppelin's Votes: whoever wants to vote delegates, to itself or to another.
/// A delegate has the sum of its delegators' balances and the sum of their births, and is weighed as one holder of all
/// that: the mean age of the tokens delegated to it, and the soft cap on their total. So delegating keeps the age of each
/// token, and cannot be used to avoid the cap. A delegate's mean age gives old and young tokens one factor, which is at
/// most what the mean of the separate factors misses by the factor's concavity; never more than 1 + boost in all.
///
/// PAST VALUES. Two traces a delegate, balance and births, and one of the supply, are written at each change, so the weight
/// at a past time is a function of three values that nothing can change any more: O(log n) to look up.
/// `DelegateVotesChanged` and `checkpoints` have balances, not weights: a weight changes with every second.
///
/// `getPastTotalSupply` is the supply, not the sum of weights: a quorum is a part of the tokens, which old tokens reach
/// more easily. Tokens still vesting count in the supply and cannot vote.
///
/// The boost and the half-time of age are fixed here. To change them is to move governance to another token: a change in
/// place would change past votes.
contract GovernanceToken is ERC20, ERC20Permit, ERC20Votes {
    using Checkpoints for Checkpoints.Trace208;

    /// @notice A boost above 10 would make new tokens worthless in votes.
    uint256 internal constant MAX_BOOST_PPM = 10_000_000;

    /// @notice Mints and burns.
    address public immutable vault;

    /// @notice What age can add to a weight at most, in parts per million.
    uint256 public immutable ageBoost;

    /// @notice The age, in seconds, that gives half of the boost.
    uint256 public immutable ageHalf;

    /// @notice Sum over the account's units of the time at which each was acquired.
    mapping(address account => uint256) public birthsOf;

    mapping(address delegate => Checkpoints.Trace208) private _births;

    modifier onlyVault() {
        require(msg.sender == vault, ErrorsLib.Unauthorized(msg.sender, vault));
        _;
    }

    constructor(address vault_, uint32 ageBoostPpm, uint32 ageHalfSeconds, Allocation[] memory allocations)
        ERC20("Rampart Governance", "RMPG")
        ERC20Permit("Rampart Governance")
    {
        require(vault_ != address(0), ErrorsLib.InvalidDependency(vault_));
        require(ageBoostPpm <= MAX_BOOST_PPM, ErrorsLib.InvalidSetting(ageBoostPpm, MAX_BOOST_PPM));
        require(ageHalfSeconds != 0, ErrorsLib.InvalidSetting(0, type(uint32).max));
        vault = vault_;
        ageBoost = ageBoostPpm;
        ageHalf = ageHalfSeconds;
        for (uint256 i = 0; i < allocations.length; ++i) {
            Allocation memory a = allocations[i];
            address wallet = address(new VestingWallet(a.beneficiary, a.start, a.duration));
            _mint(wallet, a.amount);
            emit EventsLib.Allocated(wallet, a.beneficiary, a.amount, a.start, a.duration);
        }
    }

    /// @notice Mints for what was restaked.
    function mint(address to, uint256 amount) external onlyVault {
        _mint(to, amount);
    }

    /// @notice Burns for what is withdrawn or was slashed.
    function burn(address from, uint256 amount) external onlyVault {
        _burn(from, amount);
    }

    /// @notice The weight of what is delegated to `account`, now.
    function getVotes(address account) public view override returns (uint256) {
        return _weigh(super.getVotes(account), _births[account].latest(), totalSupply(), clock());
    }

    /// @notice The weight of what was delegated to `account` at the end of the second `timepoint`.
    function getPastVotes(address account, uint256 timepoint) public view override returns (uint256) {
        uint48 time = _validateTimepoint(timepoint);
        return _weigh(
            super.getPastVotes(account, timepoint),
            _births[account].upperLookupRecent(time),
            getPastTotalSupply(timepoint),
            time
        );
    }

    /// @notice The balance-weighted mean holding time of what is delegated to `account`, seconds.
    function ageOfDelegate(address account) external view returns (uint256) {
        return VoteWeightLib.meanAge(super.getVotes(account), _births[account].latest(), clock());
    }

    /// @notice The balance-weighted mean holding time of what `account` holds, seconds.
    function ageOf(address account) external view returns (uint256) {
        return VoteWeightLib.meanAge(balanceOf(account), birthsOf[account], clock());
    }

    /// @inheritdoc Votes
    function clock() public view override returns (uint48) {
        return SafeCast.toUint48(block.timestamp);
    }

    /// @inheritdoc Votes
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /// @dev Moves births along with balances. Balances are read after the base moved them, because it is the base that
    /// refuses a transfer of more than there is.
    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
        if (value == 0) return;
        if (from != address(0)) {
            uint256 before = balanceOf(from) + (from == to ? 0 : value);
            uint256 leaving = Math.mulDiv(birthsOf[from], value, before);
            birthsOf[from] -= leaving;
            _moveBirths(delegates(from), address(0), leaving);
        }
        if (to != address(0)) {
            uint256 coming = value * clock();
            birthsOf[to] += coming;
            _moveBirths(address(0), delegates(to), coming);
        }
    }

    function _delegate(address account, address delegatee) internal override {
        _moveBirths(delegates(account), delegatee, birthsOf[account]);
        super._delegate(account, delegatee);
    }

    function _maxSupply() internal pure override returns (uint256) {
        return type(uint128).max;
    }

    function _moveBirths(address from, address to, uint256 births) private {
        if (from == to || births == 0) return;
        if (from != address(0)) {
            Checkpoints.Trace208 storage trace = _births[from];
            trace.push(clock(), SafeCast.toUint208(trace.latest() - births));
        }
        if (to != address(0)) {
            Checkpoints.Trace208 storage trace = _births[to];
            trace.push(clock(), SafeCast.toUint208(trace.latest() + births));
        }
    }

    function _weigh(uint256 balance, uint256 births, uint256 supply, uint256 time) private view returns (uint256) {
        uint256 age = VoteWeightLib.meanAge(balance, births, time);
        return VoteWeightLib.weight(balance, age, supply, ageBoost, ageHalf);
    }
}
