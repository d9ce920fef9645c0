//! Arguments that several commands share.

use clap::Args;
use rampart_protocol::Amount;
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
