//! Deposits seen on the L2 (C3): each credited once, in the inbox's order.

use super::funds::{self, give, next};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::observation::Deposit;

/// Credits a deposit, and opens the account with its first one.
///
/// Only the order can be wrong: the contract took the tokens, so nothing else may refuse them. The sums cannot
/// overflow while the token's supply is fixed and fits 128 bits.
pub(super) fn credit<V: View>(draft: &mut Draft<'_, V>, deposit: &Deposit) -> Result<(), Fault> {
    let Deposit {
        index,
        account,
        amount,
        ..
    } = *deposit;
    count(draft, index)?;
    funds::credit(draft, account, amount)?;
    give(&mut draft.globals.deposited, amount, "the sum of deposits")?;
    draft.emit(Event::Deposited {
        index,
        account,
        amount,
    });
    Ok(())
}

/// Counts a message of the inbox, which must be the next one.
pub(super) fn count<V: View>(draft: &mut Draft<'_, V>, got: u64) -> Result<(), Reject> {
    let expected = draft.globals.inbox_count;
    if got != expected {
        return Err(Reject::InboxOutOfOrder { got, expected });
    }
    draft.globals.inbox_count = next(expected, "the inbox's count")?;
    Ok(())
}
