//! What a header says about a block's effects, besides the state's root.

use super::execute::{Broken, Executor};
use super::judge::Invalid;
use crate::engine::Runtime;
use rampart_ledger::{BlockEnv, Key, Record};
use rampart_protocol::{B256, Header, merkle};

/// Commitments that follow from execution.
pub(super) struct Commitments {
    pub(super) confirmations_root: B256,
    pub(super) withdrawals_root: B256,
    pub(super) inbox_count: u64,
    pub(super) next_operators: B256,
}

impl Commitments {
    /// Reads them off a block that is executed to its last item.
    pub(super) async fn of<E: Runtime>(executor: &mut Executor<'_, E>) -> Result<Self, Broken> {
        let confirmations_root = merkle::root(&executor.confirmation_leaves());
        let Some(Record::Globals(globals)) = executor.get(Key::globals()).await? else {
            return Err(Broken::NoGlobals);
        };
        let BlockEnv { domain, epoch, .. } = *executor.env();
        let next = epoch.saturating_add(1);
        let Some(Record::Committee(committee)) = executor.get(Key::committee(next)).await? else {
            return Err(Broken::NoCommittee(next));
        };
        Ok(Self {
            confirmations_root,
            withdrawals_root: globals.withdrawals_root(),
            inbox_count: globals.inbox_count,
            next_operators: committee.operator_set(domain).commitment(),
        })
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
        if self.next_operators != header.next_operators {
            return Err(Invalid::Commitment("operators"));
        }
        Ok(())
    }
}
