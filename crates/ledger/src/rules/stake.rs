//! The security deposit: adding to it, taking it out, and what leaves when (V4).

use super::funds::{credit, debit, give, take};
use super::own_provider;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::record::{MAX_UNBONDINGS, Provider, Status, Unbonding};
use crate::reject::Reject;
use crate::standing::required_stake;
use crate::view::View;
use rampart_protocol::message::{AddStake, ReleaseStake, Unbond};
use rampart_protocol::{Address, Amount, Timestamp};

/// Moves the owner's balance into the provider's stake.
pub(super) fn add<V: View>(draft: &mut Draft<'_, V>, signer: Address, m: &AddStake) -> Result<(), Fault> {
    if m.amount == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the stake added",
        }
        .into());
    }
    let mut provider = own_provider(draft, signer, m.provider)?;
    debit(draft, signer, m.amount)?;
    deposit(draft, &mut provider, m.amount)?;
    draft.put(provider);
    Ok(())
}

/// Adds funds, wherever they come from, to a stake.
pub(super) fn deposit<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
) -> Result<(), Fault> {
    give(&mut provider.stake, amount, "the stake")?;
    give(&mut draft.globals.stakes, amount, "the sum of stakes")?;
    draft.emit(Event::StakeAdded {
        provider: provider.id,
        amount,
        stake: provider.stake,
    });
    Ok(())
}

/// Begins to take stake out. What a seller is required to have stays; a provider that sells nothing any more may take
/// out all, but what it takes below the requirement waits until nobody can use or review its purchases.
pub(super) fn unbond<V: View>(draft: &mut Draft<'_, V>, signer: Address, m: &Unbond) -> Result<(), Fault> {
    if m.amount == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the stake taken out",
        }
        .into());
    }
    let mut provider = own_provider(draft, signer, m.provider)?;
    if provider.unbonding.len() >= MAX_UNBONDINGS {
        let limit = u32::try_from(MAX_UNBONDINGS).unwrap_or(u32::MAX);
        return Err(Reject::TooManyUnbondings { limit }.into());
    }
    let (have, now) = (provider.stake, draft.now());
    let overflow = |what| Reject::Overflow { what };
    let required = required_stake(&draft.params, &draft.globals, &provider, now)
        .ok_or(overflow("the deposit required"))?;
    let rest = have.checked_sub(m.amount);
    if rest.is_none_or(|rest| rest < required) && provider.active_services > 0 {
        return Err(Reject::StakeRequired { have, need: required }.into());
    }
    let rest = rest.ok_or(Reject::InsufficientStake { have, need: m.amount })?;
    let after = now.checked_add(draft.params.unbond_period);
    let mut release_at = after.ok_or(overflow("the time of release"))?;
    if rest < required {
        release_at = release_at.max(provider.obliged_until);
    }
    provider.stake = rest;
    let place = provider
        .unbonding
        .partition_point(|part| part.release_at <= release_at);
    let part = Unbonding {
        amount: m.amount,
        release_at,
    };
    provider.unbonding.insert(place, part);
    take(&mut draft.globals.stakes, m.amount)?;
    give(
        &mut draft.globals.unbonding,
        m.amount,
        "the sum of unbonding stake",
    )?;
    draft.put(provider);
    draft.emit(Event::Unbonding {
        provider: m.provider,
        amount: m.amount,
        release_at,
    });
    Ok(())
}

/// Moves every part of the stake whose time has come into the owner's balance.
pub(super) fn release<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &ReleaseStake,
) -> Result<(), Fault> {
    let mut provider = own_provider(draft, signer, m.provider)?;
    let first = provider.unbonding.first().copied();
    let first = first.ok_or(Reject::NothingUnbonding {})?;
    let now = draft.now();
    if first.release_at > now {
        let release_at = first.release_at;
        return Err(Reject::StillUnbonding { release_at }.into());
    }
    check_not_held(draft, &provider)?;
    let due = provider.unbonding.partition_point(|part| part.release_at <= now);
    let mut amount = Amount::ZERO;
    for part in provider.unbonding.drain(..due) {
        give(&mut amount, part.amount, "the stake released")?;
    }
    let owner = provider.owner;
    draft.put(provider);
    take(&mut draft.globals.unbonding, amount)?;
    credit(draft, owner, amount)?;
    draft.emit(Event::StakeReleased {
        provider: m.provider,
        owner,
        amount,
    });
    Ok(())
}

/// Whether fees and stake may leave: not while a provider is suspended, nor while the consumers of an expelled one can
/// still ask for refunds.
pub(super) fn check_not_held<V: View>(draft: &Draft<'_, V>, provider: &Provider) -> Result<(), Reject> {
    let until = compensated_until(draft, provider);
    let held = match provider.status {
        Status::Active => false,
        Status::Suspended => true,
        Status::Expelled => draft.now() <= until,
    };
    if held {
        return Err(Reject::Held {
            provider: provider.id,
            until,
        });
    }
    Ok(())
}

/// The last moment at which a consumer of an expelled provider can ask for a refund.
pub(super) fn compensated_until<V: View>(draft: &Draft<'_, V>, provider: &Provider) -> Timestamp {
    let window = draft.params.compensation_window;
    Timestamp(provider.status_since.0.saturating_add(window.0))
}

/// Takes up to an amount out of a stake, and when that is not enough out of what is unbonding, soonest first.
pub(super) fn seize<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
) -> Result<Amount, Fault> {
    let corrupt = Corrupt {
        key: provider.key(),
        what: "more was taken of a stake than it had",
    };
    let mut left = amount;
    let from_stake = Amount(left.0.min(provider.stake.0));
    provider.stake = provider.stake.checked_sub(from_stake).ok_or(corrupt)?;
    left = left.checked_sub(from_stake).ok_or(corrupt)?;
    let mut from_unbonding = Amount::ZERO;
    for part in &mut provider.unbonding {
        let taken = Amount(left.0.min(part.amount.0));
        part.amount = part.amount.checked_sub(taken).ok_or(corrupt)?;
        left = left.checked_sub(taken).ok_or(corrupt)?;
        give(&mut from_unbonding, taken, "the stake taken")?;
    }
    provider.unbonding.retain(|part| part.amount != Amount::ZERO);
    take(&mut draft.globals.stakes, from_stake)?;
    take(&mut draft.globals.unbonding, from_unbonding)?;
    Ok(amount.checked_sub(left).ok_or(corrupt)?)
}
