//! `rampart operator register`, `join` and so on: what an operator does on the L1 (O1, O6, X3).

use crate::args::percent;
use crate::keys;
use crate::l1::{L1Args, L1SendArgs};
use crate::output;
use alloy::primitives::U256;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use clap::Subcommand;
use ed25519_dalek::Signer as _;
use rampart_chain::l1::operators::OperatorStatus;
use rampart_chain::l1::{KeyProofs, Operators};
use rampart_node::keys::consensus_seed;
use rampart_protocol::{Address, B256, Ppm, SignedCheckpoint};
use serde_json::json;
use std::path::{Path, PathBuf};

/// All of an operator's magnitude on EigenLayer.
const WHOLE: u128 = 1_000_000_000_000_000_000;

/// The keys that an operator registers, as its configuration names them.
#[derive(Debug, clap::Args)]
pub struct KeyFiles {
    /// File with the Ed25519 consensus key: a keystore or 64 hex digits.
    #[arg(long)]
    consensus_key: PathBuf,
    /// Keystore with the checkpoint key; the account's own key without it.
    #[arg(long, requires = "checkpoint_password_file")]
    checkpoint_keystore: Option<PathBuf>,
    /// File with that keystore's password, and the consensus keystore's.
    #[arg(long)]
    checkpoint_password_file: Option<PathBuf>,
}

impl KeyFiles {
    /// The L1 as the operator acts there, its account, and both keys' proofs.
    async fn prove(&self, send: &L1SendArgs) -> anyhow::Result<(Operators, Address, KeyProofs)> {
        let account = send.unlock()?;
        let password = self.checkpoint_password_file.as_deref();
        let consensus = consensus(&self.consensus_key, password)?;
        let checkpoint = match self.checkpoint_keystore.as_deref().zip(password) {
            Some((keystore, password)) => unlocked(keystore, password)?,
            None => account.clone(),
        };
        let operator = account.address();
        let operators = send.l1.operators(Some(account)).await?;
        let proofs = prove(&operators, operator, &consensus, &checkpoint).await?;
        Ok((operators, operator, proofs))
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Become an operator of EigenLayer, that investors can restake to.
    Register {
        /// Blocks of the L1 from an allocation to its effect.
        #[arg(long, default_value_t = 0)]
        allocation_delay: u32,
        /// Where EigenLayer's interfaces find your name and logo.
        #[arg(long, default_value = "")]
        metadata_uri: String,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Allocate stake to Rampart: how much of what is restaked to you can be slashed for conflicting checkpoints, and counts.
    Allocate {
        /// Percent of your stake, such as 100.
        #[arg(value_parser = percent)]
        part: Ppm,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Join Rampart's operator set with your consensus key and your checkpoint key; each proves that you have it.
    Join {
        #[command(flatten)]
        keys: KeyFiles,
        /// Percent of the rewards that you keep before your investors share the rest; at most 20.
        #[arg(long, value_parser = percent)]
        commission: Ppm,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Replace your consensus key, your checkpoint key, or both; each proves that you have it.
    RotateKeys {
        #[command(flatten)]
        keys: KeyFiles,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Leave Rampart's operator set. The stake stays slashable for EigenLayer's delay.
    Leave {
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Change the percent of the rewards that you keep.
    Commission {
        /// At most 20.
        #[arg(value_parser = percent)]
        commission: Ppm,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Tell the ledger an operator's stake as EigenLayer has it, if it changed. Anyone may.
    Sync {
        /// The operator; the account itself without it.
        #[arg(long)]
        operator: Option<Address>,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Show where an operator stands on EigenLayer.
    Stake {
        /// The operator.
        address: Address,
        #[command(flatten)]
        l1: L1Args,
    },
    /// Have an operator slashed that signed two different checkpoints of one height, and receive the bounty. Anyone may.
    Accuse {
        /// JSON file with the two signed checkpoints, as a list.
        evidence: PathBuf,
        #[command(flatten)]
        send: L1SendArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Register {
            allocation_delay,
            metadata_uri,
            send,
        } => {
            let operators = send.l1.operators(Some(send.unlock()?)).await?;
            let transaction = operators
                .register_on_core(allocation_delay, &metadata_uri)
                .await?;
            done(
                &send,
                transaction,
                "an operator of EigenLayer now; next, once the allocation delay is in effect: \
                 rampart operator allocate, then join",
            )
        }
        Command::Allocate { part, send } => {
            let signer = send.unlock()?;
            let (operator, magnitude) = (signer.address(), magnitude(part)?);
            let operators = send.l1.operators(Some(signer)).await?;
            ensure!(
                operators.status(operator).await?.can_allocate,
                "the allocation delay of {operator} is not in effect yet: EigenLayer sets it some time after the registration"
            );
            let transaction = operators.allocate(operator, magnitude).await?;
            done(&send, transaction, "allocated")
        }
        Command::Join {
            keys,
            commission,
            send,
        } => {
            let (operators, operator, proofs) = keys.prove(&send).await?;
            let transaction = operators.join(operator, &proofs, commission).await?;
            done(&send, transaction, "joined")
        }
        Command::RotateKeys { keys, send } => {
            let (operators, _, proofs) = keys.prove(&send).await?;
            let transaction = operators.set_keys(&proofs).await?;
            done(
                &send,
                transaction,
                "the ledger is told of the new keys; keep the operator running with the old ones until \
                 rampart network operator-sets shows the new ones in the running epoch",
            )
        }
        Command::Leave { send } => {
            let signer = send.unlock()?;
            let operator = signer.address();
            let operators = send.l1.operators(Some(signer)).await?;
            let transaction = operators.leave(operator).await?;
            done(
                &send,
                transaction,
                "left; the stake stays slashable for EigenLayer's delay",
            )
        }
        Command::Commission { commission, send } => {
            let operators = send.l1.operators(Some(send.unlock()?)).await?;
            let transaction = operators.set_commission(commission).await?;
            done(&send, transaction, "the ledger is told of it")
        }
        Command::Sync { operator, send } => {
            let signer = send.unlock()?;
            let operator = operator.unwrap_or(signer.address());
            let operators = send.l1.operators(Some(signer)).await?;
            let transaction = operators.sync(operator).await?;
            done(&send, transaction, "up to date")
        }
        Command::Stake { address, l1 } => {
            let status = l1.operators(None).await?.status(address).await?;
            show(&l1, &status)
        }
        Command::Accuse { evidence, send } => accuse(&evidence, &send).await,
    }
}

/// Both keys' proofs that the operator has them.
pub async fn prove(
    operators: &Operators,
    operator: Address,
    consensus: &ed25519_dalek::SigningKey,
    checkpoint: &PrivateKeySigner,
) -> anyhow::Result<KeyProofs> {
    let consensus_key = B256::new(consensus.verifying_key().to_bytes());
    let checkpoint_key = checkpoint.address();
    let digest = operators
        .keys_digest(operator, consensus_key, checkpoint_key)
        .await?;
    Ok(KeyProofs {
        consensus_key,
        consensus_signature: consensus.sign(digest.as_slice()).to_bytes().to_vec().into(),
        checkpoint_key,
        checkpoint_signature: checkpoint.sign_hash_sync(&digest)?.as_bytes().to_vec().into(),
    })
}

/// From a keystore, which has the same password as that of the checkpoint key, or from digits.
fn consensus(path: &Path, password_file: Option<&Path>) -> anyhow::Result<ed25519_dalek::SigningKey> {
    let password = || match password_file {
        Some(path) => keys::read_secret(path),
        None => keys::ask("password of the consensus keystore: "),
    };
    let seed = consensus_seed(path, || password().map_err(std::io::Error::other))?;
    Ok(ed25519_dalek::SigningKey::from_bytes(&seed.0))
}

fn unlocked(keystore: &Path, password: &Path) -> anyhow::Result<PrivateKeySigner> {
    PrivateKeySigner::decrypt_keystore(keystore, keys::read_secret(password)?)
        .with_context(|| format!("the keystore {} cannot be unlocked", keystore.display()))
}

/// A part as EigenLayer counts it.
fn magnitude(part: Ppm) -> anyhow::Result<u64> {
    Ok(u64::try_from(
        WHOLE * u128::from(part.0) / u128::from(Ppm::ONE.0),
    )?)
}

fn done(send: &L1SendArgs, transaction: B256, says: &str) -> anyhow::Result<()> {
    output::print(send.l1.output, &json!({ "transaction": transaction }), |_| {
        vec![format!("{says} ({transaction})")]
    })
}

fn show(l1: &L1Args, status: &OperatorStatus) -> anyhow::Result<()> {
    let result = json!({
        "registered": status.registered, "canAllocate": status.can_allocate, "member": status.member,
        "stake": status.stake.to_string(), "told": status.told.to_string(),
    });
    let answer = |holds| if holds { "yes" } else { "no" };
    output::print(l1.output, &result, |_| {
        vec![
            format!("operator of EigenLayer   {}", answer(status.registered)),
            format!("can allocate             {}", answer(status.can_allocate)),
            format!("in Rampart's set         {}", answer(status.member)),
            format!("slashable stake          {}", units(status.stake)),
            format!("as the ledger was told   {}", units(status.told)),
        ]
    })
}

fn units(amount: U256) -> String {
    u128::try_from(amount).map_or_else(|_| amount.to_string(), crate::l1::whole)
}

async fn accuse(evidence: &Path, send: &L1SendArgs) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(evidence).with_context(|| format!("cannot read {}", evidence.display()))?;
    let [first, second]: [SignedCheckpoint; 2] = serde_json::from_str(&text)
        .with_context(|| format!("{} does not hold two signed checkpoints", evidence.display()))?;
    let signer = send.unlock()?;
    let recipient = signer.address();
    let operators = send.l1.operators(Some(signer)).await?;
    let punished = operators.slash_equivocation(&first, &second, recipient).await?;
    let result = json!({
        "slashed": punished.slashed.to_string(), "bounty": punished.bounty.to_string(),
        "transaction": punished.transaction,
    });
    output::print(send.l1.output, &result, |_| {
        let (slashed, bounty) = (units(punished.slashed), units(punished.bounty));
        vec![format!(
            "slashed {slashed}; bounty {bounty} ether ({})",
            punished.transaction
        )]
    })
}
