// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./support/MerkleTree.sol";
import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The gas of whole transactions, calldata and base cost included (isolation makes each call one), in the steady
/// state: every slot that is written again and again was written before. The figures land in snapshots/Settlement.json,
/// which is committed; the bounds here are the goals.
/// forge-config: default.isolate = true
contract SettlementGasTest is SettlementFixture {
    using Operators for Operators.Set;

    function test_checkpointOf4Operators() public {
        checkpoint(4, 60_000);
    }

    function test_checkpointOf10Operators() public {
        checkpoint(10, 90_000);
    }

    function test_checkpointOf20Operators() public {
        checkpoint(20, 150_000);
    }

    function test_checkpointOf64Operators() public {
        checkpoint(64, 300_000);
    }

    function test_handoverOf4Operators() public {
        submit(nextCheckpoint());
        Checkpoint memory next = nextCheckpoint();
        next.nextOperatorSet = keccak256("next");
        submit(next);
        record("checkpoint with handover, 3 of 4", 63_000);
    }

    function test_deposit() public {
        depositAs(consumer, consumer, 1 ether);
        depositAs(consumer, consumer, 1 ether);
        record("deposit", 90_000);
    }

    function test_depositWithPermit() public {
        depositAs(consumer, consumer, 1 ether);
        permitAndDeposit();
        record("deposit with the first permit", 120_000);
    }

    function test_depositWithLaterPermit() public {
        depositAs(consumer, consumer, 1 ether);
        permitAndDeposit();
        permitAndDeposit();
        record("deposit with a later permit", 90_000);
    }

    function test_forceNothing() public {
        forceAs(consumer, "");
        forceAs(consumer, "");
        record("force, empty message", 60_000);
    }

    function test_forceTheLongestMessage() public {
        forceAs(consumer, "");
        bytes memory message = new bytes(2048);
        for (uint256 i = 0; i < 2048; ++i) {
            message[i] = 0xff;
        }
        forceAs(consumer, message);
        record("force, 2048 bytes", 130_000);
    }

    /// @dev What waits in the inbox does not make a checkpoint dearer.
    function test_checkpointThatConsumesAFlood() public {
        submit(nextCheckpoint());
        for (uint256 i = 0; i < 200; ++i) {
            forceAs(guardian, "flood");
        }
        submit(nextCheckpoint());
        record("checkpoint that consumes 200 messages, 3 of 4", 60_000);
    }

    function test_freeze() public {
        forceAs(consumer, "");
        skip(EXIT_DELAY);
        uint256 before = vm.snapshotState();
        settlement.freeze();
        record("freeze after silence", 40_000);
        vm.revertToState(before);
        settlement.freezeOverIgnored(0);
        record("freeze over an ignored message", 40_000);
    }

    function test_exitAmongAMillion() public {
        (bytes32[] memory proof, bytes32 root) = pathOf(MerkleTree.exitLeaf(consumer, 1 ether), 20);
        depositAs(consumer, consumer, 10 ether);
        certifyExits(root);
        freezeAfterSilence();
        settlement.exit(roots(), consumer, 1 ether, proof);
        record("exit, 20 siblings", 85_000);
    }

    function test_recoverDeposit() public {
        depositAs(consumer, consumer, 10 ether);
        depositAs(consumer, consumer, 1 ether);
        freezeAfterSilence();
        settlement.recoverDeposit(1, consumer, 1 ether);
        record("recover a deposit", 50_000);
    }

    function test_withdrawToAFreshAddress() public {
        address fresh = makeAddr("fresh");
        (bytes32[] memory proof, bytes32 root) = pathOf(MerkleTree.leaf(7, fresh, 1 ether), 20);
        fund(root);
        settlement.withdraw(roots(), 7, fresh, 1 ether, proof);
        record("withdraw, 20 siblings, first to the address", 81_000);
    }

    function test_withdrawAmongAMillion() public {
        (bytes32[] memory proof, bytes32 root) = pathOf(MerkleTree.leaf(7, consumer, 1 ether), 20);
        fund(root);
        settlement.withdraw(roots(), 7, consumer, 1 ether, proof);
        record("withdraw, 20 siblings", 80_000);
    }

    function test_withdrawAmongAThousand() public {
        (bytes32[] memory proof, bytes32 root) = pathOf(MerkleTree.leaf(7, consumer, 1 ether), 10);
        fund(root);
        settlement.withdraw(roots(), 7, consumer, 1 ether, proof);
        record("withdraw, 10 siblings", 80_000);
    }

    function test_withdrawToAFreshAddressInAFreshWord() public {
        address fresh = makeAddr("fresh");
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (MerkleTree.leaf(256, fresh, 1 ether), keccak256("sibling"));
        depositAs(consumer, consumer, 10 ether);
        certify(MerkleTree.root(leaves));
        settlement.withdraw(roots(), 256, fresh, 1 ether, MerkleTree.proof(leaves, 0));
        record("withdraw, 1 sibling, first to the address and in its word of 256", 85_000);
    }

    function permitAndDeposit() private {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(
            abi.encode(typehash, consumer, address(settlement), 1 ether, token.nonces(consumer), type(uint256).max)
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(CONSUMER_KEY, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), structHash)));
        vm.prank(consumer);
        settlement.depositWithPermit(consumer, 1 ether, type(uint256).max, v, r, s);
    }

    function checkpoint(uint256 count, uint256 goal) private {
        deployWith(Operators.create(count, "gas"));
        depositAs(consumer, consumer, 1);
        Checkpoint memory first = nextCheckpoint();
        first.withdrawalsRoot = keccak256("first");
        submit(first);
        Checkpoint memory second = nextCheckpoint();
        second.withdrawalsRoot = keccak256("second");
        submit(second);
        uint256 quorum = Operators.quorum(count);
        record(string.concat("checkpoint, ", vm.toString(quorum), " of ", vm.toString(count)), goal);
    }

    function record(string memory name, uint256 goal) private {
        assertLe(vm.snapshotGasLastCall("Settlement", name), goal, name);
    }

    /// @dev A tree of 2^depth leaves with the one given, by its path only.
    function pathOf(bytes32 leaf, uint256 depth) private pure returns (bytes32[] memory proof, bytes32 root) {
        proof = new bytes32[](depth);
        root = leaf;
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = keccak256(abi.encode("sibling", i));
            bytes32[] memory pair = new bytes32[](2);
            (pair[0], pair[1]) = (root, proof[i]);
            root = MerkleTree.root(pair);
        }
    }

    /// @dev Certifies `root` after another index of the same word was paid, as it is 255 times of 256.
    function fund(bytes32 root) private {
        depositAs(consumer, consumer, 10 ether);
        certify(MerkleTree.leaf(8, consumer, 1));
        settlement.withdraw(roots(), 8, consumer, 1, new bytes32[](0));
        certify(root);
    }
}
