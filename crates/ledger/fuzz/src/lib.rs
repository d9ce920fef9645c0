//! The bodies of the fuzz targets: the very files that the ledger's tests run for some seconds (`tests/economy`).
#![allow(dead_code, unused_imports, reason = "the tests use more of these files than the targets do")]

#[path = "../../tests/economy/fuzzing.rs"]
pub mod fuzzing;
#[path = "../../tests/economy/history/mod.rs"]
mod history;
