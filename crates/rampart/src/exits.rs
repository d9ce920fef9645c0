//! Proofs with which accounts leave a frozen settlement (X2): where they come from, what is checked of them, and how they
//! are kept while operators still answer: `rampart account exit-proof`, `rampart network exits`.
//!
//! What an operator says is checked against the roots that the settlement holds where an endpoint of the L2 is named, and
//! otherwise against a quorum of signatures. A file is checked when it is used.

use crate::args::{NodeArgs, OutputArgs};
use crate::output;
use crate::session::Session;
use anyhow::{Context, ensure};
use clap::Args;
use rampart_chain::Settlement;
use rampart_client::{ExitError, NodeClient, verify_archive, verify_proof, verify_roots, verify_signatures};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{
    Address, Amount, B256, Checkpoint, ExitArchive, OperatorSet, ProvableExits, ProvenExit, Roots,
};
use serde::Deserialize;
use serde_json::json;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often an operator is asked that may have answered just before a newer checkpoint was accepted.
const ATTEMPTS: usize = 5;
/// Time between two such questions: operators look at the chain once a second.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whom to ask, and what to check it against.
#[derive(Debug, Args)]
pub struct SourceArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// RPC endpoint of the L2, to check against the roots that the settlement holds. Without it, signatures of a quorum of
    /// the operator set must do, which do not tell whether the checkpoint is the last one.
    #[arg(long, env = "RAMPART_L2_RPC")]
    l2_rpc: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a node's word is checked against.
struct Trust {
    session: Session,
    settlement: Option<Settlement>,
}

impl Trust {
    async fn open(args: &SourceArgs) -> anyhow::Result<Self> {
        let session = Session::open(&args.node).await?;
        let domain = session.domain;
        let settlement = match &args.l2_rpc {
            Some(rpc) => {
                let settlement = Settlement::new(rpc, domain.settlement, None)?;
                settlement.check_chain(domain.chain_id).await?;
                Some(settlement)
            }
            None => None,
        };
        if settlement.is_none() && args.node.operators.is_none() {
            output::remark(
                "this is checked by the word of the operator that gives it alone: name the operator set that you trust with \
                 --operators, or an endpoint of the L2 with --l2-rpc",
            );
        }
        Ok(Self { session, settlement })
    }

    async fn check(&self, checkpoint: &Checkpoint, signatures: &[EcdsaSignature]) -> anyhow::Result<()> {
        match &self.settlement {
            Some(settlement) => verify_roots(checkpoint, &settlement.roots().await?)?,
            None => {
                let known = self.session.operators.known_for(checkpoint.epoch).await;
                let set = known
                    .verifier(checkpoint.epoch)
                    .map(|_| known.set(checkpoint.epoch))?;
                let set = set.context("the operators of the checkpoint's epoch are not known")?;
                verify_signatures(checkpoint, signatures, set).context(
                    "name an endpoint of the L2 with --l2-rpc to check this by the settlement itself",
                )?;
            }
        }
        Ok(())
    }

    /// Whether what failed may hold in a moment: the operator has not learned of the last checkpoint yet.
    fn may_pass(error: &anyhow::Error) -> bool {
        matches!(error.downcast_ref(), Some(ExitError::NotLast { .. }))
    }
}

/// `rampart account exit-proof`
pub async fn proof(account: Address, save: Option<PathBuf>, args: SourceArgs) -> anyhow::Result<()> {
    let trust = Trust::open(&args).await?;
    let mut attempts = 1..ATTEMPTS;
    let exit = loop {
        let exit = trust.session.client.exit(account).await?;
        of(&verify_proof(&exit)?, account)?;
        match trust.check(&exit.checkpoint, &exit.signatures).await {
            Err(error) if Trust::may_pass(&error) && attempts.next().is_some() => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            checked => break checked.map(|()| exit)?,
        }
    };
    if let Some(path) = &save {
        write(path, serde_json::to_string_pretty(&exit)?.as_bytes())?;
    }
    output::print(args.output, &exit, |exit| {
        let line = format!(
            "the checkpoint of height {} gives {account} {} tokens",
            exit.checkpoint.height,
            exit.amount.to_tokens()
        );
        let saved = save.as_deref().map(|path| kept(path, "proof"));
        std::iter::once(line).chain(saved).collect()
    })
}

/// `rampart network exits`
pub async fn archive(save: &Path, args: SourceArgs) -> anyhow::Result<()> {
    let trust = Trust::open(&args).await?;
    let mut attempts = 1..ATTEMPTS;
    let exits = loop {
        let exits = verify_archive(
            trust.session.client.exits().await?,
            trust.session.operators.known().newest(),
        )?;
        let archive = exits.archive();
        match trust.check(&archive.checkpoint, &archive.signatures).await {
            Err(error) if Trust::may_pass(&error) && attempts.next().is_some() => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            checked => break checked.map(|()| exits)?,
        }
    };
    let archive = exits.archive();
    write(save, &archive.to_bytes())?;
    let amounts = archive.exits().map(|(_, amount)| amount.0);
    let total = Amount(amounts.fold(0u128, u128::saturating_add));
    let result = json!({
        "height": archive.checkpoint.height, "accounts": archive.len(), "total": total, "file": save,
    });
    output::print(args.output, &result, |_| {
        let line = format!(
            "the checkpoint of height {} gives {} accounts {} tokens",
            archive.checkpoint.height,
            archive.len(),
            total.to_tokens()
        );
        vec![line, kept(save, "exits")]
    })
}

fn kept(path: &Path, option: &str) -> String {
    let path = path.display();
    format!("kept in {path}; once frozen: rampart account exit --{option} {path}")
}

/// Where the proof of an exit comes from.
#[derive(Debug)]
pub enum Source {
    /// A file with one.
    Proof(PathBuf),
    /// A file with everybody's.
    Archive(PathBuf),
    /// Operators that still answer.
    Operators(Vec<String>),
}

/// A file with one exit. What else is in it is for people.
#[derive(Deserialize)]
struct Kept {
    account: Address,
    amount: Amount,
    proof: Vec<B256>,
}

impl Source {
    /// The exit of an account, or of the caller's `own`; of a file with one, whose it is. Checked against the settlement's
    /// roots.
    pub async fn exit(
        self,
        account: Option<Address>,
        own: Address,
        operators: &OperatorSet,
        roots: &Roots,
    ) -> anyhow::Result<ProvenExit> {
        let wanted = account.unwrap_or(own);
        let exit = match &self {
            Self::Proof(path) => {
                let exit = kept_in(path)?;
                of(&exit, account.unwrap_or(exit.account))?;
                exit
            }
            Self::Archive(path) => {
                let exits = archive_in(path, operators)?;
                let height = exits.archive().checkpoint.height;
                exits
                    .of(wanted)
                    .with_context(|| format!("the checkpoint of height {height} knows no account {wanted}"))?
            }
            Self::Operators(nodes) => {
                let exit = NodeClient::new(nodes.clone()).exit(wanted).await.context(
                    "no operator gave the proof; with one that was kept, name it with --proof or --exits",
                )?;
                let exit = verify_proof(&exit)?;
                of(&exit, wanted)?;
                exit
            }
        };
        ensure!(
            exit.is_under(roots),
            "the proof does not lead to the exit root of the last checkpoint that the settlement accepted, {}: it is of \
             another checkpoint",
            roots.exit_root
        );
        Ok(exit)
    }
}

fn of(exit: &ProvenExit, asked: Address) -> Result<(), ExitError> {
    if exit.account == asked {
        return Ok(());
    }
    Err(ExitError::OtherAccount {
        given: exit.account,
        asked,
    })
}

fn kept_in(path: &Path) -> anyhow::Result<ProvenExit> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let kept: Kept =
        serde_json::from_str(&text).with_context(|| format!("{} holds no exit", path.display()))?;
    Ok(ProvenExit {
        account: kept.account,
        amount: kept.amount,
        proof: kept.proof,
    })
}

fn archive_in(path: &Path, operators: &OperatorSet) -> anyhow::Result<ProvableExits> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let usable = || format!("{} cannot be used", path.display());
    let archive = ExitArchive::from_bytes(bytes.into()).with_context(usable)?;
    verify_archive(archive, operators).with_context(usable)
}

/// Writes a file whole, in place of one that may be there, which is kept if this fails.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_exit_is_an_account_an_amount_in_base_units_and_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exit.json");
        let text = format!(
            r#"{{"account":"0x{}","amount":"12","proof":["0x{}"],"checkpoint":{{"height":5}}}}"#,
            "11".repeat(20),
            "22".repeat(32)
        );
        write(&path, b"an older one").unwrap();
        write(&path, text.as_bytes()).unwrap();
        let exit = kept_in(&path).unwrap();
        assert_eq!(exit.account, Address::repeat_byte(0x11));
        assert_eq!(
            (exit.amount, exit.proof),
            (Amount(12), vec![B256::repeat_byte(0x22)])
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
