//! The first state: parameters, and counters at their start. Funds enter by deposits only.

use crate::apply::Changeset;
use crate::params::{Params, ParamsError};
use crate::record::{Globals, Record};

/// The records of an empty ledger with these parameters.
///
/// # Errors
/// When the parameters are impossible.
pub fn genesis(params: &Params) -> Result<Changeset, ParamsError> {
    params.validate()?;
    let mut changes = Changeset::default();
    for record in [Record::from(*params), Record::from(Globals::default())] {
        changes.writes.insert(record.key(), Some(record));
    }
    Ok(changes)
}
