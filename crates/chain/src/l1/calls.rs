//! EigenLayer's core as we call it, written by its ABI: the same in versions 1.3 and 1.9 but for what the adapters hide.

#![allow(missing_docs, reason = "generated from signatures that EigenLayer documents")]
#![allow(clippy::too_many_arguments, reason = "a constructor has that many")]

alloy::sol! {
    /// An operator set of a service.
    #[derive(Debug)]
    struct OperatorSet { address avs; uint32 id; }

    #[sol(rpc)]
    interface IAllocationManager {
        struct AllocateParams { OperatorSet operatorSet; address[] strategies; uint64[] newMagnitudes; }
        struct Allocation { uint64 currentMagnitude; int128 pendingDiff; uint32 effectBlock; }
        struct RegisterParams { address avs; uint32[] operatorSetIds; bytes data; }
        struct DeregisterParams { address operator; address avs; uint32[] operatorSetIds; }

        constructor(
            address delegation, address pauserRegistry, address permissionController, uint32 deallocationDelay,
            uint32 allocationConfigurationDelay, string version
        );
        function initialize(address initialOwner, uint256 initialPausedStatus) external;
        function ALLOCATION_CONFIGURATION_DELAY() external view returns (uint32);
        function getAllocationDelay(address operator) external view returns (bool isSet, uint32 delay);
        function getAllocation(address operator, OperatorSet memory operatorSet, address strategy)
            external view returns (Allocation memory);
        function getMaxMagnitude(address operator, address strategy) external view returns (uint64);
        function modifyAllocations(address operator, AllocateParams[] memory params) external;
        function registerForOperatorSets(address operator, RegisterParams memory params) external;
        function deregisterFromOperatorSets(DeregisterParams memory params) external;
    }

    #[sol(rpc)]
    interface IDelegationManager {
        struct Withdrawal {
            address staker; address delegatedTo; address withdrawer; uint256 nonce; uint32 startBlock;
            address[] strategies; uint256[] scaledShares;
        }

        constructor(
            address strategyManager, address eigenPodManager, address allocationManager, address pauserRegistry,
            address permissionController, uint32 minWithdrawalDelay, string version
        );
        function initialize(address initialOwner, uint256 initialPausedStatus) external;
        function registerAsOperator(address initDelegationApprover, uint32 allocationDelay, string memory metadataURI) external;
        function getQueuedWithdrawalRoots(address staker) external view returns (bytes32[] memory);
        function isOperator(address operator) external view returns (bool);
        function undelegate(address staker) external returns (bytes32[] memory withdrawalRoots);
        function minWithdrawalDelayBlocks() external view returns (uint32);
        function queuedWithdrawals(bytes32 withdrawalRoot) external view returns (Withdrawal memory);
    }

    #[sol(rpc)]
    interface IStrategyManager {
        constructor(address delegation, address pauserRegistry, string version);
        function initialize(address initialOwner, address initialStrategyWhitelister, uint256 initialPausedStatus) external;
        function addStrategiesToDepositWhitelist(address[] memory strategies) external;
    }

    interface IEigenPodManager {
        constructor(
            address ethPOS, address eigenPodBeacon, address delegationManager, address pauserRegistry, string version
        );
        function initialize(address initialOwner, uint256 initPausedStatus) external;
    }

    interface IPermissionController {
        constructor(string version);
    }

    interface IPauserRegistry {
        constructor(address[] pausers, address unpauser);
    }

    interface IStrategy {
        constructor(address strategyManager, address pauserRegistry, string version);
        function initialize(address underlyingToken) external;
    }

    interface IProxy {
        constructor(address logic, address admin, bytes data);
    }
}

alloy::sol! {
    /// What an operator brings to its registration: `ServiceManager.Registration`, which the core passes on as bytes.
    struct KeyRegistration {
        bytes32 consensusKey;
        bytes consensusSignature;
        address checkpointKey;
        bytes checkpointSignature;
        uint32 commission;
    }
}
