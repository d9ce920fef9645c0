// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Outbox, Parameter} from "src/l1/Outbox.sol";
import {ErrorsLib} from "src/l1/libraries/ErrorsLib.sol";
import {EventsLib} from "src/l1/libraries/EventsLib.sol";

contract OutboxTest is Test {
    Outbox private outbox;
    address private manager = makeAddr("manager");
    address private vault = makeAddr("vault");
    address private timelock = makeAddr("timelock");
    address private alpha = makeAddr("alpha");
    address private ann = makeAddr("ann");

    function setUp() public {
        outbox = new Outbox(manager, vault, timelock);
    }

    function test_numbersAllWritersInOneSequence() public {
        assertEq(outbox.next(), 0);
        expectTold();
        emit EventsLib.OperatorStake(0, alpha, 5, 100_000);
        vm.prank(manager);
        outbox.tellOperatorStake(alpha, 5, 100_000);

        expectTold();
        emit EventsLib.InvestorWeight(1, alpha, ann, 7);
        vm.prank(vault);
        outbox.tellInvestorWeight(alpha, ann, 7);

        expectTold();
        emit EventsLib.Governance(2, 2, abi.encode(uint64(9)));
        vm.prank(timelock);
        outbox.suspend(9);

        expectTold();
        emit EventsLib.OperatorKeys(3, alpha, keccak256("key"), ann, hex"0102");
        vm.prank(manager);
        outbox.tellOperatorKeys(alpha, keccak256("key"), ann, hex"0102");
        assertEq(outbox.next(), 4);
    }

    function test_encodesEachDecision() public {
        vm.startPrank(timelock);
        expectDecision(0, 2, abi.encode(uint64(3)));
        outbox.suspend(3);
        expectDecision(1, 3, abi.encode(uint64(4)));
        outbox.expel(4);
        expectDecision(2, 4, abi.encode(uint64(5)));
        outbox.pardon(5);
        expectDecision(3, 5, abi.encode(uint64(6), uint128(7 ether)));
        outbox.slash(6, 7 ether);
        expectDecision(4, 6, abi.encode(keccak256("case"), true));
        outbox.judge(keccak256("case"), true);
        expectDecision(5, 7, abi.encode(ann, uint128(8 ether)));
        outbox.spend(ann, 8 ether);

        Parameter[] memory changes = parameters("protocol_cut", 2);
        expectDecision(6, 1, abi.encode(changes));
        outbox.setParameters(changes);
        vm.stopPrank();
    }

    /// @dev The bytes that a reader in another language has to decode.
    function test_parametersAreAnAbiEncodedListOfPairs() public {
        Parameter[] memory changes = new Parameter[](1);
        changes[0] = Parameter("wait_min", 3600);
        bytes memory data = abi.encodePacked(
            uint256(0x20), uint256(1), uint256(0x20), uint256(0x40), uint256(3600), uint256(8), bytes32("wait_min")
        );
        expectDecision(0, 1, data);
        vm.prank(timelock);
        outbox.setParameters(changes);
    }

    function test_nobodyElseWrites() public {
        address[4] memory callers = [manager, vault, timelock, ann];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.startPrank(callers[i]);
            if (callers[i] != manager) {
                expectUnauthorized(callers[i], manager);
                outbox.tellOperatorStake(alpha, 1, 1);
                expectUnauthorized(callers[i], manager);
                outbox.tellOperatorKeys(alpha, keccak256("key"), ann, "");
            }
            if (callers[i] != vault) {
                expectUnauthorized(callers[i], vault);
                outbox.tellInvestorWeight(alpha, ann, 1);
            }
            if (callers[i] != timelock) refusesDecisions(callers[i]);
            vm.stopPrank();
        }
        assertEq(outbox.next(), 0);
    }

    function refusesDecisions(address caller) private {
        expectUnauthorized(caller, timelock);
        outbox.setParameters(parameters("a", 1));
        expectUnauthorized(caller, timelock);
        outbox.suspend(1);
        expectUnauthorized(caller, timelock);
        outbox.expel(1);
        expectUnauthorized(caller, timelock);
        outbox.pardon(1);
        expectUnauthorized(caller, timelock);
        outbox.slash(1, 1);
        expectUnauthorized(caller, timelock);
        outbox.judge(bytes32(0), false);
        expectUnauthorized(caller, timelock);
        outbox.spend(ann, 1);
    }

    function test_takesNoMoreChangesThanTheLedgerDecodes() public {
        vm.startPrank(timelock);
        outbox.setParameters(parameters("a", 64));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidChangeCount.selector, 65, 64));
        outbox.setParameters(parameters("a", 65));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidChangeCount.selector, 0, 64));
        outbox.setParameters(parameters("a", 0));
        vm.stopPrank();
    }

    function test_takesNamesInSnakeCaseOnly() public {
        vm.startPrank(timelock);
        outbox.setParameters(parameters("abcdefghijklmnopqrstuvwxyz_01234", 1));
        outbox.setParameters(parameters("z_9", 1));
        outbox.setParameters(parameters("5678", 1));
        string[10] memory bad =
            ["", "abcdefghijklmnopqrstuvwxyz_012345", "A", "a b", "a-b", "a.b", "{", "`", "/", unicode"é"];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidParameterName.selector, bad[i]));
            outbox.setParameters(parameters(bad[i], 1));
        }
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InvalidParameterName.selector, ":"));
        outbox.setParameters(parameters(":", 1));
        vm.stopPrank();
    }

    function test_refusesWritersWithoutAddress() public {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.InvalidDependency.selector, address(0));
        vm.expectRevert(reason);
        new Outbox(address(0), vault, timelock);
        vm.expectRevert(reason);
        new Outbox(manager, address(0), timelock);
        vm.expectRevert(reason);
        new Outbox(manager, vault, address(0));
    }

    function testFuzz_namesAreExactlyThoseOfTheAlphabet(bytes1 c) public {
        Parameter[] memory changes = parameters(string(abi.encodePacked("a", c)), 1);
        bool good = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x5f;
        if (!good) vm.expectRevert();
        vm.prank(timelock);
        outbox.setParameters(changes);
    }

    function parameters(string memory name, uint256 count) private pure returns (Parameter[] memory list) {
        list = new Parameter[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = Parameter(name, uint128(i));
        }
    }

    function expectTold() private {
        vm.expectEmit(address(outbox));
    }

    function expectDecision(uint64 index, uint8 kind, bytes memory data) private {
        vm.expectEmit(address(outbox));
        emit EventsLib.Governance(index, kind, data);
    }

    function expectUnauthorized(address caller, address expected) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Unauthorized.selector, caller, expected));
    }
}
