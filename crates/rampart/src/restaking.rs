//! `rampart investor restake`, `withdraw` and so on: what an investor does on the L1 (I1, G3 to G5).

use crate::args::tokens;
use crate::l1::{L1Args, L1SendArgs, whole};
use crate::output;
use alloy::primitives::U256;
use anyhow::{Context, ensure};
use clap::Subcommand;
use rampart_protocol::{Address, Amount, B256};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Restake through the vault to an operator. It mints as many governance tokens, which must be returned to withdraw.
    Restake {
        /// The operator to restake to.
        #[arg(long)]
        operator: Address,
        /// How much of the asset, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        /// Pay in ether, where the vault's asset wraps it.
        #[arg(long)]
        ether: bool,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Show an investor's position, governance tokens and debt on the L1.
    Position {
        /// The operator that it restakes to.
        #[arg(long)]
        operator: Address,
        /// The investor.
        address: Address,
        #[command(flatten)]
        l1: L1Args,
    },
    /// Begin to withdraw: burns as many governance tokens and starts EigenLayer's delay, during which the stake can
    /// still be slashed.
    Withdraw {
        /// The operator that it is restaked to.
        #[arg(long)]
        operator: Address,
        /// How much of the position, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Have a withdrawal paid after EigenLayer's delay. Anyone may; its investor receives.
    Complete {
        /// The withdrawal's number.
        id: U256,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Bring a position up to date with slashings and moved governance tokens, and tell the ledger its weight. Anyone may.
    Poke {
        /// The operator that it is restaked to.
        #[arg(long)]
        operator: Address,
        /// The investor; the account itself without it.
        #[arg(long)]
        investor: Option<Address>,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Bring back the stake that an operator turned away, after EigenLayer's delay. Anyone may.
    Reclaim {
        /// The operator.
        #[arg(long)]
        operator: Address,
        /// EigenLayer's name of the withdrawal that this caused, from its events.
        root: B256,
        #[command(flatten)]
        send: L1SendArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Restake {
            operator,
            amount,
            ether,
            send,
        } => restake(operator, amount, ether, &send).await,
        Command::Position {
            operator,
            address,
            l1,
        } => {
            let stake = l1.vault(None).await?.stake(operator, address).await?;
            output::print(l1.output, &stake, |stake| {
                vec![
                    format!("position           {}", whole(stake.position)),
                    format!(
                        "weight             {} was told to the ledger",
                        whole(stake.weight)
                    ),
                    format!("with all operators {}", whole(stake.total)),
                    format!("governance tokens  {}", whole(stake.tokens)),
                    format!("owed               {}", whole(stake.debt)),
                ]
            })
        }
        Command::Withdraw {
            operator,
            amount,
            send,
        } => withdraw(operator, amount, &send).await,
        Command::Complete { id, send } => complete(id, &send).await,
        Command::Poke {
            operator,
            investor,
            send,
        } => {
            let signer = send.unlock()?;
            let investor = investor.unwrap_or(signer.address());
            let vault = send.l1.vault(Some(signer)).await?;
            let transaction = vault.poke(operator, investor).await?;
            let stake = vault.stake(operator, investor).await?;
            let result = json!({ "transaction": transaction, "stake": stake });
            output::print(send.l1.output, &result, |_| {
                let (position, weight) = (whole(stake.position), whole(stake.weight));
                vec![format!("position {position}, weight {weight}, in {transaction}")]
            })
        }
        Command::Reclaim { operator, root, send } => {
            let vault = send.l1.vault(Some(send.unlock()?)).await?;
            let transaction = vault.reclaim(operator, root).await?;
            let result = json!({ "transaction": transaction });
            output::print(send.l1.output, &result, |_| {
                vec![format!(
                    "brought back in {transaction}; investors can withdraw now"
                )]
            })
        }
    }
}

async fn restake(operator: Address, amount: Amount, ether: bool, send: &L1SendArgs) -> anyhow::Result<()> {
    let vault = send.l1.vault(Some(send.unlock()?)).await?;
    let (credited, transaction) = if ether {
        vault.restake_ether(operator, amount.0).await?
    } else {
        vault.restake(operator, amount.0).await?
    };
    let result = json!({
        "operator": operator, "credited": credited.to_string(), "transaction": transaction,
    });
    output::print(send.l1.output, &result, |_| {
        let credited = whole(credited);
        vec![format!(
            "restaked to {operator} in {transaction}: the position grew by {credited}, and as many governance tokens were minted"
        )]
    })
}

async fn withdraw(operator: Address, amount: Amount, send: &L1SendArgs) -> anyhow::Result<()> {
    let vault = send.l1.vault(Some(send.unlock()?)).await?;
    let (id, transaction) = vault.request_withdrawal(operator, amount.0).await?;
    let queued = vault.withdrawal(id).await?;
    let ready_at = queued.context("the withdrawal is not there")?.ready_at;
    let result = json!({ "id": id.to_string(), "readyAt": ready_at, "transaction": transaction });
    output::print(send.l1.output, &result, |_| {
        vec![format!(
            "withdrawal {id} can be completed from block {ready_at} of the L1 on: rampart investor complete {id}"
        )]
    })
}

async fn complete(id: U256, send: &L1SendArgs) -> anyhow::Result<()> {
    let vault = send.l1.vault(Some(send.unlock()?)).await?;
    let queued = vault.withdrawal(id).await?;
    let queued = queued.with_context(|| format!("there is no withdrawal {id}, or it was paid"))?;
    let block = vault.block().await?;
    ensure!(
        block >= queued.ready_at,
        "withdrawal {id} can be completed from block {} of the L1 on; it is at block {block}",
        queued.ready_at
    );
    let (paid, transaction) = vault.complete_withdrawal(id).await?;
    let result = json!({
        "id": id.to_string(), "investor": queued.investor, "paid": paid.to_string(), "transaction": transaction,
    });
    output::print(send.l1.output, &result, |_| {
        let paid = u128::try_from(paid).map_or_else(|_| paid.to_string(), whole);
        vec![format!("paid {paid} to {} in {transaction}", queued.investor)]
    })
}
