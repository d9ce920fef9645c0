// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./support/MerkleTree.sol";
import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The gas of whole transactions, calldata and base cost included (isolation makes each call one), in the steady
/// state: every slot was written before, and each checkpoint changes all three roots, the dearest case (a root that
/// stays costs 2,800 less). The figures land in snapshots/Settlement.json, which is committed; the bounds here leave a
/// little room above them.
/// forge-config: default.isolate = true
contract SettlementGasTest is SettlementFixture {
    using Operators for Operators.Set;

    function test_checkpointOf4Operators() public {
        checkpoint(4, 72_000);
    }

    function test_checkpointOf10Operators() public {
        checkpoint(10, 94_000);
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
        record("checkpoint with handover, 3 of 4", 72_000);
    }

    function test_deposit() public {
        depositAs(consumer, consumer, 1 ether);
        depositAs(consumer, consumer, 1 ether);
        record("deposit", 90_000);
    }

    function test_depositWithPermit() public {
        depositAs(consumer, consumer, 1 ether);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash =
            keccak256(abi.encode(typehash, consumer, address(settlement), 1 ether, 0, type(uint256).max));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(CONSUMER_KEY, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), structHash)));
        vm.prank(consumer);
        settlement.depositWithPermit(consumer, 1 ether, type(uint256).max, v, r, s);
        record("deposit with the first permit", 120_000);
    }

    function test_withdrawAmongAMillion() public {
        (bytes32[] memory proof, bytes32 root) = proofOfDepth(20);
        fund(root);
        settlement.withdraw(7, consumer, 1 ether, proof);
        record("withdraw, 20 siblings", 80_000);
    }

    function test_withdrawAmongAThousand() public {
        (bytes32[] memory proof, bytes32 root) = proofOfDepth(10);
        fund(root);
        settlement.withdraw(7, consumer, 1 ether, proof);
        record("withdraw, 10 siblings", 80_000);
    }

    function test_withdrawToAFreshAddressInAFreshWord() public {
        address fresh = makeAddr("fresh");
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (MerkleTree.leaf(256, fresh, 1 ether), keccak256("sibling"));
        depositAs(consumer, consumer, 10 ether);
        certify(MerkleTree.root(leaves));
        settlement.withdraw(256, fresh, 1 ether, MerkleTree.proof(leaves, 0));
        record("withdraw, 1 sibling, first to the address and in its word of 256", 110_000);
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

    /// @dev A tree of 2^depth leaves with the withdrawal of index 7, by its path only.
    function proofOfDepth(uint256 depth) private view returns (bytes32[] memory proof, bytes32 root) {
        proof = new bytes32[](depth);
        root = MerkleTree.leaf(7, consumer, 1 ether);
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
        settlement.withdraw(8, consumer, 1, new bytes32[](0));
        certify(root);
    }
}
