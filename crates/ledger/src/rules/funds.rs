//! The movements of funds that rules share: between accounts, and in and out of the totals that conservation compares.

use crate::draft::Draft;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::record::{Account, AccountAt};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::{Address, Amount, Nonce, ProviderId};

/// Takes from an account's balance.
pub(super) fn debit<V: View>(draft: &mut Draft<'_, V>, who: Address, amount: Amount) -> Result<(), Fault> {
    let account = account(draft, who)?;
    let have = account.balance;
    let insufficient = Reject::InsufficientBalance { have, need: amount };
    account.balance = have.checked_sub(amount).ok_or(insufficient)?;
    take(&mut draft.globals.balances, amount)
}

/// Adds to an account's balance, and opens the account if need be.
pub(super) fn credit<V: View>(draft: &mut Draft<'_, V>, who: Address, amount: Amount) -> Result<(), Fault> {
    let mut account = open(draft, who)?;
    give(&mut account.balance, amount, "the balance")?;
    draft.put(account);
    give(&mut draft.globals.balances, amount, "the sum of balances")?;
    Ok(())
}

/// Takes from an account's balance, and on top of it the fee for a record that is kept for good.
pub(super) fn debit_with_storage<V: View>(
    draft: &mut Draft<'_, V>,
    who: Address,
    amount: Amount,
) -> Result<(), Fault> {
    let fee = draft.params.storage_fee;
    let mut sum = amount;
    give(&mut sum, fee, "the amount with the storage fee")?;
    debit(draft, who, sum)?;
    give(&mut draft.globals.pool, fee, "the pool")?;
    Ok(())
}

/// The account of somebody who has one, to change.
pub(super) fn account<'d, V: View>(
    draft: &'d mut Draft<'_, V>,
    who: Address,
) -> Result<&'d mut Account, Fault> {
    draft.edit(&Key::account(&who), || Reject::UnknownAccount { account: who })
}

/// An account, opened if it did not exist.
pub(super) fn open<V: View>(draft: &mut Draft<'_, V>, address: Address) -> Result<Account, Fault> {
    if let Some(account) = draft.account(&address)? {
        return Ok(account);
    }
    let index = draft.globals.accounts;
    draft.globals.accounts = next(index, "the number of accounts")?;
    let account = Account {
        address,
        index,
        balance: Amount::ZERO,
        deposits: Amount::ZERO,
        nonce: Nonce(0),
        provider: ProviderId(0),
    };
    draft.put(AccountAt { index, address });
    draft.put(account.clone());
    Ok(account)
}

/// Adds to a sum.
pub(super) fn give(sum: &mut Amount, amount: Amount, what: &'static str) -> Result<(), Reject> {
    *sum = sum.checked_add(amount).ok_or(Reject::Overflow { what })?;
    Ok(())
}

/// Takes from a total that holds every part of it.
pub(super) fn take(total: &mut Amount, amount: Amount) -> Result<(), Fault> {
    let less = Corrupt {
        key: Key::globals(),
        what: "a total is less than one of its parts",
    };
    *total = total.checked_sub(amount).ok_or(less)?;
    Ok(())
}

/// The next number of a counter.
pub(super) fn next(counter: u64, what: &'static str) -> Result<u64, Reject> {
    counter.checked_add(1).ok_or(Reject::Overflow { what })
}
