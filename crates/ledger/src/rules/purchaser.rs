//! Delegated purchasers: who may buy in an account's name, how much and until when.
//!
//! A purchaser's nonces are its own (`rampart_protocol::purchaser`), so that a gateway that buys and the wallet behind it do
//! not wait for one another. What a purchase takes from the account is its fee, which is what the limit counts.

use super::funds::{self, debit_with_storage, next};
use super::{compare_nonces, purchase};
use crate::apply::Prepared;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{MAX_PURCHASERS, Purchaser, Purchasers};
use crate::reject::Reject;
use crate::view::View;
use alloc::vec::Vec;
use rampart_protocol::message::{DelegatePurchaser, RevokePurchaser};
use rampart_protocol::purchaser::{first_nonce, lane};
use rampart_protocol::{AccessKey, Address, Amount, Message, Nonce};

/// Permits a key to buy, or changes what it is permitted. A new one pays for its record.
pub(super) fn delegate<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &DelegatePurchaser,
) -> Result<(), Fault> {
    let consumer = prepared.signer();
    check_terms(prepared, m, draft.now())?;
    let found: Option<Purchasers> = draft.find(&Key::purchasers(&consumer))?;
    let mut all = found.unwrap_or_else(|| Purchasers {
        consumer,
        issued: 0,
        keys: Vec::new(),
    });
    if let Some(known) = all.find_mut(&m.purchaser) {
        (known.left, known.expires_at) = (m.limit, m.expires_at);
    } else {
        if all.keys.len() >= MAX_PURCHASERS {
            let limit = u32::try_from(MAX_PURCHASERS).unwrap_or(u32::MAX);
            return Err(Reject::TooManyPurchasers { limit }.into());
        }
        let what = "the number of purchasers";
        all.issued = next(all.issued, what)?;
        all.keys.push(Purchaser {
            key: m.purchaser,
            left: m.limit,
            expires_at: m.expires_at,
            nonce: first_nonce(all.issued).ok_or(Reject::Overflow { what })?,
        });
        debit_with_storage(draft, consumer, Amount::ZERO)?;
    }
    draft.put(all);
    draft.emit(Event::PurchaserDelegated {
        consumer,
        purchaser: m.purchaser,
        limit: m.limit,
        expires_at: m.expires_at,
    });
    Ok(())
}

fn check_terms(
    prepared: &Prepared,
    m: &DelegatePurchaser,
    now: rampart_protocol::Timestamp,
) -> Result<(), Reject> {
    if m.limit == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the spending limit",
        });
    }
    if !prepared.key_is_good() {
        return Err(Reject::BadAccessKey {});
    }
    if m.expires_at <= now {
        return Err(Reject::DelegationOver {
            expires_at: m.expires_at,
            now,
        });
    }
    Ok(())
}

/// Ends what a key was permitted.
pub(super) fn revoke<V: View>(
    draft: &mut Draft<'_, V>,
    consumer: Address,
    m: &RevokePurchaser,
) -> Result<(), Fault> {
    let purchaser = m.purchaser;
    let unknown = || Reject::UnknownPurchaser { consumer, purchaser };
    let all: &mut Purchasers = draft.edit(&Key::purchasers(&consumer), unknown)?;
    let place = all.keys.iter().position(|one| one.key == purchaser);
    all.keys.remove(place.ok_or_else(unknown)?);
    draft.emit(Event::PurchaserRevoked { consumer, purchaser });
    Ok(())
}

/// Buys for the account by a delegated key.
pub(super) fn buy<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    key: AccessKey,
) -> Result<(), Fault> {
    let consumer = prepared.signer();
    funds::account(draft, consumer)?;
    count_nonce(known(draft, consumer, key)?, prepared.message().nonce())?;
    let Message::Purchase(m) = prepared.message() else {
        let message = prepared.message().name();
        return Err(Reject::NotDelegable { message }.into());
    };
    let (now, expired_at) = (draft.now(), known(draft, consumer, key)?.expires_at);
    if now >= expired_at {
        return Err(Reject::DelegationExpired { expired_at }.into());
    }
    purchase::buy(draft, prepared, m)?;
    let purchaser = known(draft, consumer, key)?;
    let (have, need) = (purchaser.left, m.fee);
    purchaser.left = have
        .checked_sub(need)
        .ok_or(Reject::SpendingLimit { have, need })?;
    Ok(())
}

/// A purchaser of the account, to change.
fn known<'d, V: View>(
    draft: &'d mut Draft<'_, V>,
    consumer: Address,
    purchaser: AccessKey,
) -> Result<&'d mut Purchaser, Fault> {
    let unknown = || Reject::UnknownPurchaser { consumer, purchaser };
    let all: &mut Purchasers = draft.edit(&Key::purchasers(&consumer), unknown)?;
    all.find_mut(&purchaser).ok_or_else(|| unknown().into())
}

fn count_nonce(purchaser: &mut Purchaser, got: Nonce) -> Result<(), Reject> {
    compare_nonces(purchaser.nonce, got)?;
    let what = "the purchaser's nonce";
    let following = Nonce(next(got.0, what)?);
    if lane(following) != lane(got) {
        return Err(Reject::Overflow { what });
    }
    purchaser.nonce = following;
    Ok(())
}
