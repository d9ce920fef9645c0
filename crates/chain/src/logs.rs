//! What one log of `Settlement` or `Outbox` means for the ledger.
//!
//! Nothing here trusts the log: what the ledger's own decoder would not take is refused here, so that no operator ever
//! proposes it.

use crate::bindings::OutboxContract::{
    Governance as Decided, InvestorWeight as Weighed, OperatorKeys as Keyed, OperatorStake as Staked,
};
use crate::bindings::SettlementContract::{Deposited, Forced as ForcedIn};
use crate::error::ChainError;
use alloy::primitives::{Address, B256};
use alloy::rpc::types::Log;
use alloy::sol_types::{SolEvent, SolValue};
use rampart_protocol::observation::{
    Deposit, Expel, Forced, Governance, GovernanceAction, InvestorWeight, Judge, Observation, OperatorKeys,
    OperatorStake, ParameterChange, Pardon, SetParameters, Slash, Spend, Suspend,
};
use rampart_protocol::operator_keys::Registry;
use rampart_protocol::{Amount, CaseId, Ppm, ProviderId};

/// Events of `Settlement` that are entries of its inbox.
pub(crate) const INBOX: [B256; 2] = [Deposited::SIGNATURE_HASH, ForcedIn::SIGNATURE_HASH];
/// Events of `Outbox`.
pub(crate) const OUTBOX: [B256; 4] = [
    Staked::SIGNATURE_HASH,
    Keyed::SIGNATURE_HASH,
    Weighed::SIGNATURE_HASH,
    Decided::SIGNATURE_HASH,
];

/// An entry of the inbox.
pub(crate) fn inbox(log: &Log) -> Result<Observation, ChainError> {
    let (block_number, block_hash) = place(log)?;
    let observation = if log.topic0() == Some(&ForcedIn::SIGNATURE_HASH) {
        let event = decoded::<ForcedIn>(log)?;
        Observation::Forced(Forced {
            index: event.index,
            account: event.account,
            message: event.message,
            block_number,
            block_hash,
        })
    } else {
        let event = decoded::<Deposited>(log)?;
        Observation::Deposit(Deposit {
            index: event.index,
            account: event.account,
            amount: Amount(event.amount),
            block_number,
            block_hash,
        })
    };
    within_limits(observation)
}

/// An entry of the outbox. A consensus key without a valid proof is told as such, since the contract emits it all the same.
pub(crate) fn outbox(log: &Log, registry: &Registry) -> Result<Observation, ChainError> {
    let (block_number, block_hash) = place(log)?;
    let observation = match log.topic0() {
        Some(&Staked::SIGNATURE_HASH) => {
            let event = decoded::<Staked>(log)?;
            Observation::OperatorStake(OperatorStake {
                index: event.index,
                operator: event.operator,
                stake: event.stake,
                commission: Ppm(event.commission),
                block_number,
                block_hash,
            })
        }
        Some(&Keyed::SIGNATURE_HASH) => {
            let event = decoded::<Keyed>(log)?;
            Observation::OperatorKeys(OperatorKeys {
                index: event.index,
                operator: event.operator,
                consensus_key: event.consensusKey,
                checkpoint_key: event.checkpointKey,
                proven: registry.is_proven(
                    event.operator,
                    event.consensusKey,
                    event.checkpointKey,
                    &event.consensusSignature,
                ),
                block_number,
                block_hash,
            })
        }
        Some(&Weighed::SIGNATURE_HASH) => {
            let event = decoded::<Weighed>(log)?;
            Observation::InvestorWeight(InvestorWeight {
                index: event.index,
                operator: event.operator,
                investor: event.investor,
                weight: event.weight,
                block_number,
                block_hash,
            })
        }
        _ => {
            let event = decoded::<Decided>(log)?;
            Observation::Governance(Governance {
                index: event.index,
                action: action(event.kind, &event.data)?,
                block_number,
                block_hash,
            })
        }
    };
    within_limits(observation)
}

/// A decision, by the kinds and encodings of `Outbox`.
fn action(kind: u8, data: &[u8]) -> Result<GovernanceAction, ChainError> {
    let provider = || Ok::<_, ChainError>(ProviderId(values::<(u64,)>(kind, data)?.0));
    Ok(match kind {
        1 => SetParameters {
            changes: values::<(Vec<(String, u128)>,)>(kind, data)?
                .0
                .into_iter()
                .map(|(name, value)| ParameterChange { name, value })
                .collect(),
        }
        .into(),
        2 => Suspend {
            provider: provider()?,
        }
        .into(),
        3 => Expel {
            provider: provider()?,
        }
        .into(),
        4 => Pardon {
            provider: provider()?,
        }
        .into(),
        5 => {
            let (provider, amount) = values::<(u64, u128)>(kind, data)?;
            Slash {
                provider: ProviderId(provider),
                amount: Amount(amount),
            }
            .into()
        }
        6 => {
            let (case, upheld) = values::<(B256, bool)>(kind, data)?;
            Judge {
                case: CaseId(case),
                upheld,
            }
            .into()
        }
        7 => {
            let (recipient, amount) = values::<(Address, u128)>(kind, data)?;
            Spend {
                recipient,
                amount: Amount(amount),
            }
            .into()
        }
        other => {
            return Err(ChainError::Inconsistent(format!(
                "a decision of governance is of kind {other}, which no outbox emits"
            )));
        }
    })
}

/// What `abi.encode` made of several values.
fn values<T>(kind: u8, data: &[u8]) -> Result<T, ChainError>
where
    T: SolValue + From<<T::SolType as alloy::sol_types::SolType>::RustType>,
    for<'a> T::SolType: alloy::sol_types::SolType,
    for<'a> <T::SolType as alloy::sol_types::SolType>::Token<'a>: alloy::sol_types::abi::TokenSeq<'a>,
{
    T::abi_decode_params_validate(data).map_err(|error| {
        ChainError::Inconsistent(format!(
            "the data of a decision of kind {kind} cannot be decoded: {error}"
        ))
    })
}

/// What the ledger's encoding can carry.
fn within_limits(observation: Observation) -> Result<Observation, ChainError> {
    match Observation::from_bytes(&observation.to_bytes()) {
        Ok(decoded) => Ok(decoded),
        Err(error) => Err(ChainError::Inconsistent(format!(
            "entry {} of the contract's sequence is beyond what the contract emits: {error}",
            observation.index()
        ))),
    }
}

fn place(log: &Log) -> Result<(u64, B256), ChainError> {
    log.block_number
        .zip(log.block_hash)
        .ok_or_else(|| ChainError::Inconsistent("a final log names no block".to_owned()))
}

fn decoded<E: SolEvent>(log: &Log) -> Result<E, ChainError> {
    let event = log.log_decode_validate::<E>().map_err(|error| {
        ChainError::Inconsistent(format!("a log cannot be decoded as {}: {error}", E::SIGNATURE))
    })?;
    Ok(event.inner.data)
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
