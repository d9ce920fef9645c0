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
