//! Transfers between accounts of the ledger (U1).

use super::funds::{credit, debit, debit_with_storage};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::Transfer;
use rampart_protocol::{Address, Amount};

/// Moves balance; the sender pays for the account that it opens.
pub(super) fn transfer<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &Transfer,
) -> Result<(), Fault> {
    let (recipient, amount) = (m.recipient, m.amount);
    if amount == Amount::ZERO {
        return Err(Reject::ZeroAmount { what: "the transfer" }.into());
    }
    if recipient == Address::ZERO || recipient == draft.env.domain.settlement || recipient == signer {
        return Err(Reject::BadRecipient { recipient }.into());
    }
    if draft.account(&recipient)?.is_some() {
        debit(draft, signer, amount)?;
    } else {
        debit_with_storage(draft, signer, amount)?;
    }
    credit(draft, recipient, amount)?;
    draft.emit(Event::Transferred {
        sender: signer,
        recipient,
        amount,
    });
    Ok(())
}
