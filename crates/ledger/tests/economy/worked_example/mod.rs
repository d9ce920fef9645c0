//! docs/worked-example.md: the economy in numbers that a reader can follow with a calculator.
//!
//! The document is written by this test from the real ledger: its tables are the ledger's records, and each line that
//! is followed by hand is also typed into a calculator here and must come out as the ledger has it.
//! `BLESS=1 cargo test -p rampart-ledger --test economy worked_example` writes the file.

#![allow(clippy::disallowed_types, reason = "a pocket calculator has floating point")]
#![allow(clippy::disallowed_methods, reason = "BLESS comes from the environment")]

mod calculator;
pub mod cast;
mod page;
mod story;

use std::path::Path;

#[test]
fn the_worked_example_is_what_the_ledger_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/worked-example.md");
    let document = story::tell();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differ = written
        .lines()
        .zip(document.lines())
        .find(|(written, told)| written != told);
    assert!(
        written == document,
        "docs/worked-example.md is not what the ledger does (BLESS=1 rewrites it); first difference: {differ:?}"
    );
}
