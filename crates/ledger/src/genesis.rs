//! The first state: parameters, the first operators, and counters at their start. Funds enter by deposits only.

use crate::apply::Changeset;
use crate::params::{Params, ParamsError};
use crate::record::{
    Account, AccountAt, Committee, CommitteeSeat, Globals, Operator, OperatorKeys, OperatorSet, Record, Seat,
};
use crate::rules::unknown_operator;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rampart_protocol::{Address, Amount, B256, Nonce, Ppm, ProviderId};

/// An operator from the first block on, before the L1 tells of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct GenesisOperator {
    /// The operator's account.
    pub address: Address,
    /// Its stake; without any it is left out.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub stake: u128,
    /// The share of its rewards that it keeps.
    pub commission: Ppm,
    /// Its part in consensus in the epochs 0 and 1; left out, it has none.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub seat: Option<GenesisSeat>,
}

/// The keys with which an operator starts, and its weight on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct GenesisSeat {
    /// Ed25519 key that votes in consensus.
    pub consensus_key: B256,
    /// Address of the secp256k1 key that signs checkpoints.
    pub checkpoint_key: Address,
    /// Its weight in the set that the settlement contract starts with.
    pub weight: u64,
}

/// The records of an empty ledger with these parameters and operators. Of two operators with one address the later counts.
///
/// # Errors
/// When the parameters are impossible.
pub fn genesis(params: &Params, operators: &[GenesisOperator]) -> Result<Changeset, ParamsError> {
    params.validate()?;
    let known: BTreeMap<Address, &GenesisOperator> = operators
        .iter()
        .filter(|operator| operator.stake > 0)
        .map(|operator| (operator.address, operator))
        .collect();
    let mut globals = Globals::default();
    let mut set = OperatorSet::default();
    let mut seats = Vec::new();
    let mut changes = Changeset::default();
    let mut put = |record: Record| changes.writes.insert(record.key(), Some(record));
    for (index, (address, operator)) in (0..).zip(known) {
        set.seats.push(Seat {
            operator: address,
            stake: operator.stake,
        });
        seats.extend(operator.seat.map(|seat| CommitteeSeat {
            operator: address,
            consensus_key: seat.consensus_key,
            checkpoint_key: seat.checkpoint_key,
            weight: seat.weight,
        }));
        globals.accounts = index + 1;
        put(AccountAt { index, address }.into());
        put(Account {
            address,
            index,
            balance: Amount::ZERO,
            deposits: Amount::ZERO,
            nonce: Nonce(0),
            provider: ProviderId(0),
        }
        .into());
        put(Operator {
            stake: operator.stake,
            commission: operator.commission.min(params.commission_max),
            keys: operator.seat.map(|seat| OperatorKeys {
                consensus_key: seat.consensus_key,
                checkpoint_key: seat.checkpoint_key,
                since: 0,
            }),
            ..unknown_operator(address)
        }
        .into());
    }
    for epoch in 0..=globals.committee {
        let seats = seats.clone();
        put(Committee { epoch, seats }.into());
    }
    put(Record::from(*params));
    put(globals.into());
    put(set.into());
    Ok(changes)
}
