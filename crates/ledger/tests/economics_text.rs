//! The table of parameters in `docs/economics.md` is the one that the ledger enforces.
//!
//! `BLESS=1 cargo test -p rampart-ledger --test economics_text` writes it anew.

#![allow(clippy::unwrap_used, missing_docs)]

use rampart_ledger::Params;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- parameters: written by a test -->\n";
const END: &str = "<!-- end of parameters -->\n";

fn grouped(value: u128) -> String {
    if value >= 1_000_000_000_000 && value.is_multiple_of(1_000_000_000_000) {
        let zeros = value
            .to_string()
            .chars()
            .rev()
            .take_while(|digit| *digit == '0')
            .count();
        return format!("{}e{zeros}", value / 10u128.pow(u32::try_from(zeros).unwrap()));
    }
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn table() -> String {
    let mut out =
        format!("{BEGIN}| parameter | unit | default | from | to | why |\n|---|---|---|---|---|---|\n");
    for spec in Params::SPECS {
        let [default, min, max] = [spec.default, spec.min, spec.max].map(grouped);
        writeln!(
            out,
            "| `{}` | {} | {default} | {min} | {max} | {} |",
            spec.name, spec.unit, spec.reason
        )
        .unwrap();
    }
    out + END
}

#[test]
fn the_text_lists_every_parameter_as_the_ledger_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/economics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's begin");
    let (_, after) = rest.split_once(END).expect("the table's end");
    let expected = format!("{before}{}{after}", table());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        text == expected,
        "docs/economics.md is out of date: run with BLESS=1"
    );
}
