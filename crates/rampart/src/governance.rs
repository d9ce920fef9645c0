//! `rampart governance`: proposals, votes and their execution on the L1 (G1, G2).

use crate::args::{percent, tokens};
use crate::l1::{L1Args, L1SendArgs};
use crate::operator::Verdict;
use crate::output;
use crate::submit::case_id;
use alloy::primitives::U256;
use anyhow::{Context, ensure};
use clap::{Subcommand, ValueEnum};
use rampart_chain::l1::{Decision, Governance, Proposal, ProposalState, Support};
use rampart_protocol::observation::{
    Expel, GovernanceAction, Judge, MAX_CHANGES, ParameterChange, Pardon, SetParameters, Slash, Spend,
    Suspend,
};
use rampart_protocol::{Address, Amount, B256, CaseId, Ppm, ProviderId};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give your votes to somebody, or to yourself: before that, your governance tokens do not vote.
    Delegate {
        /// Who votes; the account itself without it.
        #[arg(long)]
        to: Option<Address>,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Show the weight of an account's vote now.
    Votes {
        /// The account.
        address: Address,
        #[command(flatten)]
        l1: L1Args,
    },
    /// Propose something.
    Propose {
        #[command(subcommand)]
        what: Proposed,
    },
    /// Show a proposal, its state and its votes.
    Show {
        /// The proposal's number.
        id: U256,
        #[command(flatten)]
        l1: L1Args,
    },
    /// Vote on a proposal.
    Vote {
        /// The proposal's number.
        id: U256,
        /// How.
        support: Choice,
        /// Why, for others to read.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Hand a proposal that succeeded to the timelock. Anyone may.
    Queue {
        /// The proposal's number.
        id: U256,
        #[command(flatten)]
        send: L1SendArgs,
    },
    /// Carry a queued proposal out after the timelock's delay. Anyone may.
    Execute {
        /// The proposal's number.
        id: U256,
        #[command(flatten)]
        send: L1SendArgs,
    },
}

/// What is proposed.
#[derive(Debug, Subcommand)]
pub enum Proposed {
    /// Change parameters of the ledger, all or none; `rampart network params` lists them.
    Set {
        /// `name=value`, in the parameter's own unit; several are one decision.
        #[arg(required = true, value_parser = change, num_args = 1..=MAX_CHANGES)]
        changes: Vec<ParameterChange>,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Suspend a provider until it is pardoned or expelled.
    Suspend {
        /// The provider.
        #[arg(value_parser = provider_id)]
        provider: ProviderId,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Expel a provider.
    Expel {
        /// The provider.
        #[arg(value_parser = provider_id)]
        provider: ProviderId,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Let a suspended or expelled provider sell again.
    Pardon {
        /// The provider.
        #[arg(value_parser = provider_id)]
        provider: ProviderId,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Slash a provider's stake on the ledger.
    Slash {
        /// The provider.
        #[arg(value_parser = provider_id)]
        provider: ProviderId,
        /// Whole utility tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Decide a case that the operators could not.
    Judge {
        /// The case.
        #[arg(value_parser = case_id)]
        case: CaseId,
        /// Whether the complaint against the provider holds.
        verdict: Verdict,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Spend from the ledger's treasury.
    Spend {
        /// Whose account in the ledger is credited.
        recipient: Address,
        /// Whole utility tokens, such as 12.5.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Slash an operator on EigenLayer.
    SlashOperator {
        /// The operator.
        operator: Address,
        /// Percent of what it allocated.
        #[arg(value_parser = percent)]
        part: Ppm,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Make an operator leave the set.
    EjectOperator {
        /// The operator.
        operator: Address,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
    /// Offer the service's EigenLayer account to a successor of the service manager: the upgrade path.
    HandOver {
        /// The successor.
        successor: Address,
        #[command(flatten)]
        proposal: ProposalArgs,
    },
}

/// What every proposal needs.
#[derive(Debug, clap::Args)]
pub struct ProposalArgs {
    /// Why, for voters to read. Two proposals of the same decision must differ in it.
    #[arg(long)]
    description: String,
    #[command(flatten)]
    send: L1SendArgs,
}

/// A vote on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// For the proposal.
    For,
    /// Against the proposal.
    Against,
    /// Counts for the quorum only.
    Abstain,
}

impl Proposed {
    fn decision(self) -> (Decision, ProposalArgs) {
        let (action, proposal): (GovernanceAction, _) = match self {
            Self::Set { changes, proposal } => (SetParameters { changes }.into(), proposal),
            Self::Suspend { provider, proposal } => (Suspend { provider }.into(), proposal),
            Self::Expel { provider, proposal } => (Expel { provider }.into(), proposal),
            Self::Pardon { provider, proposal } => (Pardon { provider }.into(), proposal),
            Self::Slash {
                provider,
                amount,
                proposal,
            } => (Slash { provider, amount }.into(), proposal),
            Self::Judge {
                case,
                verdict,
                proposal,
            } => {
                let upheld = verdict == Verdict::Uphold;
                (Judge { case, upheld }.into(), proposal)
            }
            Self::Spend {
                recipient,
                amount,
                proposal,
            } => (Spend { recipient, amount }.into(), proposal),
            Self::SlashOperator {
                operator,
                part,
                proposal,
            } => return (slash_operator(operator, part, &proposal.description), proposal),
            Self::EjectOperator { operator, proposal } => {
                return (Decision::EjectOperator(operator), proposal);
            }
            Self::HandOver { successor, proposal } => return (Decision::HandOver(successor), proposal),
        };
        (Decision::Ledger(action), proposal)
    }
}

fn slash_operator(operator: Address, part: Ppm, description: &str) -> Decision {
    Decision::SlashOperator {
        operator,
        // Parts per million as parts of 10^18.
        wad: U256::from(part.0) * U256::from(1_000_000_000_000u64),
        description: description.to_owned(),
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Delegate { to, send } => {
            let signer = send.unlock()?;
            let to = to.unwrap_or(signer.address());
            let transaction = send.l1.governance(Some(signer)).await?.delegate(to).await?;
            done(
                &send,
                transaction,
                json!({ "to": to }),
                &format!("{to} votes with your tokens now"),
            )
        }
        Command::Votes { address, l1 } => {
            let votes = l1.governance(None).await?.votes(address).await?;
            output::print(l1.output, &json!({ "votes": votes.to_string() }), |_| {
                vec![format!("weight {}", weight(votes))]
            })
        }
        Command::Propose { what } => propose(what).await,
        Command::Show { id, l1 } => show(id, &l1).await,
        Command::Vote {
            id,
            support,
            reason,
            send,
        } => {
            let support = match support {
                Choice::For => Support::For,
                Choice::Against => Support::Against,
                Choice::Abstain => Support::Abstain,
            };
            let governance = send.l1.governance(Some(send.unlock()?)).await?;
            let transaction = governance.vote(id, support, &reason).await?;
            done(&send, transaction, json!({}), "voted")
        }
        Command::Queue { id, send } => {
            let governance = send.l1.governance(Some(send.unlock()?)).await?;
            let transaction = governance.queue(&known(&governance, id).await?).await?;
            let ready_at = governance.ready_at(id).await?;
            done(
                &send,
                transaction,
                json!({ "readyAt": ready_at }),
                &format!(
                    "queued; can be executed from Unix time {ready_at} on: rampart governance execute {id}"
                ),
            )
        }
        Command::Execute { id, send } => {
            let governance = send.l1.governance(Some(send.unlock()?)).await?;
            let transaction = governance.execute(&known(&governance, id).await?).await?;
            done(
                &send,
                transaction,
                json!({}),
                "carried out; the ledger follows once it is final",
            )
        }
    }
}

async fn propose(what: Proposed) -> anyhow::Result<()> {
    let (decision, ProposalArgs { description, send }) = what.decision();
    ensure!(!description.trim().is_empty(), "--description is empty: say why");
    let governance = send.l1.governance(Some(send.unlock()?)).await?;
    let (proposal, transaction) = governance.propose(&[decision], &description).await?;
    let result = json!({
        "id": proposal.id.to_string(), "voteStart": proposal.vote_start, "voteEnd": proposal.vote_end,
    });
    let says = format!(
        "proposal {}: the vote is open after Unix time {} and until {}",
        proposal.id, proposal.vote_start, proposal.vote_end
    );
    done(&send, transaction, result, &says)
}

async fn show(id: U256, l1: &L1Args) -> anyhow::Result<()> {
    let governance = l1.governance(None).await?;
    let proposal = known(&governance, id).await?;
    let (state, tally) = (governance.state(id).await?, governance.tally(&proposal).await?);
    let result = json!({
        "id": id.to_string(), "state": name(state), "proposer": proposal.proposer,
        "description": proposal.description, "voteStart": proposal.vote_start, "voteEnd": proposal.vote_end,
        "targets": proposal.targets, "calldatas": proposal.calldatas,
        "for": tally.in_favour.to_string(), "against": tally.against.to_string(),
        "abstain": tally.abstain.to_string(), "quorum": tally.quorum.map(|quorum| quorum.to_string()),
    });
    output::print(l1.output, &result, |_| {
        let mut lines = vec![
            format!("state        {}", name(state)),
            format!("proposed by  {}", proposal.proposer),
            format!("says         {}", proposal.description),
            format!(
                "vote         after Unix time {} until {}",
                proposal.vote_start, proposal.vote_end
            ),
            format!(
                "weight       {} for, {} against, {} abstaining",
                weight(tally.in_favour),
                weight(tally.against),
                weight(tally.abstain)
            ),
        ];
        lines.extend(
            tally
                .quorum
                .map(|quorum| format!("quorum       {}", weight(quorum))),
        );
        let calls = proposal.targets.iter().zip(&proposal.calldatas);
        lines.extend(calls.map(|(target, data)| format!("calls        {target} with {data}")));
        lines
    })
}

async fn known(governance: &Governance, id: U256) -> anyhow::Result<Proposal> {
    let found = governance.proposal(id).await?;
    found.with_context(|| format!("the governor knows no proposal {id}"))
}

fn done(send: &L1SendArgs, transaction: B256, mut result: Value, says: &str) -> anyhow::Result<()> {
    if let Some(object) = result.as_object_mut() {
        object.insert("transaction".to_owned(), json!(transaction));
    }
    output::print(send.l1.output, &result, |_| {
        vec![format!("{says} ({transaction})")]
    })
}

const fn name(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Pending => "pending",
        ProposalState::Active => "active",
        ProposalState::Canceled => "canceled",
        ProposalState::Defeated => "defeated",
        ProposalState::Succeeded => "succeeded",
        ProposalState::Queued => "queued",
        ProposalState::Expired => "expired",
        ProposalState::Executed => "executed",
    }
}

fn weight(units: U256) -> String {
    u128::try_from(units).map_or_else(|_| units.to_string(), crate::l1::whole)
}

fn provider_id(text: &str) -> Result<ProviderId, String> {
    text.parse()
        .map(ProviderId)
        .map_err(|_| "a provider is a number".to_owned())
}

/// `name=value`.
fn change(text: &str) -> Result<ParameterChange, String> {
    let wrong = || "expected name=value, such as storage_fee=1000".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(ParameterChange {
        name: name.to_owned(),
        value: value.parse().map_err(|_| wrong())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_name_and_a_number() {
        let expected = ParameterChange {
            name: "storage_fee".to_owned(),
            value: u128::MAX,
        };
        assert_eq!(change(&format!("storage_fee={}", u128::MAX)), Ok(expected));
        for wrong in ["", "=", "a", "=1", "a=", "a=-1", "a=1.5", "a=b"] {
            assert!(change(wrong).is_err(), "{wrong}");
        }
    }
}
