// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAllocationManager} from "../interfaces/IAllocationManager.sol";
import {ICoreAdapter} from "../interfaces/ICoreAdapter.sol";
import {IPermissionController} from "../interfaces/IPermissionController.sol";

/// @notice Creation of operator sets as core v1.3 has it.
interface IOperatorSetsV13 {
    struct CreateSetParams {
        uint32 operatorSetId;
        address[] strategies;
    }

    function createOperatorSets(address avs, CreateSetParams[] calldata params) external;
}

/// @title CoreV13Adapter
/// @notice For core v1.3 to v1.8: the slasher is an appointee of the service's account in the PermissionController, for
/// one function of one contract. The appointment outlasts a change of the account's admins, which the account's own
/// permission does not.
contract CoreV13Adapter is ICoreAdapter {
    address public immutable allocationManager;
    address public immutable permissionController;

    constructor(address allocationManager_, address permissionController_) {
        allocationManager = allocationManager_;
        permissionController = permissionController_;
    }

    /// @inheritdoc ICoreAdapter
    function creation(address avs, uint32 id, address[] memory strategies, address slasher)
        external
        view
        returns (Call[] memory calls)
    {
        IOperatorSetsV13.CreateSetParams[] memory sets = new IOperatorSetsV13.CreateSetParams[](1);
        sets[0] = IOperatorSetsV13.CreateSetParams({operatorSetId: id, strategies: strategies});
        calls = new Call[](2);
        calls[0] = Call(allocationManager, abi.encodeCall(IOperatorSetsV13.createOperatorSets, (avs, sets)));
        calls[1] = Call(
            permissionController,
            abi.encodeCall(
                IPermissionController.setAppointee,
                (avs, slasher, allocationManager, IAllocationManager.slashOperator.selector)
            )
        );
    }
}
