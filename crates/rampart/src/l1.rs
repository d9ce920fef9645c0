//! What commands on the L1 share: the endpoint, the contracts, whose account pays.
//!
//! None of them asks an operator anything: which contracts are meant comes from a file that the user trusts.

use crate::args::{KeyArgs, OutputArgs};
use crate::keys;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use clap::Args;
use rampart_chain::l1::{Governance, L1Contracts, Operators, Vault};
use rampart_protocol::Amount;
use std::path::{Path, PathBuf};

/// The L1, for reading.
#[derive(Clone, Debug, Args)]
pub struct L1Args {
    /// RPC endpoint of the L1.
    #[arg(long, env = "RAMPART_L1_RPC")]
    l1_rpc: String,
    /// JSON file with the addresses of Rampart's contracts on the L1, and of the EigenLayer core beside them.
    #[arg(long, env = "RAMPART_L1_CONTRACTS")]
    l1_contracts: PathBuf,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The L1, and whose account acts and pays there.
#[derive(Clone, Debug, Args)]
pub struct L1SendArgs {
    #[command(flatten)]
    pub l1: L1Args,
    #[command(flatten)]
    key: KeyArgs,
}

impl L1Args {
    /// The vault, on the chain that it is known to be on.
    pub async fn vault(&self, signer: Option<PrivateKeySigner>) -> anyhow::Result<Vault> {
        let vault = Vault::new(&self.l1_rpc, read_contracts(&self.l1_contracts)?, signer)?;
        vault.check_chain().await?;
        Ok(vault)
    }

    /// The service manager and EigenLayer's core, on the chain that they are known to be on.
    pub async fn operators(&self, signer: Option<PrivateKeySigner>) -> anyhow::Result<Operators> {
        let operators = Operators::new(&self.l1_rpc, read_contracts(&self.l1_contracts)?, signer)?;
        operators.check_chain().await?;
        Ok(operators)
    }

    /// The governor, on the chain that it is known to be on.
    pub async fn governance(&self, signer: Option<PrivateKeySigner>) -> anyhow::Result<Governance> {
        let governance = Governance::new(&self.l1_rpc, read_contracts(&self.l1_contracts)?, signer)?;
        governance.check_chain().await?;
        Ok(governance)
    }
}

impl L1SendArgs {
    /// The account that acts.
    pub fn unlock(&self) -> anyhow::Result<PrivateKeySigner> {
        keys::unlock(&self.key)
    }
}

/// Reads the file of contracts.
fn read_contracts(path: &Path) -> anyhow::Result<L1Contracts> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no contracts of the L1", path.display()))
}

/// Base units of the restaked asset or of the governance token, which have 18 decimals, in whole ones.
pub fn whole(units: u128) -> String {
    Amount(units).to_tokens()
}
