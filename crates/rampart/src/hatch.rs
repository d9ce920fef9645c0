//! `rampart account force`, `freeze`, `exit`, `recover-deposit`: what an account can do on the L2 when the operators
//! ignore it or are gone (X2).
//!
//! None of these needs an operator: the settlement's address comes from the pinned operator set, and an exit's proof from a
//! file that was kept, though an operator is asked for it where none is named. What keeps those files is in [`exits`].

use crate::args::{KeyArgs, OutputArgs, tokens};
use crate::session::read_operators;
use crate::{exits, keys, output};
use clap::{Args, Subcommand};
use rampart_chain::Settlement;
use rampart_protocol::message::{Transfer, Withdraw};
use rampart_protocol::{Address, Amount, Bytes, Message, Nonce, ProvenExit};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put a message into the ledger by the L2, which no operator can leave out; for when they ignore what they are sent.
    #[command(subcommand)]
    Force(Forced),
    /// Freeze the settlement for ever: because no checkpoint came for its exit delay, or because a forced message was not
    /// consumed for its force delay. Everyone can leave then.
    Freeze {
        /// Position of the forced message that was ignored; without it, the operators must be silent.
        #[arg(long)]
        ignored: Option<u64>,
        #[command(flatten)]
        l2: L2Args,
    },
    /// Have an account of a frozen settlement paid what the last checkpoint gives it. Anyone may; the account receives.
    /// Without a file that was kept, an operator is asked for the proof.
    Exit {
        /// The account; the caller's without it.
        #[arg(long)]
        account: Option<Address>,
        /// JSON file that `account exit-proof --save` wrote: `account`, `amount` (base units) and `proof` (hashes up to the
        /// last checkpoint's exit root).
        #[arg(long, conflicts_with = "exits")]
        proof: Option<PathBuf>,
        /// Archive of everybody's exits that `network exits --save` wrote.
        #[arg(long)]
        exits: Option<PathBuf>,
        /// Base URL of an operator's API, to ask if no file is named; repeat it to name several.
        #[arg(
            long = "node",
            env = "RAMPART_NODE",
            value_delimiter = ',',
            default_value = "http://127.0.0.1:8100"
        )]
        nodes: Vec<String>,
        #[command(flatten)]
        l2: L2Args,
    },
    /// Show what an account could leave with if the settlement froze now, and keep the proof with which it leaves. It is
    /// worth something until the next checkpoint: fetch it anew from time to time.
    ExitProof {
        /// The account.
        account: Address,
        /// File to write, for `account exit --proof`; one that is there is replaced.
        #[arg(long)]
        save: Option<PathBuf>,
        #[command(flatten)]
        source: exits::SourceArgs,
    },
    /// Have a deposit that the ledger of a frozen settlement never consumed paid back. Anyone may; the account receives.
    RecoverDeposit {
        /// The deposit's position in the inbox.
        index: u64,
        /// What was deposited, in whole tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        /// The account that it was for; the caller's without it.
        #[arg(long)]
        account: Option<Address>,
        #[command(flatten)]
        l2: L2Args,
    },
}

/// What is forced.
#[derive(Debug, Subcommand)]
pub enum Forced {
    /// Move balance to another account of the ledger.
    Transfer {
        /// Who receives.
        #[arg(long)]
        to: Address,
        /// Whole tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        l2: L2Args,
    },
    /// Take balance out of the ledger, which costs the parameter `storage_fee` on top.
    Withdraw {
        /// Whole tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        /// Who is paid on the L2; the account itself without it.
        #[arg(long)]
        to: Option<Address>,
        #[command(flatten)]
        l2: L2Args,
    },
    /// Any message, in its canonical encoding.
    Message {
        /// The encoding, in hexadecimal. Its nonce counts for nothing.
        #[arg(value_parser = message)]
        message: Message,
        #[command(flatten)]
        l2: L2Args,
    },
}

/// The L2, and whose account pays there.
#[derive(Debug, Args)]
pub struct L2Args {
    /// RPC endpoint of the L2.
    #[arg(long, env = "RAMPART_L2_RPC")]
    l2_rpc: String,
    /// JSON file with the operator set to trust, or the network file: it says which contract is meant.
    #[arg(long, env = "RAMPART_OPERATORS")]
    operators: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl L2Args {
    /// The settlement contract, on the chain that it is known to be on, and the account.
    async fn open(&self) -> anyhow::Result<(Settlement, Address)> {
        let domain = read_operators(&self.operators)?.domain();
        let signer = keys::unlock(&self.key)?;
        let account = signer.address();
        let settlement = Settlement::new(&self.l2_rpc, domain.settlement, Some(signer))?;
        settlement.check_chain(domain.chain_id).await?;
        Ok((settlement, account))
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Force(Forced::Transfer { to, amount, l2 }) => {
            force(&l2, |_| {
                Transfer {
                    recipient: to,
                    amount,
                    nonce: Nonce(0),
                }
                .into()
            })
            .await
        }
        Command::Force(Forced::Withdraw { amount, to, l2 }) => {
            force(&l2, |account| {
                Withdraw {
                    recipient: to.unwrap_or(account),
                    amount,
                    nonce: Nonce(0),
                }
                .into()
            })
            .await
        }
        Command::Force(Forced::Message { message, l2 }) => force(&l2, |_| message).await,
        Command::Freeze { ignored, l2 } => freeze(ignored, &l2).await,
        Command::Exit {
            account,
            proof,
            exits,
            nodes,
            l2,
        } => {
            let source = match (proof, exits) {
                (Some(file), _) => exits::Source::Proof(file),
                (None, Some(file)) => exits::Source::Archive(file),
                (None, None) => exits::Source::Operators(nodes),
            };
            exit(account, source, &l2).await
        }
        Command::ExitProof {
            account,
            save,
            source,
        } => exits::proof(account, save, source).await,
        Command::RecoverDeposit {
            index,
            amount,
            account,
            l2,
        } => {
            let (settlement, own) = l2.open().await?;
            let account = account.unwrap_or(own);
            let (transaction, _) = settlement.recover_deposit(index, account, amount).await?;
            let result =
                json!({ "index": index, "account": account, "amount": amount, "transaction": transaction });
            output::print(l2.output, &result, |_| {
                let tokens = amount.to_tokens();
                vec![format!("paid {tokens} tokens to {account} in {transaction}")]
            })
        }
    }
}

async fn force(l2: &L2Args, message: impl FnOnce(Address) -> Message) -> anyhow::Result<()> {
    let (settlement, account) = l2.open().await?;
    let message = message(account);
    let name = message.name();
    let forced = settlement.force(message.to_bytes().into()).await?;
    let result = json!({
        "index": forced.index, "account": account, "message": name,
        "transaction": forced.transaction, "block": forced.block,
    });
    output::print(l2.output, &result, |_| {
        vec![format!(
            "{name} of {account} is entry {} of the inbox, in block {} of the L2; the ledger consumes it once that block is \
             final, or anyone may freeze after the force delay: rampart account freeze --ignored {}",
            forced.index, forced.block, forced.index
        )]
    })
}

async fn freeze(ignored: Option<u64>, l2: &L2Args) -> anyhow::Result<()> {
    let (settlement, _) = l2.open().await?;
    let (transaction, block) = match ignored {
        Some(index) => settlement.freeze_over_ignored(index).await?,
        None => settlement.freeze().await?,
    };
    let result = json!({ "transaction": transaction, "block": block });
    output::print(l2.output, &result, |_| {
        vec![format!(
            "the settlement is frozen for ever, in block {block} of the L2"
        )]
    })
}

async fn exit(account: Option<Address>, source: exits::Source, l2: &L2Args) -> anyhow::Result<()> {
    let operators = read_operators(&l2.operators)?;
    let (settlement, own) = l2.open().await?;
    let ProvenExit {
        account,
        amount,
        proof,
    } = source
        .exit(account, own, &operators.set, &settlement.roots().await?)
        .await?;
    let (transaction, _) = settlement.exit(account, amount, proof).await?;
    let result = json!({ "account": account, "amount": amount, "transaction": transaction });
    output::print(l2.output, &result, |_| {
        let tokens = amount.to_tokens();
        vec![format!("paid {tokens} tokens to {account} in {transaction}")]
    })
}

/// A message on the command line. What the ledger could not read would be consumed without effect.
fn message(text: &str) -> Result<Message, String> {
    let bytes: Bytes = text
        .parse()
        .map_err(|error| format!("a message is bytes in hexadecimal: {error}"))?;
    Message::from_bytes(&bytes).map_err(|error| format!("this is no message of the ledger: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_is_forced_only_if_the_ledger_can_read_it() {
        let transfer = Message::from(Transfer {
            recipient: Address::repeat_byte(1),
            amount: Amount(7),
            nonce: Nonce(0),
        });
        let text = Bytes::from(transfer.to_bytes()).to_string();
        assert_eq!(message(&text), Ok(transfer));
        for wrong in ["", "0x", "0xff00", "transfer", &text[..text.len() - 2]] {
            assert!(message(wrong).is_err(), "{wrong}");
        }
    }
}
