// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";
import {Operators} from "./Operators.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint, LatestCheckpoint, Roots} from "src/l2/libraries/CheckpointLib.sol";

/// @notice A settlement with four operators of equal weight, and a consumer who holds and has approved tokens. The fixture
/// remembers the latest checkpoint in full, as clients do from its event: the settlement keeps a hash of its roots only.
abstract contract SettlementFixture is Test {
    using Operators for Operators.Set;

    uint256 internal constant SUPPLY = 1_000_000_000 ether;
    uint64 internal constant EXIT_DELAY = 7 days;
    uint64 internal constant FORCE_DELAY = 3 days;
    uint256 internal constant CONSUMER_KEY = uint256(keccak256("consumer"));

    UtilityToken internal token;
    Settlement internal settlement;
    Operators.Set internal operators;
    Checkpoint internal latest;
    address internal guardian = makeAddr("guardian");
    address internal consumer = vm.addr(CONSUMER_KEY);

    function setUp() public virtual {
        deployWith(Operators.create(4, "genesis"));
    }

    function deployWith(Operators.Set memory set) internal {
        operators = set;
        token = new UtilityToken(address(this), SUPPLY);
        settle(token);
        assertTrue(token.transfer(consumer, 1_000_000 ether));
        vm.prank(consumer);
        token.approve(address(settlement), type(uint256).max);
    }

    /// @notice A new settlement over `token_`, without a checkpoint.
    function settle(IERC20 token_) internal {
        settlement = settlementOf(token_, operators.seats());
        delete latest;
        latest.nextOperatorSet = operators.hash();
    }

    function settlementOf(IERC20 token_, bytes32[] memory seats) internal returns (Settlement) {
        return new Settlement(token_, seats, EXIT_DELAY, FORCE_DELAY, guardian);
    }

    /// @notice The next checkpoint after the latest, with other roots, everything consumed, by the same set.
    function nextCheckpoint() internal view returns (Checkpoint memory checkpoint) {
        checkpoint = latest;
        checkpoint.height += 1;
        checkpoint.stateRoot = keccak256(abi.encode("state", checkpoint.height));
        checkpoint.exitRoot = keccak256(abi.encode("exit", checkpoint.height));
        checkpoint.inboxCount = settlement.inboxCount();
    }

    /// @notice Signed by the first operators that make a quorum of equal seats, and submitted.
    function submit(Checkpoint memory checkpoint) internal {
        submit(checkpoint, Operators.first(Operators.quorum(operators.keys.length)));
    }

    function submit(Checkpoint memory checkpoint, uint256 signers) internal {
        bytes memory signatures = operators.sign(signers, settlement.checkpointDigest(checkpoint));
        settlement.submitCheckpoint(checkpoint, operators.seats(), signers, signatures);
        latest = checkpoint;
    }

    /// @notice The roots of the latest checkpoint.
    function roots() internal view returns (Roots memory) {
        return Roots(latest.stateRoot, latest.withdrawalsRoot, latest.exitRoot);
    }

    /// @notice The settlement's latest checkpoint must be `expected`, accepted at `time`.
    function assertLatest(Checkpoint memory expected, uint256 time) internal view {
        LatestCheckpoint memory kept = settlement.latestCheckpoint();
        assertEq(kept.epoch, expected.epoch);
        assertEq(kept.height, expected.height);
        assertEq(kept.inboxCount, expected.inboxCount);
        assertEq(kept.acceptedAt, time);
        assertEq(
            kept.rootsHash, keccak256(abi.encodePacked(expected.stateRoot, expected.withdrawalsRoot, expected.exitRoot))
        );
        assertEq(kept.nextOperatorSet, expected.nextOperatorSet);
        assertEq(settlement.operatorSetHash(), expected.nextOperatorSet);
    }

    /// @notice As `submit`, but the settlement must answer with `reason`. Signing happens before the expectation.
    function refused(Checkpoint memory checkpoint, bytes memory reason) internal {
        uint256 signers = Operators.first(Operators.quorum(operators.keys.length));
        refused(checkpoint, signers, operators.sign(signers, settlement.checkpointDigest(checkpoint)), reason);
    }

    function refused(Checkpoint memory checkpoint, uint256 signers, bytes memory signatures, bytes memory reason)
        internal
    {
        bytes32[] memory seats = operators.seats();
        vm.expectRevert(reason);
        settlement.submitCheckpoint(checkpoint, seats, signers, signatures);
    }

    /// @notice Certifies `root` as the root of all withdrawals.
    function certify(bytes32 root) internal {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.withdrawalsRoot = root;
        submit(checkpoint);
    }

    /// @notice Certifies `root` as the root of all exits.
    function certifyExits(bytes32 root) internal {
        Checkpoint memory checkpoint = nextCheckpoint();
        checkpoint.exitRoot = root;
        submit(checkpoint);
    }

    /// @notice Nothing is certified for so long that anyone may freeze, and somebody does.
    function freezeAfterSilence() internal {
        skip(EXIT_DELAY);
        settlement.freeze();
    }

    function forceAs(address from, bytes memory message) internal {
        vm.prank(from);
        settlement.force(message);
    }

    function depositAs(address from, address account, uint128 amount) internal {
        vm.prank(from);
        settlement.deposit(account, amount);
    }
}
