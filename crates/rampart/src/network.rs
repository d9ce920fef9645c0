//! `rampart network`: what holds for everyone: parameters, epochs, where every token is, and what everyone could leave with.

use crate::args::{NodeArgs, OutputArgs};
use crate::session::Session;
use crate::{exits, output};
use clap::Subcommand;
use rampart_client::OperatorChain;
use rampart_client::follow::{catch_up, save};
use rampart_protocol::Amount;
use rampart_protocol::api::{ForcedView, ParamView, Role, Status, Totals};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show where an operator stands: height, state root, checkpoint.
    Status {
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the economic parameters in force, each with its unit.
    Params {
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the running epoch, or what an epoch that ended took in and paid.
    Epoch {
        /// Number of an epoch that ended.
        number: Option<u64>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show where every deposited token is; the sum is deposits less withdrawals, to the unit.
    Totals {
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show who votes in consensus, from the operator set that you trust on, each next one proved by the one before.
    OperatorSets {
        /// Write what was learned into the file of --operators, so that confirmations of these epochs verify offline. Whoever
        /// starts from it trusts what was verified now.
        #[arg(long, requires = "operators")]
        save: bool,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Keep what every account could leave with if the settlement froze now, proofs included: with this file nobody needs
    /// the operators to leave. It is worth something until the next checkpoint.
    Exits {
        /// File to write, for `account exit --exits`; one that is there is replaced.
        #[arg(long)]
        save: PathBuf,
        #[command(flatten)]
        source: exits::SourceArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Status { node, output } => {
            let status = Session::open(&node).await?.client.status().await?;
            output::print(output, &status, |status| {
                vec![
                    format!("role        {}", role(status)),
                    format!("height      {}", status.height),
                    format!("state root  {}", status.state_root),
                    format!("checkpoint  {} is on the L2", status.checkpoint_height),
                    settlement(status),
                    format!(
                        "pending     {} of {} transactions",
                        status.pending, status.capacity
                    ),
                    format!("duties      {}", duties(status)),
                    format!("version     {}", status.version),
                ]
                .into_iter()
                .chain(status.oldest_forced.iter().map(forced))
                .collect()
            })
        }
        Command::Params { node, output } => {
            let params = Session::open(&node).await?.client.params().await?;
            output::print(output, &params, |params| {
                let line = |param: &ParamView| {
                    let changed = if param.value == param.default {
                        String::new()
                    } else {
                        format!(" (default {})", param.default)
                    };
                    format!("{:<22} {} {}{changed}", param.name, param.value, param.unit)
                };
                params.params.iter().map(line).collect()
            })
        }
        Command::OperatorSets { save, node, output } => operator_sets(save, &node, output).await,
        Command::Exits { save, source } => exits::archive(&save, source).await,
        Command::Epoch { number, node, output } => match number {
            Some(number) => ended(number, &node, output).await,
            None => running(&node, output).await,
        },
        Command::Totals { node, output } => {
            let totals = Session::open(&node).await?.client.totals().await?;
            output::print(output, &totals, |totals| {
                let lines = parts(totals).into_iter();
                let lines = lines.map(|(name, amount)| row(name, amount));
                let held = held(totals).map(|sum| row("together", sum));
                let owed = totals.deposited.checked_sub(totals.withdrawn);
                let owed = owed.map(|sum| row("deposits less withdrawals", sum));
                lines.chain(held).chain(owed).collect()
            })
        }
    }
}

fn role(status: &Status) -> String {
    match (status.role, status.seated) {
        (Role::Operator, false) => "operator without a seat in this epoch".to_owned(),
        (role, _) => role.to_string(),
    }
}

fn duties(status: &Status) -> String {
    if status.duties.is_empty() {
        return "none: it neither reports nor judges, and earns nothing".to_owned();
    }
    status.duties.join(", ")
}

fn settlement(status: &Status) -> String {
    let frozen = if status.frozen {
        ", FROZEN for ever: leave with `rampart account exit`"
    } else {
        ""
    };
    format!(
        "settlement  {} on chain {}{frozen}",
        status.settlement, status.chain_id
    )
}

fn forced(message: &ForcedView) -> String {
    format!(
        "forced      entry {} waits since {}; from {} on anyone may freeze over it",
        message.index, message.forced_at, message.freezable_at
    )
}

/// Shows the operator sets that handovers lead to, and keeps them where that is asked for.
async fn operator_sets(keep: bool, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let mut chain = OperatorChain::clone(&session.operators.known());
    catch_up(&mut chain, &session.client).await?;
    let trusted = chain.trusted();
    if let Some(path) = node.operators.as_ref().filter(|_| keep) {
        save(path, &trusted)?;
    }
    output::print(output, &trusted, |trusted| {
        let mut lines = vec![format!(
            "the operators of epochs {} to {} are known",
            chain.epochs().start(),
            trusted.epoch
        )];
        for (since, set) in trusted.runs() {
            lines.push(format!("from epoch {since}"));
            let total: u128 = set
                .operators
                .iter()
                .map(|operator| u128::from(operator.weight))
                .sum();
            lines.extend(set.operators.iter().map(|operator| {
                format!(
                    "  {}  signs as {}, weight {} of {total}",
                    operator.public_key, operator.checkpoint_key, operator.weight
                )
            }));
        }
        lines
    })
}

/// Shows the running epoch.
async fn running(node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let epoch = Session::open(node).await?.client.current_epoch().await?;
    output::print(output, &epoch, |epoch| {
        vec![
            format!(
                "epoch {}, from {} to {}",
                epoch.number, epoch.started_at, epoch.ends_at
            ),
            format!("pool      {} tokens so far", epoch.pool.to_tokens()),
            format!("sellers   {}", epoch.sellers),
            format!("verdicts  {}", epoch.verdicts),
            format!(
                "pages     {} of availability, to be reported of the epoch before",
                epoch.pages
            ),
        ]
    })
}

/// Shows an epoch that ended.
async fn ended(number: u64, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let epoch = Session::open(node).await?.client.epoch(number).await?;
    output::print(output, &epoch, |epoch| {
        vec![
            format!(
                "epoch {}, from {} to {}",
                epoch.number, epoch.started_at, epoch.ended_at
            ),
            format!("pool      {} tokens", epoch.pool.to_tokens()),
            format!(
                "paid      {} tokens to {} operators and their investors",
                epoch.paid.to_tokens(),
                epoch.operators
            ),
            format!("treasury  {} tokens", epoch.treasury.to_tokens()),
            format!("sellers   {}", epoch.sellers),
            format!("verdicts  {}", epoch.verdicts),
        ]
    })
}

fn row(name: &str, amount: Amount) -> String {
    format!("{name:<26}{} tokens", amount.to_tokens())
}

/// Every place where tokens are.
pub fn parts(totals: &Totals) -> [(&'static str, Amount); 10] {
    [
        ("balances", totals.balances),
        ("fees of open reviews", totals.deposits),
        ("escrow", totals.escrow),
        ("stakes", totals.stakes),
        ("unbonding stakes", totals.unbonding),
        ("bonds of challenges", totals.bonds),
        ("compensations", totals.compensation),
        ("pool", totals.pool),
        ("rewards not claimed", totals.rewards),
        ("treasury", totals.treasury),
    ]
}

/// The sum of all of them; none if the node's figures exceed all tokens that there can be.
pub fn held(totals: &Totals) -> Option<Amount> {
    let mut parts = parts(totals).into_iter();
    parts.try_fold(Amount::ZERO, |sum, (_, part)| sum.checked_add(part))
}
