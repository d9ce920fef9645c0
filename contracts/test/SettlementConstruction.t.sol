// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Operators} from "./support/Operators.sol";
import {SettlementFixture} from "./support/SettlementFixture.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Settlement} from "src/l2/Settlement.sol";
import {Checkpoint} from "src/l2/libraries/CheckpointLib.sol";
import {ErrorsLib} from "src/l2/libraries/ErrorsLib.sol";

contract SettlementConstructionTest is SettlementFixture {
    using Operators for Operators.Set;

    function test_startsEmptyWithTheGenesisSet() public view {
        Checkpoint memory nothing;
        nothing.nextOperatorSet = operators.hash();
        assertLatest(nothing, block.timestamp);
        assertEq(settlement.exitDelay(), EXIT_DELAY);
        assertEq(settlement.forceDelay(), FORCE_DELAY);
        assertEq(settlement.guardian(), guardian);
        assertEq(settlement.depositsPausedUntil(), 0);
        assertFalse(settlement.isFrozen());
        assertFalse(settlement.hasExited(consumer));
        assertEq(settlement.forcedAt(0), 0);
        assertEq(settlement.inboxCount(), 0);
        assertEq(address(settlement.token()), address(token));
        assertFalse(settlement.isWithdrawn(0));
    }

    function test_refusesTokenWithoutCode() public {
        bytes32[] memory seats = operators.seats();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TokenWithoutCode.selector, consumer));
        settlementOf(IERC20(consumer), seats);
    }

    function test_refusesDelaysThatAreZeroOrNeverEnd() public {
        bytes32[] memory seats = operators.seats();
        uint64[2] memory wrong = [0, settlement.MAX_DELAY() + 1];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(ErrorsLib.InvalidDelay.selector, wrong[i], 90 days);
            vm.expectRevert(reason);
            new Settlement(token, seats, wrong[i], FORCE_DELAY, guardian);
            vm.expectRevert(reason);
            new Settlement(token, seats, EXIT_DELAY, wrong[i], guardian);
        }
        assertEq(new Settlement(token, seats, 1, 1, guardian).exitDelay(), 1);
        assertEq(new Settlement(token, seats, 90 days, 90 days, guardian).forceDelay(), 90 days);
    }

    function test_refusesEmptySet() public {
        construct(new bytes32[](0), abi.encodeWithSelector(ErrorsLib.EmptyOperatorSet.selector));
    }

    function test_refusesZeroSigner() public {
        bytes32[] memory seats = operators.seats();
        seats[0] = Operators.seat(address(0), 1);
        construct(seats, abi.encodeWithSelector(ErrorsLib.InvalidSeat.selector, 0, address(0), 1));
    }

    function test_refusesZeroWeight() public {
        bytes32[] memory seats = operators.seats();
        seats[2] = Operators.seat(operators.signers[2], 0);
        construct(seats, abi.encodeWithSelector(ErrorsLib.InvalidSeat.selector, 2, operators.signers[2], 0));
    }

    function test_refusesDescendingSigners() public {
        bytes32[] memory seats = operators.seats();
        (seats[1], seats[2]) = (seats[2], seats[1]);
        address[] memory signers = operators.signers;
        construct(seats, abi.encodeWithSelector(ErrorsLib.SeatsNotAscending.selector, 2, signers[2], signers[1]));
    }

    function test_refusesOneSignerInTwoSeatsOfDifferentWeight() public {
        bytes32[] memory seats = new bytes32[](2);
        seats[0] = Operators.seat(consumer, 1);
        seats[1] = Operators.seat(consumer, 2);
        construct(seats, abi.encodeWithSelector(ErrorsLib.SeatsNotAscending.selector, 1, consumer, consumer));
    }

    function test_acceptsTheLargestTotalWeight() public {
        operators.weights[0] = type(uint96).max - 3;
        assertEq(settlementOf(token, operators.seats()).operatorSetHash(), operators.hash());
    }

    function test_refusesTotalWeightBeyond96Bits() public {
        operators.weights[0] = type(uint96).max - 2;
        uint256 total = uint256(type(uint96).max) + 1;
        bytes memory reason =
            abi.encodeWithSelector(ErrorsLib.TotalWeightTooLarge.selector, total, uint256(type(uint96).max));
        construct(operators.seats(), reason);
    }

    function test_acceptsAsManySeatsAsTheBitmapHasBits() public {
        bytes32[] memory seats = crowd(256);
        assertEq(settlementOf(token, seats).operatorSetHash(), keccak256(abi.encodePacked(seats)));
    }

    function test_refusesMoreSeatsThanTheBitmapHasBits() public {
        construct(crowd(257), abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 257, 256));
    }

    function testFuzz_acceptsAnyWellFormedSet(uint256 count, uint96[12] calldata weights) public {
        Operators.Set memory set = Operators.create(bound(count, 1, 12), "fuzz");
        for (uint256 i = 0; i < set.weights.length; ++i) {
            // A twelfth each at most, so that the sum fits.
            set.weights[i] = uint96(bound(weights[i], 1, type(uint96).max / 12));
        }
        assertEq(settlementOf(token, set.seats()).operatorSetHash(), set.hash());
    }

    function test_domainIsRampartOneOnThisChainAndContract() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address contract_,,) =
            settlement.eip712Domain();
        assertEq(fields, hex"0f");
        assertEq(name, "Rampart");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(contract_, address(settlement));
        assertEq(settlement.DOMAIN_SEPARATOR(), domainSeparator());
    }

    function test_domainFollowsTheChainId() public {
        bytes32 before = settlement.DOMAIN_SEPARATOR();
        vm.chainId(59_141);
        assertEq(settlement.DOMAIN_SEPARATOR(), domainSeparator());
        assertNotEq(settlement.DOMAIN_SEPARATOR(), before);
    }

    function testFuzz_digestIsEip712OfTheCheckpoint(Checkpoint calldata c) public view {
        bytes memory type_ =
            "Checkpoint(uint64 epoch,uint64 height,bytes32 stateRoot,bytes32 withdrawalsRoot,bytes32 exitRoot,uint64 inboxCount,bytes32 nextOperatorSet)";
        bytes memory words = bytes.concat(
            abi.encode(keccak256(type_), uint256(c.epoch), uint256(c.height), c.stateRoot),
            abi.encode(c.withdrawalsRoot, c.exitRoot, uint256(c.inboxCount), c.nextOperatorSet)
        );
        bytes32 expected = keccak256(abi.encodePacked("\x19\x01", domainSeparator(), keccak256(words)));
        assertEq(settlement.checkpointDigest(c), expected);
    }

    function construct(bytes32[] memory seats, bytes memory reason) private {
        vm.expectRevert(reason);
        settlementOf(token, seats);
    }

    function crowd(uint256 count) private pure returns (bytes32[] memory seats) {
        seats = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            seats[i] = Operators.seat(address(uint160(i + 1)), 1);
        }
    }

    function domainSeparator() private view returns (bytes32) {
        bytes memory type_ = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        bytes32 name = keccak256("Rampart");
        bytes32 version = keccak256("1");
        return keccak256(abi.encode(keccak256(type_), name, version, block.chainid, address(settlement)));
    }
}
