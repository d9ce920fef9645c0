//! `rampart account`: keys, balances, deposits, transfers, withdrawals. What needs no operator is in [`hatch`].

use crate::args::{KeyArgs, NodeArgs, OutputArgs, SendArgs, tokens};
use crate::session::{Session, applied, open};
use crate::submit::submit;
use crate::{hatch, keys, output};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use rampart_chain::Settlement;
use rampart_protocol::message::{Transfer, Withdraw};
use rampart_protocol::{Address, Amount, B256};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new key in a new keystore file.
    New {
        /// The file to write.
        keystore: PathBuf,
        /// File with the password to protect it; asked without it.
        #[arg(long, env = "RAMPART_PASSWORD_FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Put an existing private key, read from a file, into a new keystore file.
    Import {
        /// The file to write.
        keystore: PathBuf,
        /// File with the private key: 64 hexadecimal digits, readable by its owner only.
        #[arg(long)]
        private_key_file: PathBuf,
        /// File with the password to protect it; asked without it.
        #[arg(long, env = "RAMPART_PASSWORD_FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show an account's balance and nonce in the ledger.
    Show {
        /// The account.
        address: Address,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say what became of a transaction.
    Transaction {
        /// Its hash.
        hash: B256,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Deposit utility tokens from the L2 wallet into the ledger; they are credited once final there.
    Deposit {
        /// Whole tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        /// Account to credit; the depositor without it.
        #[arg(long)]
        to: Option<Address>,
        /// RPC endpoint of the L2.
        #[arg(long, env = "RAMPART_L2_RPC")]
        l2_rpc: String,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Move balance to another account of the ledger. The first transfer to an account opens it, which costs the
    /// parameter `storage_fee` on top.
    Transfer {
        /// Who receives.
        #[arg(long)]
        to: Address,
        /// Whole tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Take balance out of the ledger, which costs the parameter `storage_fee` on top; pay it out with `pay-out` once a
    /// checkpoint certifies it.
    Withdraw {
        /// Whole tokens, such as 12.5.
        #[arg(value_parser = tokens, required_unless_present = "all")]
        amount: Option<Amount>,
        /// All that the balance holds, less the storage fee.
        #[arg(long, conflicts_with = "amount")]
        all: bool,
        /// Who is paid on the L2; the account itself without it.
        #[arg(long)]
        to: Option<Address>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// List the withdrawals of a recipient.
    Withdrawals {
        /// The recipient.
        address: Address,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Have a certified withdrawal paid on the L2. Anyone may; the recipient receives.
    PayOut {
        /// The withdrawal's index.
        index: u64,
        /// RPC endpoint of the L2.
        #[arg(long, env = "RAMPART_L2_RPC")]
        l2_rpc: String,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    #[command(flatten)]
    Hatch(hatch::Command),
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Hatch(command) => hatch::run(command).await,
        Command::New {
            keystore,
            password_file,
            output,
        } => create(keys::new_account(), keystore, password_file, output),
        Command::Import {
            keystore,
            private_key_file,
            password_file,
            output,
        } => {
            let signer = keys::read_secret(&private_key_file)?
                .trim_start_matches("0x")
                .parse();
            create(
                signer.ok().context("the file holds no private key")?,
                keystore,
                password_file,
                output,
            )
        }
        Command::Show {
            address,
            node,
            output,
        } => {
            let account = Session::open(&node).await?.client.account(address).await?;
            output::print(output, &account, |account| {
                let mut lines = vec![
                    format!("balance  {} tokens", account.balance.to_tokens()),
                    format!("nonce    {}", account.nonce),
                ];
                if account.deposits > Amount::ZERO {
                    let held = account.deposits.to_tokens();
                    lines.push(format!(
                        "held     {held} tokens, fees of reviews that are not decided"
                    ));
                }
                lines.extend(account.provider.map(|provider| format!("provider {provider}")));
                lines
            })
        }
        Command::Transaction { hash, node, output } => {
            let view = Session::open(&node).await?.client.transaction(hash).await?;
            output::print(output, &view, |view| {
                vec![serde_json::to_string(view).unwrap_or_default()]
            })
        }
        Command::Deposit {
            amount,
            to,
            l2_rpc,
            send,
        } => deposit(amount, to, &l2_rpc, send).await,
        Command::Transfer { to, amount, send } => {
            let message = |nonce| Transfer {
                recipient: to,
                amount,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        // Without an amount the command line asks for `--all`.
        Command::Withdraw { amount, to, send, .. } => withdraw(amount, to, send).await,
        Command::Withdrawals {
            address,
            node,
            output,
        } => {
            let withdrawals = Session::open(&node).await?.client.withdrawals_of(address).await?;
            output::print(output, &withdrawals, |withdrawals| {
                let line = |w: &rampart_protocol::api::WithdrawalView| {
                    let state = if w.certified {
                        "certified"
                    } else {
                        "waiting for a checkpoint"
                    };
                    format!("{:>6}  {} tokens  {state}", w.index, w.amount.to_tokens())
                };
                withdrawals.iter().map(line).collect()
            })
        }
        Command::PayOut {
            index,
            l2_rpc,
            node,
            key,
            output,
        } => {
            let (session, signer) = open(&node, &key).await?;
            let withdrawal = session.client.withdrawal(index).await?;
            ensure!(
                withdrawal.certified,
                "withdrawal {index} is not certified by a checkpoint on the L2 yet; try again"
            );
            let settlement = Settlement::new(&l2_rpc, session.domain.settlement, Some(signer))?;
            let (transaction, _) = settlement
                .withdraw(index, withdrawal.recipient, withdrawal.amount, withdrawal.proof)
                .await?;
            let result = json!({ "index": index, "recipient": withdrawal.recipient, "amount": withdrawal.amount, "transaction": transaction });
            output::print(output, &result, |_| {
                vec![format!(
                    "paid {} tokens to {} in {transaction}",
                    withdrawal.amount.to_tokens(),
                    withdrawal.recipient
                )]
            })
        }
    }
}

fn create(
    signer: alloy::signers::local::PrivateKeySigner,
    keystore: PathBuf,
    password_file: Option<PathBuf>,
    output: OutputArgs,
) -> anyhow::Result<()> {
    let password = match password_file {
        Some(path) => keys::read_secret(&path)?,
        None => keys::ask_new()?,
    };
    keys::store(&signer, &keystore, &password)?;
    let result = json!({ "address": signer.address(), "keystore": keystore });
    output::print(output, &result, |_| {
        vec![format!("{}  {}", signer.address(), keystore.display())]
    })
}

async fn deposit(amount: Amount, to: Option<Address>, l2_rpc: &str, send: SendArgs) -> anyhow::Result<()> {
    let session = Session::open_pinned(&send.node).await?;
    let signer = keys::unlock(&send.key)?;
    let account = to.unwrap_or_else(|| signer.address());
    let settlement = Settlement::new(l2_rpc, session.domain.settlement, Some(signer))?;
    let (transaction, block) = settlement.deposit(account, amount).await?;
    let result = json!({ "account": account, "amount": amount, "transaction": transaction, "block": block });
    output::print(send.output, &result, |_| {
        vec![format!(
            "deposited {} tokens for {account} in block {block} of the L2; they are credited once that block is final",
            amount.to_tokens()
        )]
    })
}

/// Withdraws an amount, or all that there is.
async fn withdraw(amount: Option<Amount>, to: Option<Address>, send: SendArgs) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let recipient = to.unwrap_or_else(|| signer.address());
    let account = session.client.account(signer.address()).await?;
    let amount = match amount {
        Some(amount) => amount,
        None => all_but(account.balance, storage_fee(&session).await?)?,
    };
    let nonce = account.nonce;
    let submitted = session
        .send(
            &signer,
            Withdraw {
                recipient,
                amount,
                nonce,
            }
            .into(),
            send.wait,
        )
        .await?;
    let height = applied(&submitted)?;
    let index = session
        .client
        .withdrawals_of(recipient)
        .await?
        .last()
        .map(|withdrawal| withdrawal.index);
    let result = json!({ "hash": submitted.hash, "height": height, "index": index, "recipient": recipient, "amount": amount });
    output::print(send.output, &result, |_| {
        let index = index.map_or_else(|| "?".to_owned(), |index| index.to_string());
        vec![format!(
            "withdrawal {index} of {} tokens for {recipient}, at height {height}",
            amount.to_tokens()
        )]
    })
}

/// What a record costs that is kept for good.
pub async fn storage_fee(session: &Session) -> anyhow::Result<Amount> {
    let params = session.client.params().await?.params;
    let found = params.into_iter().find(|param| param.name == "storage_fee");
    let found = found.context("the node tells no parameter storage_fee")?;
    Ok(Amount(found.value.0))
}

/// What can be withdrawn of a balance when the fee for the withdrawal's own record is kept back.
fn all_but(balance: Amount, fee: Amount) -> anyhow::Result<Amount> {
    match balance.checked_sub(fee) {
        Some(rest) if rest > Amount::ZERO => Ok(rest),
        _ => bail!(
            "the balance of {} tokens is no more than the storage fee of {} tokens: nothing is left to withdraw",
            balance.to_tokens(),
            fee.to_tokens()
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn everything_is_the_balance_less_the_storage_fee() {
        assert_eq!(all_but(Amount(10), Amount(3)).unwrap(), Amount(7));
        assert_eq!(all_but(Amount(10), Amount(0)).unwrap(), Amount(10));
        for (balance, fee) in [(3, 3), (2, 3), (0, 0)] {
            let error = all_but(Amount(balance), Amount(fee)).unwrap_err().to_string();
            assert!(error.contains("nothing is left"), "{error}");
        }
    }
}
