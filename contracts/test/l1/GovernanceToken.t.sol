// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";
import {Allocation, GovernanceToken} from "src/l1/GovernanceToken.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";
import {VoteWeightLib} from "src/l1/libraries/VoteWeightLib.sol";

contract GovernanceTokenTest is Test {
    uint32 private constant BOOST = 1_000_000;
    uint32 private constant HALF = 100 days;
    uint256 private constant START = 1_800_000_000;

    GovernanceToken private token;
    address private ann;
    uint256 private annKey;
    address private bob = makeAddr("bob");
    address private eve = makeAddr("eve");
    address private whale = makeAddr("whale");

    function setUp() public {
        vm.warp(START);
        (ann, annKey) = makeAddrAndKey("ann");
        token = new GovernanceToken(address(this), BOOST, HALF, new Allocation[](0));
        // So large that nobody else is near the cap.
        token.mint(whale, 1_000_000 ether);
    }

    // Supply.

    function test_onlyTheVaultMintsAndBurns() public {
        vm.startPrank(ann);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.Unauthorized.selector, ann, address(this));
        vm.expectRevert(reason);
        token.mint(ann, 1);
        vm.expectRevert(reason);
        token.burn(whale, 1);
        vm.stopPrank();
        token.burn(whale, 1 ether);
        assertEq(token.totalSupply(), 999_999 ether);
    }

    function test_allocationsVestInAStraightLine() public {
        Allocation[] memory list = new Allocation[](2);
        list[0] = Allocation(ann, 100 ether, uint64(START), 100 days);
        list[1] = Allocation(bob, 50 ether, uint64(START + 10 days), 0);
        vm.recordLogs();
        GovernanceToken fresh = new GovernanceToken(address(this), BOOST, HALF, list);
        VestingWallet wallet = VestingWallet(payable(allocatedWallet(ann)));
        assertEq(fresh.totalSupply(), 150 ether);
        assertEq(fresh.balanceOf(address(wallet)), 100 ether);
        assertEq(wallet.owner(), ann);

        vm.warp(START + 25 days);
        wallet.release(address(fresh));
        assertEq(fresh.balanceOf(ann), 25 ether);
        vm.warp(START + 200 days);
        wallet.release(address(fresh));
        assertEq(fresh.balanceOf(ann), 100 ether);
        assertEq(fresh.ageOf(ann), uint256(175 days) / 4, "what comes out of vesting is young");
    }

    function test_refusesBadSettings() public {
        Allocation[] memory none = new Allocation[](0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, address(0)));
        new GovernanceToken(address(0), BOOST, HALF, none);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidSetting.selector, 10_000_001, 10_000_000));
        new GovernanceToken(address(this), 10_000_001, HALF, none);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidSetting.selector, 0, type(uint32).max));
        new GovernanceToken(address(this), BOOST, 0, none);
    }

    function test_supplyFitsTheLedger() public {
        uint256 room = type(uint128).max - token.totalSupply();
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC20Votes.ERC20ExceededSafeSupply.selector, uint256(type(uint128).max) + 1, type(uint128).max
            )
        );
        token.mint(ann, room + 1);
        token.mint(ann, room);
    }

    function test_aTransferOfTooMuchIsRefusedInTheTokensWords() public {
        token.mint(ann, 5);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ann, 5, 6));
        vm.prank(ann);
        assertFalse(token.transfer(bob, 6));
    }

    // Clock.

    function test_clockIsTime() public {
        assertEq(token.clock(), START);
        assertEq(token.CLOCK_MODE(), "mode=timestamp");
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, START, START));
        token.getPastVotes(ann, START);
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, START, START));
        token.getPastTotalSupply(START);
    }

    // Age.

    function test_ageGrowsAndComesDownWithWhatComesIn() public {
        token.mint(ann, 30 ether);
        skip(100);
        assertEq(token.ageOf(ann), 100);
        token.mint(ann, 10 ether);
        assertEq(token.ageOf(ann), 75);
        skip(25);
        assertEq(token.ageOf(ann), 100);
    }

    function test_whatLeavesTakesItsPartOfTheAge() public {
        token.mint(ann, 30 ether);
        skip(100);
        move(ann, bob, 20 ether);
        assertEq(token.ageOf(ann), 100);
        assertEq(token.ageOf(bob), 0);
        assertEq(token.birthsOf(ann), 10 ether * START);
        token.burn(ann, 5 ether);
        assertEq(token.ageOf(ann), 100);
        token.burn(ann, 5 ether);
        assertEq(token.ageOf(ann), 0);
        assertEq(token.birthsOf(ann), 0);
    }

    function test_aTransferToOneselfOnlyMakesYounger() public {
        token.mint(ann, 30 ether);
        delegate(ann, ann);
        skip(100);
        move(ann, ann, 15 ether);
        assertEq(token.ageOf(ann), 50);
        assertEq(token.ageOfDelegate(ann), 50);
        move(ann, ann, 0);
        assertEq(token.ageOf(ann), 50);
    }

    // Votes.

    function test_withoutADelegateThereAreNoVotes() public {
        token.mint(ann, 10 ether);
        assertEq(token.getVotes(ann), 0);
        delegate(ann, ann);
        assertEq(token.getVotes(ann), 10 ether);
    }

    function test_votesGrowWithAge() public {
        token.mint(ann, 10 ether);
        delegate(ann, ann);
        skip(HALF);
        assertEq(token.getVotes(ann), 15 ether);
        skip(2 * HALF);
        assertEq(token.getVotes(ann), 17.5 ether);
    }

    function test_delegatingKeepsTheAge() public {
        token.mint(ann, 10 ether);
        skip(HALF);
        delegate(ann, bob);
        assertEq(token.getVotes(bob), 15 ether);
        assertEq(token.ageOfDelegate(bob), HALF);
        delegate(ann, eve);
        assertEq(token.getVotes(bob), 0);
        assertEq(token.getVotes(eve), 15 ether);
        delegate(ann, address(0));
        assertEq(token.getVotes(eve), 0);
        assertEq(token.ageOfDelegate(eve), 0);
    }

    function test_aDelegateHasTheMeanAgeOfAllThatIsDelegatedToIt() public {
        token.mint(ann, 30 ether);
        delegate(ann, eve);
        skip(HALF);
        token.mint(bob, 30 ether);
        delegate(bob, eve);
        assertEq(token.ageOfDelegate(eve), HALF / 2);
        // 60 * (1 + 1/3)
        assertApproxEqAbs(token.getVotes(eve), 80 ether, 1);
    }

    function test_transfersBetweenDelegatorsOfOneDelegateMakeItYounger() public {
        token.mint(ann, 30 ether);
        delegate(ann, eve);
        delegate(bob, eve);
        skip(HALF);
        move(ann, bob, 30 ether);
        assertEq(token.ageOfDelegate(eve), 0);
        assertEq(token.getVotes(eve), 30 ether);
    }

    function test_aLargeHoldingIsDamped() public {
        delegate(whale, whale);
        uint256 supply = token.totalSupply();
        assertEq(token.getVotes(whale), VoteWeightLib.effective(1_000_000 ether, supply / 20));
        assertLt(token.getVotes(whale) * 100 / supply, 27);
    }

    function test_delegatingToOneDoesNotAvoidTheCap() public {
        token.mint(ann, 500_000 ether);
        token.mint(bob, 500_000 ether);
        delegate(ann, eve);
        delegate(bob, eve);
        assertEq(token.getVotes(eve), VoteWeightLib.effective(1_000_000 ether, 100_000 ether));
    }

    function test_eventsOfVotesHaveBalances() public {
        token.mint(ann, 10 ether);
        skip(HALF);
        vm.expectEmit(address(token));
        emit IVotes.DelegateChanged(ann, address(0), bob);
        vm.expectEmit(address(token));
        emit IVotes.DelegateVotesChanged(bob, 0, 10 ether);
        delegate(ann, bob);
    }

    function test_delegatesBySignature() public {
        token.mint(ann, 10 ether);
        bytes32 structHash = keccak256(
            abi.encode(keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)"), bob, 0, START + 1 days)
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(annKey, digest);
        token.delegateBySig(bob, 0, START + 1 days, v, r, s);
        assertEq(token.delegates(ann), bob);
        assertEq(token.getVotes(bob), 10 ether);
        assertEq(token.nonces(ann), 1);
    }

    function test_permits() public {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                ann,
                bob,
                7,
                0,
                START
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(annKey, digest);
        token.permit(ann, bob, 7, START, v, r, s);
        assertEq(token.allowance(ann, bob), 7);
    }

    // The past.

    function test_pastVotesAreWhatTheyWere() public {
        token.mint(ann, 10 ether);
        delegate(ann, ann);
        skip(HALF);
        uint256 time = block.timestamp;
        uint256 votes = token.getVotes(ann);
        uint256 supply = token.totalSupply();
        skip(1);
        move(ann, bob, 9 ether);
        token.mint(ann, 500 ether);
        token.burn(whale, 500_000 ether);
        delegate(ann, bob);
        skip(HALF);
        assertEq(token.getPastVotes(ann, time), votes);
        assertEq(token.getPastVotes(ann, time), 15 ether);
        assertEq(token.getPastTotalSupply(time), supply);
        assertEq(token.getPastVotes(ann, START - 1), 0);
    }

    function test_whatHappensWithinOneSecondCountsAtItsEnd() public {
        token.mint(ann, 10 ether);
        delegate(ann, ann);
        move(ann, bob, 4 ether);
        skip(1);
        assertEq(token.getPastVotes(ann, START), 6 ether);
    }

    function test_votesBetweenTwoChangesStillAge() public {
        token.mint(ann, 10 ether);
        delegate(ann, ann);
        skip(10 * uint256(HALF));
        assertEq(token.getPastVotes(ann, START + HALF), 15 ether);
        assertEq(token.getPastVotes(ann, START + 3 * uint256(HALF)), 17.5 ether);
    }

    /// @dev O(log n): the price of a look-up among a thousand checkpoints.
    function test_lookingUpAmongManyCheckpointsIsCheap() public {
        delegate(ann, ann);
        for (uint256 i = 0; i < 1000; ++i) {
            token.mint(ann, 1 ether);
            skip(60);
        }
        uint256 gas = gasleft();
        token.getPastVotes(ann, START + 30_030);
        assertLt(gas - gasleft(), 150_000);
        assertEq(token.numCheckpoints(ann), 1000);
    }

    // Any history.

    /// @dev Moves at random; then each remembered past is looked up again.
    function testFuzz_thePastNeverChanges(uint256 seed) public {
        address[4] memory people = [ann, bob, eve, whale];
        uint256[12] memory times;
        uint256[4][12] memory votes;
        for (uint256 i = 0; i < 12; ++i) {
            step(people, uint256(keccak256(abi.encode(seed, i))));
            times[i] = block.timestamp;
            for (uint256 j = 0; j < 4; ++j) {
                votes[i][j] = token.getVotes(people[j]);
            }
            skip(1 + uint256(keccak256(abi.encode(seed, i, "skip"))) % 30 days);
        }
        for (uint256 i = 0; i < 12; ++i) {
            for (uint256 j = 0; j < 4; ++j) {
                assertEq(token.getPastVotes(people[j], times[i]), votes[i][j]);
            }
        }
    }

    /// @dev A delegate's births are the sum of its delegators', so its age follows theirs exactly.
    function testFuzz_delegatesAgeIsTheMeanOfItsDelegators(uint256 seed) public {
        address[4] memory people = [ann, bob, eve, whale];
        for (uint256 i = 0; i < 16; ++i) {
            step(people, uint256(keccak256(abi.encode(seed, i))));
            skip(uint256(keccak256(abi.encode(seed, i, "skip"))) % 30 days);
        }
        for (uint256 j = 0; j < 4; ++j) {
            (uint256 balance, uint256 births) = (0, 0);
            for (uint256 k = 0; k < 4; ++k) {
                if (token.delegates(people[k]) != people[j]) continue;
                balance += token.balanceOf(people[k]);
                births += token.birthsOf(people[k]);
                assertLe(token.birthsOf(people[k]), token.balanceOf(people[k]) * block.timestamp);
            }
            assertEq(token.ageOfDelegate(people[j]), VoteWeightLib.meanAge(balance, births, block.timestamp));
        }
    }

    function testFuzz_noTransferMakesAnyoneOlder(uint96 held, uint96 sent, uint32 before, uint32 between) public {
        token.mint(ann, uint256(held) + 1);
        skip(before);
        token.mint(bob, 3 ether);
        skip(between);
        uint256 annAge = token.ageOf(ann);
        uint256 bobAge = token.ageOf(bob);
        move(ann, bob, bound(sent, 0, uint256(held) + 1));
        assertLe(token.ageOf(ann), annAge);
        assertLe(token.ageOf(bob), bobAge);
    }

    function step(address[4] memory people, uint256 dice) private {
        address who = people[dice % 4];
        address other = people[(dice >> 8) % 4];
        uint256 amount = (dice >> 16) % 1000 ether;
        uint256 kind = (dice >> 128) % 4;
        if (kind == 0) token.mint(who, amount);
        else if (kind == 1) delegate(who, other);
        else if (amount > token.balanceOf(who)) delegate(who, who);
        else if (kind == 2) move(who, other, amount);
        else token.burn(who, amount);
    }

    function delegate(address from, address to) private {
        vm.prank(from);
        token.delegate(to);
    }

    function move(address from, address to, uint256 amount) private {
        vm.prank(from);
        assertTrue(token.transfer(to, amount));
    }

    function allocatedWallet(address beneficiary) private returns (address) {
        bytes32 topic = bytes32(uint256(uint160(beneficiary)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == EventsLib.Allocated.selector && logs[i].topics[2] == topic) {
                return address(uint160(uint256(logs[i].topics[1])));
            }
        }
        revert("no such allocation");
    }
}
