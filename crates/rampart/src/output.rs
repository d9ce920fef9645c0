//! What is shown: results on standard output, as lines for a person or one JSON value, and remarks on standard error.
//!
//! Decides what becomes of text that cannot be written. The standard macros panic then, which would end a command in
//! the middle of its work, only because `| head` has read enough; this crate therefore denies them. Logs are not
//! written here.

use crate::args::OutputArgs;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Standard output takes nothing, and not because its reader has gone: a full disk, say.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError(#[source] std::io::Error);

/// Prints `value` as JSON if asked to, else the lines.
pub fn print<T: Serialize>(
    args: OutputArgs,
    value: &T,
    lines: impl FnOnce(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    if args.json {
        line(&serde_json::to_string_pretty(value)?)?;
    } else {
        // One after another: nothing is written if there is no line.
        for text in lines(value) {
            line(&text)?;
        }
    }
    Ok(())
}

/// Writes one text and a line break to standard output.
///
/// A reader that has gone has read what it wanted: that is no error, and what a command still has to do is done.
///
/// # Errors
/// Whatever else keeps the text from being written.
pub fn line(text: &str) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(OutputError(error)),
        _ => Ok(()),
    }
}

/// Writes one text and a line break to standard error, which is for people.
pub fn remark(text: &str) {
    // There is no further place where this failure could be told.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
