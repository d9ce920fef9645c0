//! Withdrawals (U3, X2): balance leaves the ledger, and its leaf joins the tree that checkpoints commit to.

use super::funds::{debit_with_storage, give, next};
use crate::apply::Prepared;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::Withdrawal;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::Withdraw;
use rampart_protocol::{Address, Amount, merkle};

/// Queues a payment on the L2. There is no least amount beyond the storage fee: everyone can leave with the rest (X2).
pub(super) fn withdraw<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &Withdraw,
) -> Result<(), Fault> {
    let (recipient, amount, account) = (m.recipient, m.amount, prepared.signer());
    if amount == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the withdrawal",
        }
        .into());
    }
    // `Settlement.withdraw` refuses both; what was withdrawn to either could never be paid.
    if recipient == Address::ZERO || recipient == draft.env.domain.settlement {
        return Err(Reject::BadRecipient { recipient }.into());
    }
    debit_with_storage(draft, account, amount)?;
    give(&mut draft.globals.withdrawn, amount, "the sum of withdrawals")?;
    let index = draft.globals.withdrawals;
    let withdrawal = Withdrawal {
        index,
        account,
        recipient,
        amount,
        transaction: prepared.id(),
        height: draft.env.height,
        timestamp: draft.now(),
    };
    merkle::push_peak(&mut draft.globals.withdrawal_peaks, index, withdrawal.leaf());
    draft.globals.withdrawals = next(index, "the number of withdrawals")?;
    draft.put(withdrawal);
    draft.emit(Event::WithdrawalQueued {
        index,
        account,
        recipient,
        amount,
    });
    Ok(())
}
