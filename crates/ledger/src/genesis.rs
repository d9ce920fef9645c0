//! The first state: parameters, the first operators, and counters at their start. Funds enter by deposits only.

use crate::apply::Changeset;
use crate::params::{Params, ParamsError};
use crate::record::{Account, AccountAt, Globals, Operator, OperatorSet, Record, Seat};
use crate::rules::unknown_operator;
use alloc::collections::BTreeMap;
use rampart_protocol::{Address, Amount, Nonce, Ppm, ProviderId};

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
    let mut changes = Changeset::default();
    let mut put = |record: Record| changes.writes.insert(record.key(), Some(record));
    for (index, (address, operator)) in (0..).zip(known) {
        set.seats.push(Seat {
            operator: address,
            stake: operator.stake,
        });
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
            ..unknown_operator(address)
        }
        .into());
    }
    put(Record::from(*params));
    put(globals.into());
    put(set.into());
    Ok(changes)
}
