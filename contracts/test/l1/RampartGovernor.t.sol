// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {L1Fixture} from "./support/L1Fixture.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Outbox, Parameter} from "src/l1/Outbox.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";

/// @notice From a proposal to what it does, through the timelock.
contract RampartGovernorTest is L1Fixture {
    uint8 private constant AGAINST = 0;
    uint8 private constant FOR = 1;
    uint8 private constant ABSTAIN = 2;

    struct Proposal {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        string description;
    }

    function setUp() public override {
        super.setUp();
        restake(ann, alpha, 400 ether);
        restake(bob, alpha, 100 ether);
        delegate(ann);
        delegate(bob);
        skip(1 days);
    }

    function test_settingsAreInSeconds() public view {
        assertEq(governor.name(), "Rampart");
        assertEq(governor.votingDelay(), VOTING_DELAY);
        assertEq(governor.votingPeriod(), VOTING_PERIOD);
        assertEq(governor.proposalThreshold(), THRESHOLD);
        assertEq(governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(governor.clock(), block.timestamp);
        assertEq(governor.timelock(), address(timelock));
        // 10 % of 500 restaked and 150 allocated.
        assertEq(governor.quorum(block.timestamp - 1), 65 ether);
    }

    function test_hasTheStandardInterfaces() public view {
        assertTrue(governor.supportsInterface(type(IGovernor).interfaceId));
        assertTrue(governor.supportsInterface(type(IERC165).interfaceId));
        assertEq(governor.COUNTING_MODE(), "support=bravo&quorum=for,abstain");
        assertEq(address(governor.token()), address(token));
        assertEq(IERC6372(address(token)).clock(), governor.clock());
    }

    function test_theTimelockHasNoMaster() public view {
        assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)));
        assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), address(governor)));
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)));
        assertFalse(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(this)));
        assertTrue(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(timelock)));
        assertFalse(timelock.hasRole(timelock.PROPOSER_ROLE(), address(this)));
    }

    function test_aProposalChangesALedgerParameter() public {
        Parameter[] memory changes = new Parameter[](1);
        changes[0] = Parameter("protocol_cut", 40_000);
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.setParameters, (changes)), "lower the cut");
        uint256 id = propose(ann, p);
        vote(ann, id, FOR);
        finishVote(id, IGovernor.ProposalState.Succeeded);
        queue(p);
        skip(TIMELOCK_DELAY);
        vm.expectEmit(address(outbox));
        emit EventsLib.Governance(outbox.next(), 1, abi.encode(changes));
        execute(p);
        assertEq(uint8(governor.state(id)), uint8(IGovernor.ProposalState.Executed));
    }

    function test_aProposalDisciplinesAnOperator() public {
        Proposal memory p;
        p.targets = new address[](2);
        p.values = new uint256[](2);
        p.calldatas = new bytes[](2);
        (p.targets[0], p.targets[1]) = (address(manager), address(manager));
        p.calldatas[0] = abi.encodeCall(ServiceManager.slash, (alpha, 0.1e18, "lazy"));
        p.calldatas[1] = abi.encodeCall(ServiceManager.eject, (alpha));
        p.description = "discipline alpha";
        pass(p);
        assertFalse(manager.isMember(alpha));
        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 360 ether);
    }

    function test_aProposalChangesTheGovernorsSettings() public {
        pass(single(address(governor), abi.encodeWithSignature("setVotingPeriod(uint32)", 3 days), "faster"));
        assertEq(governor.votingPeriod(), 3 days);
    }

    function test_nobodySkipsTheVoteOrTheTimelock() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        uint256 id = propose(ann, p);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        queue(p);
        vote(ann, id, FOR);
        finishVote(id, IGovernor.ProposalState.Succeeded);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        execute(p);
        queue(p);
        vm.expectRevert();
        execute(p);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        timelock.schedule(address(outbox), 0, p.calldatas[0], 0, 0, TIMELOCK_DELAY);
        vm.expectPartialRevert(IGovernor.GovernorOnlyExecutor.selector);
        governor.setVotingPeriod(1);
    }

    function test_withoutAQuorumNothingPasses() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        move(bob, makeAddr("market"), 50 ether);
        skip(1);
        uint256 id = propose(ann, p);
        vote(bob, id, FOR);
        finishVote(id, IGovernor.ProposalState.Defeated);
    }

    function test_theMajorityOfWeightDecides() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        uint256 id = propose(ann, p);
        vote(ann, id, AGAINST);
        vote(bob, id, FOR);
        (uint256 against, uint256 inFavour, uint256 abstained) = governor.proposalVotes(id);
        assertGt(against, inFavour);
        assertEq(abstained, 0);
        // Four times the tokens, damped by the cap: less than twice the votes.
        assertLt(against, 2 * inFavour);
        finishVote(id, IGovernor.ProposalState.Defeated);
    }

    function test_abstainCountsTowardsTheQuorumOnly() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        uint256 id = propose(ann, p);
        vote(ann, id, ABSTAIN);
        finishVote(id, IGovernor.ProposalState.Defeated);
    }

    function test_theWeightIsThatOfTheSnapshot() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        uint256 id = propose(ann, p);
        skip(VOTING_DELAY + 1);
        uint256 weight = token.getPastVotes(ann, governor.proposalSnapshot(id));
        move(ann, bob, 400 ether);
        vm.prank(ann);
        assertEq(governor.castVote(id, FOR), weight);
        vm.prank(bob);
        assertLt(governor.castVote(id, AGAINST), weight);
    }

    function test_belowTheThresholdNobodyProposes() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        address poor = makeAddr("poor");
        vm.prank(poor);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, poor, 0, THRESHOLD)
        );
        governor.propose(p.targets, p.values, p.calldatas, p.description);
    }

    function test_theProposerCancelsBeforeTheVote() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        uint256 id = propose(ann, p);
        vm.prank(ann);
        governor.cancel(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
        assertEq(uint8(governor.state(id)), uint8(IGovernor.ProposalState.Canceled));
    }

    function test_proposalsNeedQueuing() public {
        Proposal memory p = single(address(outbox), abi.encodeCall(Outbox.suspend, (1)), "suspend");
        assertTrue(governor.proposalNeedsQueuing(propose(ann, p)));
    }

    function delegate(address who) private {
        vm.prank(who);
        token.delegate(who);
    }

    function single(address target, bytes memory data, string memory description)
        private
        pure
        returns (Proposal memory p)
    {
        p.targets = new address[](1);
        p.values = new uint256[](1);
        p.calldatas = new bytes[](1);
        p.targets[0] = target;
        p.calldatas[0] = data;
        p.description = description;
    }

    function propose(address who, Proposal memory p) private returns (uint256) {
        vm.prank(who);
        return governor.propose(p.targets, p.values, p.calldatas, p.description);
    }

    function vote(address who, uint256 id, uint8 support) private {
        if (block.timestamp <= governor.proposalSnapshot(id)) vm.warp(governor.proposalSnapshot(id) + 1);
        vm.prank(who);
        governor.castVote(id, support);
    }

    function finishVote(uint256 id, IGovernor.ProposalState expected) private {
        vm.warp(governor.proposalDeadline(id) + 1);
        assertEq(uint8(governor.state(id)), uint8(expected));
    }

    function queue(Proposal memory p) private {
        governor.queue(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function execute(Proposal memory p) private {
        governor.execute(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function pass(Proposal memory p) private {
        uint256 id = propose(ann, p);
        vote(ann, id, FOR);
        vote(bob, id, FOR);
        finishVote(id, IGovernor.ProposalState.Succeeded);
        queue(p);
        skip(TIMELOCK_DELAY);
        execute(p);
    }
}
