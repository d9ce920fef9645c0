//! `rampart operator`: what an operator does as an account of the ledger (judge cases, report availability, claim rewards)
//! and on the L1 (register, allocate, join). Running one is `rampart node`.

mod availability;
mod decision;
mod registration;
mod show;
mod verdict;

pub use registration::prove;

use crate::args::{NodeArgs, OutputArgs, SendArgs};
use crate::output;
use crate::session::open;
use crate::submit::{case_id, submit_as};
use clap::{Args, Subcommand, ValueEnum};
use rampart_protocol::message::ClaimRewards;
use rampart_protocol::{Address, CaseId, ServiceId};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the operators with their stakes and rewards.
    List {
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show an operator's stake, duties and rewards.
    Show {
        /// The operator's account.
        address: Address,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the cases that wait for a verdict, or show one.
    Cases {
        /// Only this case, with its votes.
        #[arg(value_parser = case_id)]
        case: Option<CaseId>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Commit to a verdict in a case's present round. Nobody can read it before it is revealed: verdict and salt stay in
    /// the state directory, without which it cannot be revealed. An operator that does not commit and reveal in time
    /// loses its rewards of the epoch.
    Commit {
        /// The case.
        #[arg(value_parser = case_id)]
        case: CaseId,
        /// Whether the complaint against the provider holds.
        #[arg(long)]
        verdict: Verdict,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Decide a case by hand: the operator's node seals this instead of what its own judge finds, if it has not committed
    /// yet, and commits and reveals by itself. The decision is a file in the directory of verdicts, so it can be left while
    /// the node is down; it counts in every round of the case.
    Decide {
        /// The case.
        #[arg(value_parser = case_id)]
        case: CaseId,
        /// Whether the complaint against the provider holds.
        #[arg(long)]
        verdict: Verdict,
        /// Why, for the operator's own records.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show what this operator has sealed on a case, and why. Tell nobody before the reveals: it is the operator's vote.
    Opinion {
        /// The case.
        #[arg(value_parser = case_id)]
        case: CaseId,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Reveal the verdict that was committed to, once the time for commitments is over.
    Reveal {
        /// The case.
        #[arg(value_parser = case_id)]
        case: CaseId,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Report which services were down in the epoch that ended last. A service that operators with more than half of the
    /// stake report is an outage. An operator that does not report earns nothing of the running epoch, so report even
    /// when all were up.
    ReportAvailability {
        /// The services that answered fewer probes than the parameter `availability_min`, such as 3,17; none without it.
        #[arg(long, value_delimiter = ',')]
        down: Vec<u64>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Move the operator's rewards into its balance.
    Claim {
        #[command(flatten)]
        send: SendArgs,
    },
    #[command(flatten)]
    Registration(registration::Command),
}

/// A verdict on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    /// The complaint holds: the review stands, or the provider is expelled.
    Uphold,
    /// The complaint does not hold: the review is struck, or the provider sells again.
    Overturn,
}

/// Where sealed verdicts and decisions are kept.
#[derive(Clone, Debug, Args)]
pub struct StateArgs {
    /// Directory of the verdicts that are sealed: the folder `verdicts` in a node's state directory, to share them with the
    /// node. Keep it until they are revealed, and from everyone else.
    #[arg(long, env = "RAMPART_VERDICTS", default_value = "verdicts")]
    pub state: PathBuf,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { node, output } => show::list(&node, output).await,
        Command::Show {
            address,
            node,
            output,
        } => show::operator(address, &node, output).await,
        Command::Cases { case, node, output } => match case {
            Some(case) => show::case(case, &node, output).await,
            None => show::cases(&node, output).await,
        },
        Command::Commit {
            case,
            verdict,
            state,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let upheld = verdict == Verdict::Uphold;
            let voted = verdict::commit(&session, &signer, &state.state, case, upheld, send.wait).await?;
            output::print(send.output, &voted, |voted| {
                vec![
                    format!("committed in round {} at height {}", voted.round, voted.height),
                    format!("to be revealed with {}", voted.file.display()),
                ]
            })
        }
        Command::Decide {
            case,
            verdict,
            note,
            state,
            node,
            output,
        } => {
            decision::decide(
                case,
                verdict == Verdict::Uphold,
                note,
                &state.state,
                &node,
                output,
            )
            .await
        }
        Command::Opinion {
            case,
            state,
            node,
            output,
        } => decision::opinion(case, &state.state, &node, output).await,
        Command::Reveal { case, state, send } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let voted = verdict::reveal(&session, &signer, &state.state, case, send.wait).await?;
            output::print(send.output, &voted, |voted| {
                vec![format!(
                    "revealed in round {} at height {}",
                    voted.round, voted.height
                )]
            })
        }
        Command::ReportAvailability { down, send } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let down: Vec<ServiceId> = down.into_iter().map(ServiceId).collect();
            let pages = availability::report(&session, &signer, &down, send.wait).await?;
            output::print(send.output, &pages, |pages| {
                let line = |page: &availability::Reported| match page.height {
                    Some(height) => format!("epoch {}, page {}: at height {height}", page.epoch, page.page),
                    None => format!("epoch {}, page {}: reported before", page.epoch, page.page),
                };
                pages.iter().map(line).collect()
            })
        }
        Command::Claim { send } => {
            submit_as(send, |operator, nonce| ClaimRewards { operator, nonce }.into()).await
        }
        Command::Registration(command) => registration::run(command).await,
    }
}
