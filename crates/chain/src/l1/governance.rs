//! The governor and its token as voters call them: delegate, propose, vote, queue, execute (G1 to G7).

use super::L1Contracts;
use super::decision::Decision;
use super::vault::event;
use crate::bindings::GovernanceTokenContract::{self, GovernanceTokenContractInstance};
use crate::bindings::GovernorContract::{self, GovernorContractInstance, ProposalCreated};
use crate::connection;
use crate::error::ChainError;
use crate::events;
use crate::settlement::{mined, receipt};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bytes, TxHash, U256, keccak256};
use alloy::providers::{DynProvider, Provider as _};
use alloy::rpc::types::{Filter, Log};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolEvent as _, SolValue as _};

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Against the proposal.
    Against,
    /// For it.
    For,
    /// Neither; counts for the quorum.
    Abstain,
}

/// Where a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// The vote has not begun.
    Pending,
    /// The vote is on.
    Active,
    /// Withdrawn by its proposer.
    Canceled,
    /// Voted down, or too few voted.
    Defeated,
    /// Voted for; can be queued.
    Succeeded,
    /// In the timelock; can be executed when its time has come.
    Queued,
    /// Not executed in time.
    Expired,
    /// Done.
    Executed,
}

/// A proposal as it was made. Queueing and executing need it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The hash of what follows but for times and proposer.
    pub id: U256,
    /// Who made it.
    pub proposer: Address,
    /// The contracts that the timelock calls.
    pub targets: Vec<Address>,
    /// Wei sent with each call.
    pub values: Vec<U256>,
    /// The calls.
    pub calldatas: Vec<Bytes>,
    /// Why, for voters.
    pub description: String,
    /// Unix time after which votes are taken; weights are those of this second.
    pub vote_start: u64,
    /// Unix time of the last second of the vote.
    pub vote_end: u64,
}

/// The weights cast so far, base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Against the proposal.
    pub against: U256,
    /// For it.
    pub in_favour: U256,
    /// Neither.
    pub abstain: U256,
    /// What those for and those that abstain must reach together; `None` before the vote begins.
    pub quorum: Option<U256>,
}

/// A caller of the governor and its token.
#[derive(Clone, Debug)]
pub struct Governance {
    governor: GovernorContractInstance<DynProvider<Ethereum>>,
    token: GovernanceTokenContractInstance<DynProvider<Ethereum>>,
    contracts: L1Contracts,
}

impl Governance {
    /// Connects for reading, and for sending when a signer is given. Send one transaction at a time.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(
        rpc: &str,
        contracts: L1Contracts,
        signer: Option<PrivateKeySigner>,
    ) -> Result<Self, ChainError> {
        let (provider, _) = connection::connect(rpc, signer)?;
        Ok(Self {
            governor: GovernorContract::new(contracts.governor, provider.clone()),
            token: GovernanceTokenContract::new(contracts.governance_token, provider),
            contracts,
        })
    }

    /// Checks that the endpoint serves the contracts' chain.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self) -> Result<(), ChainError> {
        connection::check_chain(self.governor.provider(), self.contracts.chain_id).await
    }

    /// Proposes decisions that are executed together or not at all. The sender needs the threshold of votes.
    ///
    /// # Errors
    /// When the RPC fails or the governor refuses: too few votes, or it was proposed with this description already.
    pub async fn propose(
        &self,
        decisions: &[Decision],
        description: &str,
    ) -> Result<(Proposal, TxHash), ChainError> {
        let (targets, calldatas): (Vec<_>, Vec<_>) = decisions
            .iter()
            .map(|decision| decision.call(&self.contracts))
            .unzip();
        let values = vec![U256::ZERO; targets.len()];
        let call = self
            .governor
            .propose(targets, values, calldatas, description.to_owned());
        let receipt = receipt(call.send().await?).await?;
        let proposal = made(event::<ProposalCreated>(&receipt)?)?;
        Ok((proposal, receipt.transaction_hash))
    }

    /// Votes with the weight that was delegated to the sender when the vote began.
    ///
    /// # Errors
    /// When the RPC fails or the governor refuses: the vote is not on, or the sender voted.
    pub async fn vote(&self, id: U256, support: Support, reason: &str) -> Result<TxHash, ChainError> {
        // OpenZeppelin's numbering.
        let support = match support {
            Support::Against => 0,
            Support::For => 1,
            Support::Abstain => 2,
        };
        let call = self.governor.castVoteWithReason(id, support, reason.to_owned());
        Ok(mined(call.send().await?).await?.0)
    }

    /// Puts a proposal that succeeded into the timelock. Anyone may.
    ///
    /// # Errors
    /// When the RPC fails or the governor refuses.
    pub async fn queue(&self, proposal: &Proposal) -> Result<TxHash, ChainError> {
        let call = self.governor.queue(
            proposal.targets.clone(),
            proposal.values.clone(),
            proposal.calldatas.clone(),
            keccak256(&proposal.description),
        );
        Ok(mined(call.send().await?).await?.0)
    }

    /// Executes a queued proposal whose time has come. Anyone may.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses: it is too early, or what was decided cannot be done.
    pub async fn execute(&self, proposal: &Proposal) -> Result<TxHash, ChainError> {
        let call = self.governor.execute(
            proposal.targets.clone(),
            proposal.values.clone(),
            proposal.calldatas.clone(),
            keccak256(&proposal.description),
        );
        Ok(mined(call.send().await?).await?.0)
    }

    /// Withdraws a proposal of the sender before its vote begins.
    ///
    /// # Errors
    /// When the RPC fails or the governor refuses.
    pub async fn cancel(&self, proposal: &Proposal) -> Result<TxHash, ChainError> {
        let call = self.governor.cancel(
            proposal.targets.clone(),
            proposal.values.clone(),
            proposal.calldatas.clone(),
            keccak256(&proposal.description),
        );
        Ok(mined(call.send().await?).await?.0)
    }

    /// Where a proposal is.
    ///
    /// # Errors
    /// When the RPC fails or there is no such proposal.
    pub async fn state(&self, id: U256) -> Result<ProposalState, ChainError> {
        Ok(match self.governor.state(id).call().await? {
            0 => ProposalState::Pending,
            1 => ProposalState::Active,
            2 => ProposalState::Canceled,
            3 => ProposalState::Defeated,
            4 => ProposalState::Succeeded,
            5 => ProposalState::Queued,
            6 => ProposalState::Expired,
            7 => ProposalState::Executed,
            other => {
                return Err(ChainError::Inconsistent(format!(
                    "a proposal is in state {other}, which no governor has"
                )));
            }
        })
    }

    /// The weights cast so far, and the quorum once the vote has begun.
    ///
    /// # Errors
    /// When the RPC fails or there is no such proposal.
    pub async fn tally(&self, proposal: &Proposal) -> Result<Tally, ChainError> {
        let votes = self.governor.proposalVotes(proposal.id).call().await?;
        let quorum = match self.state(proposal.id).await? {
            // The token does not tell the supply of a time to come.
            ProposalState::Pending | ProposalState::Canceled => None,
            _ => {
                let snapshot = U256::from(proposal.vote_start);
                Some(self.governor.quorum(snapshot).call().await?)
            }
        };
        Ok(Tally {
            against: votes.againstVotes,
            in_favour: votes.forVotes,
            abstain: votes.abstainVotes,
            quorum,
        })
    }

    /// Unix time from which a queued proposal can be executed; 0 before it is queued.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn ready_at(&self, id: U256) -> Result<u64, ChainError> {
        seconds(self.governor.proposalEta(id).call().await?)
    }

    /// Looks a proposal up in the governor's events; `None` when there is none of this id.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn proposal(&self, id: U256) -> Result<Option<Proposal>, ChainError> {
        let found = self.proposals().await?;
        Ok(found.into_iter().find(|proposal| proposal.id == id))
    }

    /// All proposals so far, in their order.
    ///
    /// # Errors
    /// When the RPC fails or an event is not the governor's.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, ChainError> {
        let provider = self.governor.provider();
        let latest = provider.get_block_number().await?;
        let filter = Filter::new()
            .address(*self.governor.address())
            .event_signature(ProposalCreated::SIGNATURE_HASH);
        let (mut from, mut found) = (self.contracts.deployed_at, Vec::new());
        while from <= latest {
            let to = latest.min(from.saturating_add(events::MAX_RANGE - 1));
            let (to, logs) = events::logs(provider, &filter, from, to).await?;
            for log in &logs {
                found.push(logged(log)?);
            }
            from = to + 1;
        }
        Ok(found)
    }

    /// Delegates the sender's governance tokens, to itself or to who votes for it. Before that, they do not vote.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn delegate(&self, to: Address) -> Result<TxHash, ChainError> {
        Ok(mined(self.token.delegate(to).send().await?).await?.0)
    }

    /// Sends governance tokens of the sender, base units.
    ///
    /// # Errors
    /// When the RPC fails or the token refuses.
    pub async fn transfer(&self, to: Address, amount: u128) -> Result<TxHash, ChainError> {
        let call = self.token.transfer(to, U256::from(amount));
        Ok(mined(call.send().await?).await?.0)
    }

    /// All governance tokens, base units.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn supply(&self) -> Result<U256, ChainError> {
        Ok(self.token.totalSupply().call().await?)
    }

    /// The weight that is delegated to an account now, base units (G7).
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn votes(&self, account: Address) -> Result<U256, ChainError> {
        Ok(self.token.getVotes(account).call().await?)
    }

    /// The weight that was delegated to an account at a past Unix time, base units.
    ///
    /// # Errors
    /// When the RPC fails or the contract refuses: the time is not past.
    pub async fn past_votes(&self, account: Address, time: u64) -> Result<U256, ChainError> {
        Ok(self.token.getPastVotes(account, U256::from(time)).call().await?)
    }
}

fn logged(log: &Log) -> Result<Proposal, ChainError> {
    let event = log
        .log_decode_validate::<ProposalCreated>()
        .map_err(|error| ChainError::Inconsistent(format!("a proposal's log cannot be decoded: {error}")))?;
    made(event.inner.data)
}

/// What is queued and executed is what hashes to the id, whatever an endpoint says.
fn made(event: ProposalCreated) -> Result<Proposal, ChainError> {
    let description = keccak256(&event.description);
    let id = id(&event.targets, &event.values, &event.calldatas, description);
    if id != event.proposalId {
        return Err(ChainError::Inconsistent(
            "a proposal does not hash to its id".to_owned(),
        ));
    }
    Ok(Proposal {
        id,
        proposer: event.proposer,
        targets: event.targets,
        values: event.values,
        calldatas: event.calldatas,
        description: event.description,
        vote_start: seconds(event.voteStart)?,
        vote_end: seconds(event.voteEnd)?,
    })
}

/// As OpenZeppelin's governor hashes a proposal.
fn id(targets: &[Address], values: &[U256], calldatas: &[Bytes], description: B256) -> U256 {
    keccak256((targets, values, calldatas, description).abi_encode_params()).into()
}

fn seconds(value: U256) -> Result<u64, ChainError> {
    u64::try_from(value).map_err(|_| ChainError::Inconsistent("a time exceeds 64 bits".to_owned()))
}
