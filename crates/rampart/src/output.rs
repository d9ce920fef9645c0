//! Results on standard output: lines for a person, or one JSON value.

use crate::args::OutputArgs;
use serde::Serialize;

/// Prints `value` as JSON if asked to, else the lines.
pub fn print<T: Serialize>(
    args: OutputArgs,
    value: &T,
    lines: impl FnOnce(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(value)?);
    } else {
        for line in lines(value) {
            println!("{line}");
        }
    }
    Ok(())
}
