//! What a header says about a block's effects, besides the state's root.

use super::execute::{Broken, Executor};
use super::judge::Invalid;
use crate::engine::Runtime;
use rampart_ledger::{Key, Record};
use rampart_protocol::{B256, Header, merkle};

/// Commitments that follow from execution.
pub(super) struct Commitments {
    pub(super) confirmations_root: B256,
    pub(super) withdrawals_root: B256,
    pub(super) inbox_count: u64,
}

impl Commitments {
    /// Reads them off a block that is executed to its last item.
    pub(super) async fn of<E: Runtime>(executor: &mut Executor<'_, E>) -> Result<Self, Broken> {
        let confirmations_root = merkle::root(&executor.confirmation_leaves());
        match executor.get(Key::globals()).await? {
            Some(Record::Globals(globals)) => Ok(Self {
                confirmations_root,
                withdrawals_root: globals.withdrawals_root(),
                inbox_count: globals.inbox_count,
            }),
            _ => Err(Broken::NoGlobals),
        }
    }

    /// Compares them with a header's.
    pub(super) fn check(&self, header: &Header) -> Result<(), Invalid> {
        if self.confirmations_root != header.confirmations_root {
            return Err(Invalid::Commitment("confirmations"));
        }
        if self.withdrawals_root != header.withdrawals_root {
            return Err(Invalid::Commitment("withdrawals"));
        }
        if self.inbox_count != header.inbox_count {
            return Err(Invalid::Commitment("inbox"));
        }
        Ok(())
    }
}
