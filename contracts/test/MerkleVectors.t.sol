// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Test} from "forge-std/Test.sol";
import {MerkleLib} from "src/l2/libraries/MerkleLib.sol";

/// @notice OpenZeppelin's MerkleProof and the settlement's MerkleLib against vectors/merkle.json, which the Rust protocol wrote: every proof of the trees of
/// 1 to 20 leaves, and the leaves that contracts compute themselves.
contract MerkleVectorsTest is Test {
    uint256 private constant LARGEST = 20;

    string private json;

    function setUp() public {
        json = vm.readFile("../vectors/merkle.json");
    }

    function test_leavesAreTheHashesOfTheirPreimages() public view {
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        bytes[] memory preimages = vm.parseJsonBytesArray(json, ".preimages");
        assertEq(leaves.length, LARGEST);
        assertEq(preimages.length, LARGEST);
        for (uint256 i = 0; i < LARGEST; ++i) {
            assertEq(keccak256(abi.encodePacked(bytes1(0), preimages[i])), leaves[i]);
        }
    }

    function test_everyProofLeadsToTheRootAndNoOtherLeafDoes() public view {
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        for (uint256 size = 1; size <= LARGEST; ++size) {
            string memory tree = item(".trees", size);
            assertEq(vm.parseJsonUint(json, string.concat(tree, ".size")), size);
            bytes32 root = vm.parseJsonBytes32(json, string.concat(tree, ".root"));
            for (uint256 i = 0; i < size; ++i) {
                bytes32[] memory proof = vm.parseJsonBytes32Array(json, item(string.concat(tree, ".proofs"), i));
                assertTrue(MerkleProof.verify(proof, root, leaves[i]));
                assertEq(this.rootOf(proof, leaves[i]), root);
                assertFalse(MerkleProof.verify(proof, root, keccak256("another")));
                if (size > 1) {
                    assertFalse(MerkleProof.verify(proof, root, leaves[(i + 1) % size]));
                    assertFalse(MerkleProof.verify(new bytes32[](0), root, leaves[i]));
                }
                for (uint256 j = 0; j < proof.length; ++j) {
                    proof[j] ^= bytes32(uint256(1));
                    assertFalse(MerkleProof.verify(proof, root, leaves[i]));
                    proof[j] ^= bytes32(uint256(1));
                }
            }
            assertFalse(vm.keyExistsJson(json, item(string.concat(tree, ".proofs"), size)));
        }
    }

    function testFuzz_theSettlementsRootIsOpenZeppelins(bytes32[] calldata proof, bytes32 leaf) public pure {
        assertEq(MerkleLib.rootOf(proof, leaf), MerkleProof.processProofCalldata(proof, leaf));
    }

    function testFuzz_equalNodesHashAsOpenZeppelinsDo(bytes32 leaf) public view {
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = leaf;
        assertEq(this.rootOf(proof, leaf), MerkleProof.processProof(proof, leaf));
    }

    function rootOf(bytes32[] calldata proof, bytes32 leaf) external pure returns (bytes32) {
        return MerkleLib.rootOf(proof, leaf);
    }

    function test_theEmptyTreeHasTheZeroRoot() public view {
        assertEq(vm.parseJsonUint(json, ".trees[0].size"), 0);
        assertEq(vm.parseJsonBytes32(json, ".trees[0].root"), bytes32(0));
    }

    function test_purchaseLeaves() public view {
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory encoded = vm.parseJsonBytes(json, string.concat(item(".purchases", i), ".encoded"));
            bytes32 leaf = vm.parseJsonBytes32(json, string.concat(item(".purchases", i), ".leaf"));
            assertEq(keccak256(abi.encodePacked(bytes1(0), encoded)), leaf);
        }
    }

    function test_withdrawalLeaves() public view {
        for (uint256 i = 0; i < 3; ++i) {
            string memory path = item(".withdrawals", i);
            uint64 index = uint64(vm.parseJsonUint(json, string.concat(path, ".index")));
            address recipient = vm.parseJsonAddress(json, string.concat(path, ".recipient"));
            uint128 amount = uint128(vm.parseJsonUint(json, string.concat(path, ".amount")));
            bytes32 leaf = vm.parseJsonBytes32(json, string.concat(path, ".leaf"));
            assertEq(keccak256(bytes.concat(keccak256(abi.encode(index, recipient, amount)))), leaf);
            assertEq(MerkleLib.leafOf(index, uint160(recipient), amount), leaf);
        }
    }

    function test_exitLeaves() public view {
        for (uint256 i = 0; i < 3; ++i) {
            string memory path = item(".exits", i);
            address account = vm.parseJsonAddress(json, string.concat(path, ".account"));
            uint128 amount = uint128(vm.parseJsonUint(json, string.concat(path, ".amount")));
            bytes32 leaf = vm.parseJsonBytes32(json, string.concat(path, ".leaf"));
            assertEq(keccak256(bytes.concat(keccak256(abi.encode(account, amount)))), leaf);
            assertEq(MerkleLib.leafOf(uint160(account), amount), leaf);
        }
    }

    function item(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }
}
