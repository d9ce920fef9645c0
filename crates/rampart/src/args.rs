//! Arguments that several commands share.

use clap::Args;
use rampart_protocol::{Amount, Ppm};
use std::path::PathBuf;

/// Which deployment, through which operators.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// Base URL of an operator's API; repeat it to name several.
    #[arg(
        long = "node",
        env = "RAMPART_NODE",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8100"
    )]
    pub nodes: Vec<String>,
    /// JSON file with the operator set to trust. Without it the node is asked, and believed.
    #[arg(long, env = "RAMPART_OPERATORS")]
    pub operators: Option<PathBuf>,
}

/// Whose account.
#[derive(Clone, Debug, Args)]
pub struct KeyArgs {
    /// Web3 keystore with the account's key.
    #[arg(long, env = "RAMPART_KEYSTORE")]
    pub keystore: PathBuf,
    /// File with the keystore's password, readable by its owner only; asked on the terminal without it.
    #[arg(long, env = "RAMPART_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
}

/// How the result is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArgs {
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What a command that sends a transaction needs.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    #[command(flatten)]
    pub node: NodeArgs,
    #[command(flatten)]
    pub key: KeyArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Seconds to wait for the transaction to be final.
    #[arg(long, default_value_t = 30)]
    pub wait: u64,
}

/// Parses an amount in whole tokens, `12.5`.
pub fn tokens(text: &str) -> Result<Amount, String> {
    Amount::parse_tokens(text)
        .ok_or_else(|| "expected tokens with up to 18 decimals, such as 12.5".to_owned())
}

/// Parses a part of a hundred, `12.5`, with up to 4 decimals.
pub fn percent(text: &str) -> Result<Ppm, String> {
    let wrong = || "expected percent from 0 to 100 with up to 4 decimals, such as 12.5".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 4 {
        return Err(wrong());
    }
    // Seven digits at most: hundreds of percent in parts per million.
    let ppm = format!("{whole}{fraction:0<4}")
        .parse()
        .map(Ppm)
        .map_err(|_| wrong())?;
    if ppm > Ppm::ONE { Err(wrong()) } else { Ok(ppm) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn percent_are_read_to_the_millionth() {
        for (text, ppm) in [
            ("0", 0),
            ("100", 1_000_000),
            ("100.0000", 1_000_000),
            ("12.5", 125_000),
            ("0.0001", 1),
            ("007", 70_000),
        ] {
            assert_eq!(percent(text), Ok(Ppm(ppm)), "{text}");
        }
    }

    #[test]
    fn what_is_no_part_of_a_hundred_is_refused() {
        for text in [
            "", ".", "1.", ".5", "-1", "+1", "100.0001", "101", "1e2", "0.00001", "50%", "9999",
        ] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
