//! Withdrawals (U3, X2): balance leaves the ledger, and its leaf joins the tree that checkpoints commit to.

use super::{Tx, give, next};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::Withdrawal;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::Withdraw;
use rampart_protocol::{Address, Amount, merkle};

/// Queues a payment on the L2. There is no least amount: everyone can leave with everything (X2).
pub(super) fn withdraw<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    m: &Withdraw,
) -> Result<(), Fault> {
    let Withdraw {
        recipient, amount, ..
    } = *m;
    if amount == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the withdrawal",
        }
        .into());
    }
    // `Settlement.withdraw` refuses both; what was withdrawn to either could never be paid.
    if recipient == Address::ZERO || recipient == tx.env.domain.settlement {
        return Err(Reject::BadRecipient { recipient }.into());
    }
    tx.debit(amount)?;
    give(&mut tx.globals.withdrawn, amount, "the sum of withdrawals")?;
    let index = tx.globals.withdrawals;
    let account = tx.account.address;
    let withdrawal = Withdrawal {
        index,
        account,
        recipient,
        amount,
        transaction: tx.id,
        height: tx.env.height,
        timestamp: tx.env.timestamp,
    };
    merkle::push_peak(&mut tx.globals.withdrawal_peaks, index, withdrawal.leaf());
    tx.globals.withdrawals = next(index, "the number of withdrawals")?;
    draft.put(withdrawal);
    draft.emit(Event::WithdrawalQueued {
        index,
        account,
        recipient,
        amount,
    });
    Ok(())
}
