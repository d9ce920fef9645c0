//! The rules, one file for each thing that can be asked.
//!
//! Here: what every transaction has in common (limits, account, nonce, in that order), and the movements of funds
//! that the rules share. Each rule checks everything before it writes, in the order of the rejections' numbers.

mod claim;
mod deposit;
mod provider;
mod purchase;
mod service;
mod usage;
mod withdraw;

pub(crate) use deposit::credit_deposit;

use crate::apply::BlockEnv;
use crate::draft::Draft;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::params::Params;
use crate::record::{Account, Globals, Provider};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::{Address, Amount, B256, DecodeError, Message, Nonce, ProviderId};

/// One transaction in execution.
struct Tx<'a> {
    env: &'a BlockEnv,
    id: B256,
    params: Params,
    globals: Globals,
    /// The signer's account, its nonce already counted up.
    account: Account,
}

/// Executes a transaction whose signature was verified.
pub(crate) fn execute<V: View>(
    draft: &mut Draft<'_, V>,
    env: &BlockEnv,
    signer: Address,
    id: B256,
    message: &Message,
) -> Result<(), Fault> {
    check_limits(message)?;
    let account = draft
        .account(&signer)?
        .ok_or(Reject::UnknownAccount { account: signer })?;
    let account = count_nonce(account, message.nonce())?;
    let before = draft.globals()?;
    let mut tx = Tx {
        env,
        id,
        params: draft.params()?,
        globals: before.clone(),
        account,
    };
    match message {
        Message::RegisterProvider(m) => provider::register(draft, &mut tx, m),
        Message::UpdateProvider(m) => provider::update(draft, &tx, m),
        Message::AddStake(m) => provider::add_stake(draft, &mut tx, m),
        Message::RegisterService(m) => service::register(draft, &mut tx, m),
        Message::UpdateService(m) => service::update(draft, &tx, m),
        Message::Purchase(m) => purchase::buy(draft, &mut tx, m),
        Message::ReportUsage(m) => usage::report(draft, &tx, m),
        Message::Claim(m) => claim::claim(draft, &mut tx, m),
        Message::Withdraw(m) => withdraw::withdraw(draft, &mut tx, m),
    }?;
    draft.put(tx.account);
    if tx.globals != before {
        draft.put(tx.globals);
    }
    Ok(())
}

fn check_limits(message: &Message) -> Result<(), Reject> {
    message.check_limits().map_err(|error| match error {
        DecodeError::TooLong { what, actual, limit } => Reject::FieldTooLong { what, actual, limit },
        // The other reasons are about bytes that do not decode; a message in hand has none of them.
        _ => Reject::FieldTooLong {
            what: "message",
            actual: 0,
            limit: 0,
        },
    })
}

fn count_nonce(mut account: Account, got: Nonce) -> Result<Account, Reject> {
    let expected = account.nonce;
    if got < expected {
        return Err(Reject::StaleNonce { got, expected });
    }
    if got > expected {
        return Err(Reject::FutureNonce { got, expected });
    }
    let next = expected.0.checked_add(1).ok_or(Reject::Overflow {
        what: "the account's nonce",
    })?;
    account.nonce = Nonce(next);
    Ok(account)
}

impl Tx<'_> {
    /// Takes from the signer's balance.
    fn debit(&mut self, amount: Amount) -> Result<(), Fault> {
        let have = self.account.balance;
        let insufficient = Reject::InsufficientBalance { have, need: amount };
        self.account.balance = have.checked_sub(amount).ok_or(insufficient)?;
        take(&mut self.globals.balances, amount)
    }

    /// Adds to the signer's balance.
    fn credit(&mut self, amount: Amount) -> Result<(), Reject> {
        give(&mut self.account.balance, amount, "the balance")?;
        give(&mut self.globals.balances, amount, "the sum of balances")
    }

    /// A provider that the signer owns.
    fn own_provider<V: View>(&self, draft: &Draft<'_, V>, id: ProviderId) -> Result<Provider, Fault> {
        let provider = draft.provider(id)?;
        self.check_owner(&provider)?;
        Ok(provider)
    }

    fn check_owner(&self, provider: &Provider) -> Result<(), Reject> {
        let (owner, signer) = (provider.owner, self.account.address);
        if owner == signer {
            Ok(())
        } else {
            Err(Reject::NotOwner {
                provider: provider.id,
                owner,
                signer,
            })
        }
    }
}

/// Adds to a sum.
fn give(sum: &mut Amount, amount: Amount, what: &'static str) -> Result<(), Reject> {
    *sum = sum.checked_add(amount).ok_or(Reject::Overflow { what })?;
    Ok(())
}

/// Takes from a total that holds every part of it.
fn take(total: &mut Amount, amount: Amount) -> Result<(), Fault> {
    let less = Corrupt {
        key: Key::globals(),
        what: "a total is less than one of its parts",
    };
    *total = total.checked_sub(amount).ok_or(less)?;
    Ok(())
}

/// The next number of a counter.
fn next(counter: u64, what: &'static str) -> Result<u64, Reject> {
    counter.checked_add(1).ok_or(Reject::Overflow { what })
}

/// A text that people are shown: not empty, no control characters but line ends where `lines` are permitted, and no
/// characters that change the direction of writing (Unicode UAX #9), with which a name can pass for another.
fn check_text(what: &'static str, text: &str, lines: bool) -> Result<(), Reject> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| (!c.is_control() || (lines && c == '\n')) && !turns(c);
    if text.trim().is_empty() || !text.chars().all(shown) {
        Err(Reject::BadText { what })
    } else {
        Ok(())
    }
}
