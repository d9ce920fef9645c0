// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CoreAllocation, CoreAllocationV19} from "./mocks/CoreAllocation.sol";
import {L1Fixture} from "./support/L1Fixture.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ServiceManager} from "src/l1/ServiceManager.sol";
import {CoreV13Adapter} from "src/l1/adapters/CoreV13Adapter.sol";
import {CoreV19Adapter} from "src/l1/adapters/CoreV19Adapter.sol";
import {ICoreAdapter} from "src/l1/interfaces/ICoreAdapter.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

contract ServiceManagerSlashingTest is L1Fixture {
    address payable internal reporter = payable(makeAddr("reporter"));

    function setUp() public virtual override {
        deployAll(v19());
        restake(ann, alpha, 100 ether);
        manager.sync(alpha);
        fundBounties(10 ether);
    }

    // Equivocation (X3).

    function test_twoCheckpointsOfOneHeightCostHalfAndPayTheReporter() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes32 first = structHash(a);
        bytes32 second = structHash(b);
        vm.expectEmit(address(manager));
        emit EventsLib.EquivocationProved(alpha, 7, first, second, address(this));
        vm.expectEmit(address(manager));
        emit EventsLib.OperatorSlashed(alpha, 0.5e18, 50 ether, "equivocation: two checkpoints of one height");
        vm.expectEmit(address(outbox));
        emit EventsLib.OperatorStake(4, alpha, 50 ether, 100_000);
        vm.expectEmit(address(manager));
        emit EventsLib.BountyPaid(reporter, 0.5 ether);
        prove(a, b, "alpha");
        assertEq(reporter.balance, 0.5 ether);
        assertEq(manager.stakeOf(alpha), 50 ether);

        vault.poke(alpha, ann);
        assertEq(vault.positionOf(alpha, ann), 50 ether);
        assertEq(token.balanceOf(ann), 50 ether);
    }

    function test_theDigestIsTheSettlements() public {
        (Checkpoint memory a,) = conflict(7);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Rampart"),
                keccak256("1"),
                SETTLEMENT_CHAIN,
                settlement
            )
        );
        assertEq(manager.settlementDomain(), domain);
        assertEq(manager.checkpointDigest(a), keccak256(abi.encodePacked(hex"1901", domain, structHash(a))));
    }

    function test_eachMemberOfACheckpointMakesAConflict() public {
        for (uint256 i = 0; i < 6; ++i) {
            (Checkpoint memory a,) = conflict(uint64(100 + i));
            Checkpoint memory b = copy(a);
            if (i == 0) b.epoch += 1;
            if (i == 1) b.stateRoot = keccak256("x");
            if (i == 2) b.withdrawalsRoot = keccak256("x");
            if (i == 3) b.exitRoot = keccak256("x");
            if (i == 4) b.inboxCount += 1;
            if (i == 5) b.nextOperatorSet = keccak256("x");
            prove(a, b, "alpha");
            assertTrue(manager.isPunished(alpha, uint64(100 + i)));
        }
    }

    function test_oneCheckpointIsNoConflict() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        refused(a, a, ErrorsLib.NoConflict.selector);
        b.height = 8;
        refused(a, b, ErrorsLib.NoConflict.selector);
        assertEq(manager.stakeOf(alpha), 100 ether);
    }

    function test_signaturesOfTwoOperatorsProveNothing() public {
        addOperator("beta", 1e18);
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes memory first = signed(a, "alpha");
        bytes memory second = signed(b, "beta");
        vm.expectRevert(
            abi.encodeWithSelector(
                ErrorsLib.DifferentSigners.selector, vm.addr(checkpointKey("alpha")), vm.addr(checkpointKey("beta"))
            )
        );
        manager.slashEquivocation(a, first, b, second, reporter);
    }

    function test_aStrangersSignaturesProveNothing() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes memory first = signed(a, "stranger");
        bytes memory second = signed(b, "stranger");
        vm.expectRevert(
            abi.encodeWithSelector(ErrorsLib.UnknownCheckpointKey.selector, vm.addr(checkpointKey("stranger")))
        );
        manager.slashEquivocation(a, first, b, second, reporter);
    }

    function test_malformedSignaturesProveNothing() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes memory good = signed(a, "alpha");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        manager.slashEquivocation(a, good, b, new bytes(64), reporter);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        manager.slashEquivocation(a, new bytes(65), b, good, reporter);
    }

    function test_signaturesForAnotherSettlementProveNothing() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes32 other = keccak256("another domain");
        uint256 key = checkpointKey("alpha");
        bytes memory first = sign(key, keccak256(abi.encodePacked(hex"1901", other, structHash(a))));
        bytes memory second = sign(key, keccak256(abi.encodePacked(hex"1901", other, structHash(b))));
        vm.expectPartialRevert(ErrorsLib.DifferentSigners.selector);
        manager.slashEquivocation(a, first, b, second, reporter);
    }

    function test_oneHeightIsPunishedOnce() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        prove(a, b, "alpha");
        Checkpoint memory c = copy(a);
        c.exitRoot = keccak256("third");
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.AlreadyPunished.selector, alpha, 7);
        refusedWith(b, a, reason);
        refusedWith(a, c, reason);
        (a, b) = conflict(8);
        prove(a, b, "alpha");
        assertEq(manager.stakeOf(alpha), 25 ether);
    }

    function test_whoLeftIsSlashableForTheDelay() public {
        deregister(alpha);
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        vm.roll(block.number + DEALLOCATION_DELAY);
        prove(a, b, "alpha");
        vault.sync(alpha);
        assertEq(vault.poolOf(alpha).principal, 50 ether);

        vm.roll(block.number + 1);
        (a, b) = conflict(8);
        refused(a, b, CoreAllocation.OperatorNotSlashable.selector);
    }

    function test_oldKeysStillConvict() public {
        deregister(alpha);
        vm.roll(block.number + DEALLOCATION_DELAY + 1);
        register(alpha, registration(alpha, "alpha, rotated", 0));
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        prove(a, b, "alpha");
        assertEq(manager.stakeOf(alpha), 50 ether);
    }

    function test_withoutAnAllocationTheProofKeepsItsValue() public {
        address beta = addOperator("beta", 0);
        restake(ann, beta, 10 ether);
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes memory first = signed(a, "beta");
        bytes memory second = signed(b, "beta");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NothingToSlash.selector, beta));
        manager.slashEquivocation(a, first, b, second, reporter);
        assertFalse(manager.isPunished(beta, 7));

        allocate(beta, 1e18);
        manager.slashEquivocation(a, first, b, second, reporter);
        assertEq(manager.stakeOf(beta), 5 ether);
    }

    function test_theBountyIsBoundedByTheSlashingAndTheFunds() public {
        address beta = addOperator("beta", 1e18);
        restake(ann, beta, 2 ether);
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        prove(a, b, "beta");
        assertEq(reporter.balance, 0.05 ether, "a twentieth of one");

        vm.deal(address(manager), 0.1 ether);
        prove(a, b, "alpha");
        assertEq(reporter.balance, 0.15 ether, "what there was");
        (a, b) = conflict(8);
        prove(a, b, "alpha");
        assertEq(reporter.balance, 0.15 ether, "nothing left, slashed all the same");
        assertEq(manager.stakeOf(alpha), 25 ether);
    }

    function test_aRecipientThatRefusesEtherIsTheReportersMistake() public {
        (Checkpoint memory a, Checkpoint memory b) = conflict(7);
        bytes memory first = signed(a, "alpha");
        bytes memory second = signed(b, "alpha");
        vm.expectRevert(Errors.FailedCall.selector);
        manager.slashEquivocation(a, first, b, second, payable(address(vault)));
        manager.slashEquivocation(a, first, b, second, reporter);
    }

    /// @dev The vectors that the settlement and the operators' program are tested with.
    function test_digestsAreThoseOfTheSharedVectors() public {
        string memory json = vm.readFile("../vectors/contracts-settlement.json");
        ServiceManager.Deployment memory d = deployment(new CoreV13Adapter(address(allocation), address(permissions)));
        d.settlementChainId = vm.parseJsonUint(json, ".domain.chainId");
        d.settlement = vm.parseJsonAddress(json, ".domain.settlement");
        d.adapter = v19() ? ICoreAdapter(new CoreV19Adapter(address(allocation))) : d.adapter;
        ServiceManager other = new ServiceManager(d);
        assertEq(other.settlementDomain(), vm.parseJsonBytes32(json, ".domain.separator"));
        for (uint256 i = 0; i < 3; ++i) {
            string memory at_ = string.concat(".checkpoints[", vm.toString(i), "]");
            Checkpoint memory checkpoint = Checkpoint({
                epoch: uint64(vm.parseJsonUint(json, string.concat(at_, ".checkpoint.epoch"))),
                height: uint64(vm.parseJsonUint(json, string.concat(at_, ".checkpoint.height"))),
                stateRoot: vm.parseJsonBytes32(json, string.concat(at_, ".checkpoint.stateRoot")),
                withdrawalsRoot: vm.parseJsonBytes32(json, string.concat(at_, ".checkpoint.withdrawalsRoot")),
                exitRoot: vm.parseJsonBytes32(json, string.concat(at_, ".checkpoint.exitRoot")),
                inboxCount: uint64(vm.parseJsonUint(json, string.concat(at_, ".checkpoint.inboxCount"))),
                nextOperatorSet: vm.parseJsonBytes32(json, string.concat(at_, ".checkpoint.nextOperatorSet"))
            });
            assertEq(other.checkpointDigest(checkpoint), vm.parseJsonBytes32(json, string.concat(at_, ".digest")));
        }
    }

    // Governance.

    function test_governanceSlashesAnyPart() public {
        vm.expectEmit(address(manager));
        emit EventsLib.OperatorSlashed(alpha, 0.1e18, 10 ether, "downtime");
        vm.prank(address(timelock));
        manager.slash(alpha, 0.1e18, "downtime");
        assertEq(manager.stakeOf(alpha), 90 ether);
        assertEq(manager.lastStakeOf(alpha), 90 ether);
        assertEq(strategyManager.getBurnableShares(address(strategy)), 10 ether);
    }

    function test_governanceCannotSlashMoreThanAll() public {
        vm.prank(address(timelock));
        vm.expectRevert(CoreAllocation.InvalidWadToSlash.selector);
        manager.slash(alpha, 1e18 + 1, "");
    }

    function testFuzz_takesThePartOfTheStake(uint64 wad, uint96 amount) public {
        uint256 part = bound(wad, 1, 1e18);
        restake(bob, alpha, bound(amount, 1e12, 900 ether));
        uint256 before = manager.stakeOf(alpha);
        slash(alpha, part);
        assertApproxEqAbs(manager.stakeOf(alpha), before - before * part / 1e18, 2 + before / 1e17);
    }

    // Helpers.

    function v19() internal pure virtual returns (bool) {
        return false;
    }

    function fundBounties(uint256 amount) internal {
        vm.deal(address(this), amount);
        (bool success,) = address(manager).call{value: amount}("");
        assertTrue(success);
    }

    function conflict(uint64 height) internal pure returns (Checkpoint memory a, Checkpoint memory b) {
        a = Checkpoint({
            epoch: 2,
            height: height,
            stateRoot: keccak256("state"),
            withdrawalsRoot: keccak256("withdrawals"),
            exitRoot: keccak256("exit"),
            inboxCount: 3,
            nextOperatorSet: keccak256("set")
        });
        b = copy(a);
        b.stateRoot = keccak256("other state");
    }

    function copy(Checkpoint memory a) internal pure returns (Checkpoint memory) {
        return abi.decode(abi.encode(a), (Checkpoint));
    }

    function structHash(Checkpoint memory checkpoint) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Checkpoint(uint64 epoch,uint64 height,bytes32 stateRoot,bytes32 withdrawalsRoot,bytes32 exitRoot,uint64 inboxCount,bytes32 nextOperatorSet)"
                ),
                checkpoint
            )
        );
    }

    function signed(Checkpoint memory checkpoint, string memory name) internal view returns (bytes memory) {
        return sign(checkpointKey(name), manager.checkpointDigest(checkpoint));
    }

    function prove(Checkpoint memory a, Checkpoint memory b, string memory name) internal {
        manager.slashEquivocation(a, signed(a, name), b, signed(b, name), reporter);
    }

    function refused(Checkpoint memory a, Checkpoint memory b, bytes4 reason) internal {
        refusedWith(a, b, abi.encodeWithSelector(reason));
    }

    function refusedWith(Checkpoint memory a, Checkpoint memory b, bytes memory reason) internal {
        bytes memory first = signed(a, "alpha");
        bytes memory second = signed(b, "alpha");
        vm.expectRevert(reason);
        manager.slashEquivocation(a, first, b, second, reporter);
    }
}

/// @notice All of the above again on core v1.9.
contract ServiceManagerSlashingV19Test is ServiceManagerSlashingTest {
    function v19() internal pure override returns (bool) {
        return true;
    }

    function test_theSetHasThisContractAsItsSlasher() public view {
        assertEq(CoreAllocationV19(address(allocation)).slasherOf(address(manager), 0), address(manager));
    }

    function test_theSlasherStaysWhenTheAccountIsHandedOver() public {
        vm.prank(address(timelock));
        manager.handOver(bob);
        vm.prank(bob);
        permissions.acceptAdmin(address(manager));
        slash(alpha, 0.5e18);
        assertEq(manager.stakeOf(alpha), 50 ether);
    }
}
