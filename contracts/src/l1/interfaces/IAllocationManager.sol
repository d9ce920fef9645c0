// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice An operator set of EigenLayer: the service's account, and a number that the service chose.
struct OperatorSet {
    address avs;
    uint32 id;
}

/// @title IAllocationManager
/// @notice What we call of EigenLayer's AllocationManager; the same ABI in core v1.3 and v1.9. (From v1.9 `slashOperator`
/// also answers with values, which nobody here reads.) Creating a set differs: see `ICoreAdapter`.
interface IAllocationManager {
    struct SlashingParams {
        address operator;
        uint32 operatorSetId;
        address[] strategies;
        uint256[] wadsToSlash;
        string description;
    }

    struct DeregisterParams {
        address operator;
        address avs;
        uint32[] operatorSetIds;
    }

    function updateAVSMetadataURI(address avs, string calldata metadataURI) external;
    function slashOperator(address avs, SlashingParams calldata params) external;
    function deregisterFromOperatorSets(DeregisterParams calldata params) external;
    function isMemberOfOperatorSet(address operator, OperatorSet memory operatorSet) external view returns (bool);
    function getMinimumSlashableStake(
        OperatorSet memory operatorSet,
        address[] memory operators,
        address[] memory strategies,
        uint32 futureBlock
    ) external view returns (uint256[][] memory slashableStake);
}
