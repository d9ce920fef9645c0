//! Forced messages (X2): what an account put into the settlement contract's inbox, which no operator can leave out.
//!
//! The contract knows the sender, so no signature is asked, and the place in the inbox stands for the nonce: whatever a
//! censoring operator includes in the meantime, the message still has its turn. It counts as one of the account's
//! transactions all the same. A message that cannot be executed is consumed without effect, or it would hold up
//! everything behind it.

use super::{check_limits, count_nonce, deposit, dispatch, funds};
use crate::apply::Prepared;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::view::View;
use alloc::string::ToString;
use rampart_protocol::observation::Forced;
use rampart_protocol::{Message, keccak256};

/// Consumes a forced message, and executes it if it can be.
pub(super) fn force<V: View>(draft: &mut Draft<'_, V>, forced: &Forced) -> Result<(), Fault> {
    deposit::count(draft, forced.index)?;
    let refused = match Message::from_bytes(&forced.message) {
        Err(error) => Err((0, error.to_string())),
        Ok(message) => {
            let id = keccak256(&forced.message);
            let prepared = Prepared::new(&draft.env.domain, forced.account, id, message);
            draft
                .attempt(|draft| execute(draft, &prepared))?
                .map_err(|reject| (reject.code(), reject.to_string()))
        }
    };
    if let Err((code, reason)) = refused {
        draft.emit(Event::ForcedRefused {
            index: forced.index,
            account: forced.account,
            code,
            reason,
        });
    }
    Ok(())
}

fn execute<V: View>(draft: &mut Draft<'_, V>, prepared: &Prepared) -> Result<(), Fault> {
    check_limits(prepared.message())?;
    count_nonce(funds::account(draft, prepared.signer())?)?;
    dispatch(draft, prepared)
}
