//! Deposits seen on the L2 (C3): each credited once, in the inbox's order.

use super::{give, next};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::{Account, AccountAt};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::observation::Deposit;
use rampart_protocol::{Amount, Nonce, ProviderId};

/// Credits a deposit, and opens the account with its first one.
///
/// Only the order can be wrong: the contract took the tokens, so nothing else may refuse them. The sums cannot
/// overflow while the token's supply is fixed and fits 128 bits.
pub(crate) fn credit_deposit<V: View>(draft: &mut Draft<'_, V>, deposit: &Deposit) -> Result<(), Fault> {
    let mut globals = draft.globals()?;
    let Deposit {
        index,
        account: address,
        amount,
        ..
    } = *deposit;
    if index != globals.inbox_count {
        return Err(Reject::InboxOutOfOrder {
            got: index,
            expected: globals.inbox_count,
        }
        .into());
    }
    let mut account = match draft.account(&address)? {
        Some(account) => account,
        None => {
            let index = globals.accounts;
            globals.accounts = next(index, "the number of accounts")?;
            draft.put(AccountAt { index, address });
            Account {
                address,
                index,
                balance: Amount::ZERO,
                nonce: Nonce(0),
                provider: ProviderId(0),
            }
        }
    };
    give(&mut account.balance, amount, "the balance")?;
    give(&mut globals.balances, amount, "the sum of balances")?;
    give(&mut globals.deposited, amount, "the sum of deposits")?;
    globals.inbox_count = next(index, "the inbox's count")?;
    draft.put(account);
    draft.put(globals);
    draft.emit(Event::Deposited {
        index,
        account: address,
        amount,
    });
    Ok(())
}
