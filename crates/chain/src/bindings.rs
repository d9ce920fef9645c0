//! Bindings of our own contracts, from the committed artifacts (`contracts/artifacts`), so that building Rust needs no
//! Solidity compiler. `cargo xtask test` rebuilds the artifacts and compares.

#![allow(missing_docs, reason = "generated from the contracts' ABI, documented there")]
#![allow(clippy::too_many_arguments, reason = "a permit has that many")]

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    SettlementContract,
    "../../contracts/artifacts/Settlement.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    UtilityTokenContract,
    "../../contracts/artifacts/UtilityToken.json"
);

alloy::sol!(
    #[sol(rpc)]
    DevTokenContract,
    "../../contracts/artifacts/DevToken.json"
);

/// In a module of its own, because both adapters declare the same interface.
pub mod core_v13 {
    alloy::sol!(
        #[sol(rpc)]
        CoreV13AdapterContract,
        "../../contracts/artifacts/CoreV13Adapter.json"
    );
}

/// In a module of its own, because both adapters declare the same interface.
pub mod core_v19 {
    alloy::sol!(
        #[sol(rpc)]
        CoreV19AdapterContract,
        "../../contracts/artifacts/CoreV19Adapter.json"
    );
}

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    GovernanceTokenContract,
    "../../contracts/artifacts/GovernanceToken.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    OutboxContract,
    "../../contracts/artifacts/Outbox.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    RestakingVaultContract,
    "../../contracts/artifacts/RestakingVault.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    ServiceManagerContract,
    "../../contracts/artifacts/ServiceManager.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    GovernorContract,
    "../../contracts/artifacts/RampartGovernor.json"
);

alloy::sol!(
    #[sol(rpc)]
    #[derive(Debug, PartialEq, Eq)]
    TimelockContract,
    "../../contracts/artifacts/TimelockController.json"
);
