// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreDelegation} from "../mocks/CoreDelegation.sol";
import {WrappedEther} from "../mocks/WrappedEther.sol";
import {Test} from "forge-std/Test.sol";
import {GovernanceToken} from "src/l1/GovernanceToken.sol";
import {RestakingVault} from "src/l1/RestakingVault.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";

/// @notice The invariant test's driver: investors who restake, withdraw, trade and delegate their tokens; operators who are
/// slashed, now and then wholly, and who turn their stakers away, also from dust; everyone who pokes, completes twice, and
/// reclaims with roots of other times. It remembers past votes.
contract RestakingHandler is Test {
    uint256 public constant INVESTORS = 4;
    uint256 private constant REMEMBERED = 24;

    struct Memory {
        address account;
        uint256 time;
        uint256 votes;
        uint256 supply;
    }

    GovernanceToken private immutable token;
    RestakingVault private immutable vault;
    ServiceManager private immutable manager;
    CoreDelegation private immutable delegation;
    WrappedEther private immutable asset;

    address[] private operators;
    uint256[] private pending;
    mapping(address operator => bytes32) public turnedAway;
    mapping(address operator => bytes32[]) private everTurnedAway;
    Memory[] private memories;

    uint256 public restaked;
    uint256 public paid;
    uint256 public slashings;
    uint256 public refusals;

    constructor(
        GovernanceToken token_,
        RestakingVault vault_,
        ServiceManager manager_,
        CoreDelegation delegation_,
        WrappedEther asset_,
        address[] memory operators_
    ) {
        (token, vault, manager, delegation, asset) = (token_, vault_, manager_, delegation_, asset_);
        operators = operators_;
    }

    function restake(uint256 who, uint256 where, uint256 amount) external {
        restakeFor(investor(who), operatorOf(where), bound(amount, vault.MINIMUM(), 1000 ether));
    }

    function restakeFor(address ann, address operator, uint256 amount) private {
        vm.deal(ann, amount);
        vm.prank(ann);
        try vault.restakeEther{value: amount}(operator) returns (uint128 credited) {
            restaked += credited;
            assertLe(credited, amount + 2);
            assertGe(credited + amount / 1e6, amount);
            // What dust was turned away before is given up.
            delete turnedAway[operator];
        } catch (bytes memory reason) {
            // Slashed wholly, or turned its stakers away.
            bytes4 code = bytes4(reason);
            assertTrue(code == CoreDelegation.FullySlashed.selector || code == ErrorsLib.NotDelegated.selector);
            ++refusals;
        }
    }

    function withdraw(uint256 who, uint256 where, uint256 amount) external {
        address ann = investor(who);
        address operator = operatorOf(where);
        vault.poke(operator, ann);
        uint256 position = vault.positionOf(operator, ann);
        uint256 balance = token.balanceOf(ann);
        uint256 most = position < balance ? position : balance;
        if (most == 0 || vault.debtOf(ann) != 0) return;
        amount = bound(amount, 1, most);
        uint256 least = vault.MINIMUM();
        if (amount < least || position - amount < least) amount = position;
        if (amount > balance) return;
        vault.sync(operator);
        uint256[INVESTORS] memory before = positionsAt(operator);
        vm.prank(ann);
        try vault.requestWithdrawal(operator, uint128(amount)) returns (uint256 id) {
            pending.push(id);
            vault.sync(operator);
            nobodyElseLost(operator, who % INVESTORS, before);
        } catch (bytes memory reason) {
            bytes4 code = bytes4(reason);
            // The pool stands still; or it is dust that the core cannot express in shares.
            if (code != ErrorsLib.AwaitsReclaim.selector) assertLt(amount, 1000);
            ++refusals;
        }
    }

    function complete(uint256 choice) external {
        if (pending.length == 0) return;
        vm.roll(block.number + 11);
        uint256 at_ = choice % pending.length;
        uint256 id = pending[at_];
        pending[at_] = pending[pending.length - 1];
        pending.pop();
        paid += vault.completeWithdrawal(id);
        assertEq(vault.withdrawalOf(id).investor, address(0));
        try vault.completeWithdrawal(id) {
            assertTrue(false, "a withdrawal was paid twice");
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), ErrorsLib.UnknownWithdrawal.selector);
        }
    }

    function slash(uint256 where, uint256 wad) external {
        // One in eight takes all.
        wad = wad % 8 == 0 ? 1e18 : bound(wad, 1, 0.5e18);
        vm.prank(manager.timelock());
        manager.slash(operatorOf(where), wad, "");
        ++slashings;
    }

    function poke(uint256 who, uint256 where) external {
        vault.poke(operatorOf(where), investor(who));
    }

    /// @notice An investor poked everywhere has no more weight than tokens, and than positions.
    function pokeEverywhere(uint256 who) external {
        address ann = investor(who);
        // Twice: a loss found at the last operator lowers the weight at the first.
        for (uint256 i = 0; i < 2 * operators.length; ++i) {
            vault.poke(operators[i % operators.length], ann);
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < operators.length; ++i) {
            uint128 weight = vault.weightOf(operators[i], ann);
            assertLe(weight, vault.positionOf(operators[i], ann));
            sum += weight;
        }
        assertLe(sum, token.balanceOf(ann));
        if (vault.debtOf(ann) != 0) assertEq(token.balanceOf(ann), 0);
    }

    function move(uint256 from, uint256 to, uint256 amount) external {
        address ann = investor(from);
        amount = bound(amount, 0, token.balanceOf(ann));
        uint256 age = token.ageOf(ann);
        vm.prank(ann);
        assertTrue(token.transfer(investor(to), amount));
        // What stays is as old as it was. To oneself, what moves is young again.
        if (investor(to) != ann && token.balanceOf(ann) != 0) assertApproxEqAbs(token.ageOf(ann), age, 1);
    }

    function delegate(uint256 from, uint256 to) external {
        vm.prank(investor(from));
        token.delegate(investor(to));
    }

    /// @notice One time in four: a pool without its operator does little.
    function turnAway(uint256 where) external {
        if ((where >> 8) % 4 == 0) turnAwayFrom(operatorOf(where));
    }

    /// @notice Opens an empty pool, lets it be slashed below what may be deposited, and turns that away.
    function turnDustAway(uint256 who, uint256 where) external {
        address operator = operatorOf(where);
        if (vault.poolOf(operator).principal != 0) return;
        restakeFor(investor(who), operator, vault.MINIMUM());
        vm.prank(manager.timelock());
        manager.slash(operator, 0.1e18, "");
        vault.poke(operator, investor(who));
        turnAwayFrom(operator);
    }

    function turnAwayFrom(address operator) private {
        address account = vault.accountOf(operator);
        if (delegation.delegatedTo(account) != operator) return;
        vm.prank(operator);
        bytes32[] memory roots = delegation.undelegate(account);
        turnedAway[operator] = roots.length == 0 ? bytes32(0) : roots[0];
        if (roots.length != 0) everTurnedAway[operator].push(roots[0]);
    }

    function reclaim(uint256 where) external {
        address operator = operatorOf(where);
        bytes32 root = turnedAway[operator];
        if (root == 0 || vault.poolOf(operator).principal == 0) return;
        vm.roll(block.number + 11);
        vault.reclaim(operator, root);
        delete turnedAway[operator];
    }

    /// @notice Brings back what was turned away at another time, or when the pool does not stand still: always refused. Else
    /// it would count as all that is left of the pool, and its investors would lose the rest.
    function reclaimAnother(uint256 where, uint256 choice) external {
        address operator = operatorOf(where);
        bytes32[] storage roots = everTurnedAway[operator];
        if (roots.length == 0) return;
        bytes32 root = roots[choice % roots.length];
        if (root == turnedAway[operator] && standsStill(operator)) return;
        vm.roll(block.number + 11);
        try vault.reclaim(operator, root) {
            assertTrue(false, "reclaimed what was turned away at another time");
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), ErrorsLib.NothingToReclaim.selector);
            ++refusals;
        }
    }

    function pass(uint256 time) external {
        skip(bound(time, 1, 60 days));
        vm.roll(block.number + 1);
    }

    /// @notice Remembers someone's votes of a second that is over.
    function remember(uint256 who) external {
        if (memories.length == REMEMBERED) return;
        skip(1);
        address ann = investor(who);
        uint256 time = block.timestamp - 1;
        memories.push(Memory(ann, time, token.getPastVotes(ann, time), token.getPastTotalSupply(time)));
    }

    function remembered() external view returns (Memory[] memory) {
        return memories;
    }

    function standsStill(address operator) public view returns (bool) {
        return turnedAway[operator] != 0 && vault.poolOf(operator).principal != 0;
    }

    function operatorOf(uint256 choice) public view returns (address) {
        return operators[choice % operators.length];
    }

    function operatorCount() external view returns (uint256) {
        return operators.length;
    }

    function investor(uint256 choice) public pure returns (address) {
        return address(uint160(0xacc00000) + uint160(choice % INVESTORS));
    }

    function positionsAt(address operator) private view returns (uint256[INVESTORS] memory list) {
        for (uint256 i = 0; i < INVESTORS; ++i) {
            list[i] = vault.positionOf(operator, investor(i));
        }
    }

    /// @dev But for the core's rounding.
    function nobodyElseLost(address operator, uint256 who, uint256[INVESTORS] memory before) private view {
        for (uint256 i = 0; i < INVESTORS; ++i) {
            if (i == who) continue;
            uint256 position = vault.positionOf(operator, investor(i));
            assertGe(position + before[i] / 1e9 + 1000, before[i], "a withdrawal took from another's position");
        }
    }
}
