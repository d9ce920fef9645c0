// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./support/MerkleTree.sol";
import {Operators} from "./support/Operators.sol";
import {Test} from "forge-std/Test.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {UtilityToken} from "src/l2/UtilityToken.sol";
import {Checkpoint, LatestCheckpoint, Roots} from "src/l2/libraries/CheckpointLib.sol";

/// @notice The contract against vectors/contracts-settlement.json, which an implementation that shares nothing with it made
/// (script/vectors.mjs).
contract SettlementVectorsTest is Test {
    string private json;
    UtilityToken private token;
    Settlement private settlement;
    Roots private last;

    function setUp() public {
        json = vm.readFile("../vectors/contracts-settlement.json");
        vm.chainId(vm.parseJsonUint(json, ".domain.chainId"));
        token = new UtilityToken(address(this), type(uint128).max);
        address at_ = vm.parseJsonAddress(json, ".domain.settlement");
        deployCodeTo(
            "Settlement.sol:Settlement", abi.encode(token, seatsOf(0), uint64(7 days), uint64(3 days), address(0)), at_
        );
        settlement = Settlement(at_);
    }

    function test_domainSeparator() public view {
        assertEq(settlement.DOMAIN_SEPARATOR(), vm.parseJsonBytes32(json, ".domain.separator"));
    }

    function test_operatorSetsPackAndHashAlike() public view {
        for (uint256 i = 0; i < 2; ++i) {
            string memory set = string.concat(".operatorSets[", vm.toString(i), "]");
            bytes32[] memory seats = seatsOf(i);
            for (uint256 j = 0; j < seats.length; ++j) {
                string memory operator = string.concat(set, ".operators[", vm.toString(j), "]");
                address signer = vm.parseJsonAddress(json, string.concat(operator, ".address"));
                uint256 weight = vm.parseJsonUint(json, string.concat(operator, ".weight"));
                assertEq(seats[j], Operators.seat(signer, uint96(weight)));
                assertEq(vm.addr(vm.parseJsonUint(json, string.concat(operator, ".privateKey"))), signer);
            }
            bytes32 expected = vm.parseJsonBytes32(json, string.concat(set, ".operatorSetHash"));
            assertEq(keccak256(abi.encodePacked(seats)), expected);
        }
        assertEq(settlement.operatorSetHash(), vm.parseJsonBytes32(json, ".operatorSets[0].operatorSetHash"));
    }

    function test_checkpointsAreAcceptedOneAfterTheOther() public {
        for (uint256 i = 0; i < 3; ++i) {
            string memory vector = string.concat(".checkpoints[", vm.toString(i), "]");
            Checkpoint memory checkpoint = checkpointAt(string.concat(vector, ".checkpoint"));
            bytes32 digest = vm.parseJsonBytes32(json, string.concat(vector, ".digest"));
            assertEq(settlement.checkpointDigest(checkpoint), digest);

            settlement.submitCheckpoint(
                checkpoint,
                seatsOf(vm.parseJsonUint(json, string.concat(vector, ".operatorSet"))),
                vm.parseJsonUint(json, string.concat(vector, ".signers")),
                vm.parseJsonBytes(json, string.concat(vector, ".signatures"))
            );
            last = Roots(checkpoint.stateRoot, checkpoint.withdrawalsRoot, checkpoint.exitRoot);
            LatestCheckpoint memory latest = settlement.latestCheckpoint();
            assertEq(latest.epoch, checkpoint.epoch);
            assertEq(latest.height, checkpoint.height);
            assertEq(latest.inboxCount, checkpoint.inboxCount);
            assertEq(latest.nextOperatorSet, checkpoint.nextOperatorSet);
            assertEq(latest.rootsHash, vm.parseJsonBytes32(json, string.concat(vector, ".rootsHash")));
        }
    }

    function test_leavesRootsAndProofs() public view {
        bytes32[] memory all = leaves();
        for (uint256 i = 0; vm.keyExistsJson(json, string.concat(".trees[", vm.toString(i), "]")); ++i) {
            string memory tree = string.concat(".trees[", vm.toString(i), "]");
            uint256 size = vm.parseJsonUint(json, string.concat(tree, ".size"));
            bytes32[] memory some = new bytes32[](size);
            for (uint256 j = 0; j < size; ++j) {
                some[j] = all[j];
            }
            assertEq(MerkleTree.root(some), vm.parseJsonBytes32(json, string.concat(tree, ".root")));
            for (uint256 j = 0; j < size; ++j) {
                bytes32[] memory proof =
                    vm.parseJsonBytes32Array(json, string.concat(tree, ".proofs[", vm.toString(j), "]"));
                assertEq(MerkleTree.proof(some, j), proof);
            }
        }
    }

    function test_paysTheWithdrawalsOfTheLargestTree() public {
        assertTrue(token.transfer(address(settlement), type(uint128).max));
        test_checkpointsAreAcceptedOneAfterTheOther();
        for (uint64 i = 0; i < 17; ++i) {
            string memory withdrawal = string.concat(".withdrawals[", vm.toString(i), "]");
            address recipient = vm.parseJsonAddress(json, string.concat(withdrawal, ".recipient"));
            uint128 amount = uint128(vm.parseJsonUint(json, string.concat(withdrawal, ".amount")));
            bytes32[] memory proof =
                vm.parseJsonBytes32Array(json, string.concat(".trees[12].proofs[", vm.toString(i), "]"));
            // Amounts up to the largest: the tokens go around.
            deal(address(token), address(settlement), amount);
            settlement.withdraw(last, i, recipient, amount, proof);
            assertEq(token.balanceOf(recipient), amount);
        }
    }

    function seatsOf(uint256 set) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(".operatorSets[", vm.toString(set), "].seats"));
    }

    function checkpointAt(string memory path) private view returns (Checkpoint memory) {
        return Checkpoint({
            epoch: uint64(vm.parseJsonUint(json, string.concat(path, ".epoch"))),
            height: uint64(vm.parseJsonUint(json, string.concat(path, ".height"))),
            stateRoot: vm.parseJsonBytes32(json, string.concat(path, ".stateRoot")),
            withdrawalsRoot: vm.parseJsonBytes32(json, string.concat(path, ".withdrawalsRoot")),
            exitRoot: vm.parseJsonBytes32(json, string.concat(path, ".exitRoot")),
            inboxCount: uint64(vm.parseJsonUint(json, string.concat(path, ".inboxCount"))),
            nextOperatorSet: vm.parseJsonBytes32(json, string.concat(path, ".nextOperatorSet"))
        });
    }

    function leaves() private view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](17);
        for (uint64 i = 0; i < hashes.length; ++i) {
            string memory withdrawal = string.concat(".withdrawals[", vm.toString(i), "]");
            hashes[i] = MerkleTree.leaf(
                uint64(vm.parseJsonUint(json, string.concat(withdrawal, ".index"))),
                vm.parseJsonAddress(json, string.concat(withdrawal, ".recipient")),
                uint128(vm.parseJsonUint(json, string.concat(withdrawal, ".amount")))
            );
            assertEq(hashes[i], vm.parseJsonBytes32(json, string.concat(withdrawal, ".leaf")));
        }
    }
}
