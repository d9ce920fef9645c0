// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";

/// @notice Which signatures, on which positions, with which weight, make a quorum.
contract SettlementQuorumTest is SettlementFixture {
    using Operators for Operators.Set;

    /// @dev Order of the secp256k1 group.
    uint256 private constant N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function test_refusesNobody() public {
        refused(nextCheckpoint(), 0, "", abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 0, 4));
    }

    function test_acceptsAnyThreeOfFour() public {
        for (uint256 absent = 0; absent < 4; ++absent) {
            submit(nextCheckpoint(), 15 ^ (1 << absent));
        }
        assertEq(settlement.latestCheckpoint().height, 4);
    }

    function test_acceptsAllOfThem() public {
        submit(nextCheckpoint(), 15);
        assertEq(settlement.latestCheckpoint().height, 1);
    }

    function test_refusesTwoOfFour() public {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 2, 4);
        refused(nextCheckpoint(), 3, sign(nextCheckpoint(), 3), reason);
    }

    function test_exactlyTwoThirdsIsNoQuorum() public {
        deployWith(Operators.create(3, "three"));
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 2, 3);
        refused(nextCheckpoint(), 3, sign(nextCheckpoint(), 3), reason);
        submit(nextCheckpoint(), 7);
    }

    function test_oneUnitAboveTwoThirdsIsAQuorum() public {
        Operators.Set memory set = Operators.create(2, "weights");
        (set.weights[0], set.weights[1]) = (200, 100);
        deployWith(set);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 200, 300);
        refused(nextCheckpoint(), 1, sign(nextCheckpoint(), 1), reason);

        set.weights[0] = 201;
        deployWith(set);
        submit(nextCheckpoint(), 1);
        assertEq(settlement.latestCheckpoint().height, 1);
    }

    function test_weightDecidesAndNotTheNumberOfSigners() public {
        Operators.Set memory set = Operators.create(10, "whale");
        set.weights[4] = 100;
        deployWith(set);
        uint256 allButTheWhale = Operators.first(10) ^ (1 << 4);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 9, 109);
        refused(nextCheckpoint(), allButTheWhale, sign(nextCheckpoint(), allButTheWhale), reason);
        submit(nextCheckpoint(), 1 << 4);
        assertEq(settlement.latestCheckpoint().height, 1);
    }

    function test_largestWeightsDoNotOverflow() public {
        Operators.Set memory set = Operators.create(2, "heavy");
        (set.weights[0], set.weights[1]) = (type(uint96).max - 1, 1);
        deployWith(set);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, 1, uint256(type(uint96).max));
        refused(nextCheckpoint(), 2, sign(nextCheckpoint(), 2), reason);
        submit(nextCheckpoint(), 1);
    }

    function testFuzz_refusesBitsBeyondTheSet(uint256 signers) public {
        vm.assume(signers >> 4 != 0);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.SignerBeyondSet.selector, signers, 4);
        refused(nextCheckpoint(), signers, sign(nextCheckpoint(), 15), reason);
    }

    function test_acceptsSetAsWideAsTheBitmap() public {
        deployWith(Operators.create(256, "wide"));
        submit(nextCheckpoint(), type(uint256).max);
        uint256 lastOnes = type(uint256).max << (256 - Operators.quorum(256));
        submit(nextCheckpoint(), lastOnes);
        assertEq(settlement.latestCheckpoint().height, 2);
    }

    function testFuzz_refusesSignaturesOfAnotherLength(uint256 length) public {
        length = bound(length, 0, 400);
        vm.assume(length != 195);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.SignaturesLengthMismatch.selector, 195, length);
        refused(nextCheckpoint(), 7, resized(sign(nextCheckpoint(), 7), length), reason);
    }

    function test_refusesSignaturesInAnotherOrder() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory swapped = bytes.concat(sign(checkpoint, 2), sign(checkpoint, 1), sign(checkpoint, 4));
        address[] memory signers = operators.signers;
        refused(checkpoint, 7, swapped, invalid(0, signers[0], signers[1]));
    }

    function test_refusesOneSignatureForThreePositions() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory one = sign(checkpoint, 1);
        address[] memory signers = operators.signers;
        refused(checkpoint, 7, bytes.concat(one, one, one), invalid(1, signers[1], signers[0]));
    }

    function test_refusesSignatureOfAStranger() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        Operators.Set memory strangers = Operators.create(1, "stranger");
        bytes memory theirs = strangers.sign(1, settlement.checkpointDigest(checkpoint));
        bytes memory signatures = bytes.concat(sign(checkpoint, 3), theirs);
        refused(checkpoint, 7, signatures, invalid(2, operators.signers[2], strangers.signers[0]));
    }

    function test_refusesBadSignatureEvenBeyondAQuorum() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = sign(checkpoint, 15);
        signatures[194 + 65] = 0x00;
        refused(checkpoint, 15, signatures, invalid(3, operators.signers[3], address(0)));
    }

    function test_refusesTheUpperHalfOfS() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(operators.keys[2], settlement.checkpointDigest(checkpoint));
        // The same signature in its other form: a bare ecrecover accepts it.
        (v, s) = (v == 27 ? 28 : 27, bytes32(N - uint256(s)));
        assertEq(ecrecover(settlement.checkpointDigest(checkpoint), v, r, s), operators.signers[2]);
        bytes memory signatures = bytes.concat(sign(checkpoint, 3), abi.encodePacked(r, s, v));
        refused(checkpoint, 7, signatures, invalid(2, operators.signers[2], address(0)));
    }

    function test_refusesRecoveryIdOfZeroOrOne() public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = sign(checkpoint, 7);
        signatures[64] = bytes1(uint8(signatures[64]) - 27);
        refused(checkpoint, 7, signatures, invalid(0, operators.signers[0], address(0)));
    }

    function test_refusesZeroSignature() public {
        bytes memory signatures = bytes.concat(new bytes(65), sign(nextCheckpoint(), 6));
        refused(nextCheckpoint(), 7, signatures, invalid(0, operators.signers[0], address(0)));
    }

    /// @dev A set is not checked again when it signs. Should one with a zero signer ever be certified, a malformed
    /// signature, which recovers to zero, must still not stand for it.
    function test_malformedSignatureDoesNotStandForAZeroSigner() public {
        Operators.Set memory broken = Operators.create(1, "broken");
        broken.signers[0] = address(0);
        Checkpoint memory handover = nextCheckpoint();
        handover.nextOperatorSet = broken.hash();
        submit(handover);
        operators = broken;
        refused(nextCheckpoint(), 1, new bytes(65), invalid(0, address(0), address(0)));
    }

    function testFuzz_refusesAnyFlippedBitOfASignature(uint256 bit) public {
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory signatures = sign(checkpoint, 7);
        bit = bound(bit, 0, signatures.length * 8 - 1);
        signatures[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        bytes32[] memory seats = operators.seats();
        vm.expectPartialRevert(ErrorsLib.InvalidSignature.selector);
        settlement.submitCheckpoint(checkpoint, seats, 7, signatures);
    }

    function testFuzz_refusesAnyFieldChangedAfterSigning(uint256 field, uint64 to, bytes32 root) public {
        depositAs(consumer, consumer, 1);
        Checkpoint memory checkpoint = nextCheckpoint();
        bytes memory before = abi.encode(checkpoint);
        bytes memory signatures = sign(checkpoint, 7);
        field = bound(field, 0, 6);
        if (field == 0) checkpoint.epoch = uint64(bound(to, 0, type(uint40).max));
        if (field == 1) checkpoint.height = uint64(bound(to, 1, type(uint64).max));
        if (field == 2) checkpoint.stateRoot = root;
        if (field == 3) checkpoint.withdrawalsRoot = root;
        if (field == 4) checkpoint.exitRoot = root;
        if (field == 5) checkpoint.inboxCount = to % 2;
        if (field == 6) checkpoint.nextOperatorSet = root == bytes32(0) ? keccak256("other") : root;
        vm.assume(keccak256(abi.encode(checkpoint)) != keccak256(before));
        bytes32[] memory seats = operators.seats();
        vm.expectPartialRevert(ErrorsLib.InvalidSignature.selector);
        settlement.submitCheckpoint(checkpoint, seats, 7, signatures);
    }

    /// @dev The rule itself, over sets of any size and weights: accepted exactly when 3 * signed > 2 * total.
    function testFuzz_acceptsExactlyMoreThanTwoThirds(uint256 count, uint96[16] calldata weights, uint256 signers)
        public
    {
        Operators.Set memory set = Operators.create(bound(count, 1, 16), "rule");
        signers = bound(signers, 0, Operators.first(set.keys.length));
        uint256 total = 0;
        uint256 signed = 0;
        for (uint256 i = 0; i < set.keys.length; ++i) {
            set.weights[i] = uint96(bound(weights[i], 1, type(uint96).max / 16));
            total += set.weights[i];
            if (signers & (1 << i) != 0) signed += set.weights[i];
        }
        deployWith(set);

        Checkpoint memory checkpoint = nextCheckpoint();
        if (3 * signed > 2 * total) {
            submit(checkpoint, signers);
            assertEq(settlement.latestCheckpoint().height, 1);
        } else {
            bytes memory reason = abi.encodeWithSelector(ErrorsLib.QuorumNotReached.selector, signed, total);
            refused(checkpoint, signers, sign(checkpoint, signers), reason);
        }
    }

    function sign(Checkpoint memory checkpoint, uint256 signers) private view returns (bytes memory) {
        return operators.sign(signers, settlement.checkpointDigest(checkpoint));
    }

    function invalid(uint256 position, address expected, address recovered) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ErrorsLib.InvalidSignature.selector, position, expected, recovered);
    }

    function resized(bytes memory from, uint256 length) private pure returns (bytes memory to) {
        to = new bytes(length);
        for (uint256 i = 0; i < length && i < from.length; ++i) {
            to[i] = from[i];
        }
    }
}
