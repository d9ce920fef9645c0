// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICoreAdapter} from "../interfaces/ICoreAdapter.sol";

/// @notice Creation of operator sets as core v1.9 has it.
interface IOperatorSetsV19 {
    struct CreateSetParamsV2 {
        uint32 operatorSetId;
        address[] strategies;
        address slasher;
    }

    function createOperatorSets(address avs, CreateSetParamsV2[] calldata params) external;
}

/// @title CoreV19Adapter
/// @notice For core v1.9 and later: the AllocationManager stores one slasher with each operator set.
contract CoreV19Adapter is ICoreAdapter {
    address public immutable allocationManager;

    constructor(address allocationManager_) {
        allocationManager = allocationManager_;
    }

    /// @inheritdoc ICoreAdapter
    function creation(address avs, uint32 id, address[] memory strategies, address slasher)
        external
        view
        returns (Call[] memory calls)
    {
        IOperatorSetsV19.CreateSetParamsV2[] memory sets = new IOperatorSetsV19.CreateSetParamsV2[](1);
        sets[0] = IOperatorSetsV19.CreateSetParamsV2({operatorSetId: id, strategies: strategies, slasher: slasher});
        calls = new Call[](1);
        calls[0] = Call(allocationManager, abi.encodeCall(IOperatorSetsV19.createOperatorSets, (avs, sets)));
    }
}
