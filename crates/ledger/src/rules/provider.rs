//! Registration of providers, their public data and their stake (V2, V4, O2).

use super::{Tx, check_text, give, next};
use crate::decay::Decaying;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::{EscrowQueue, Provider, Status};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::{AddStake, RegisterProvider, UpdateProvider};
use rampart_protocol::{Amount, ProviderId};

/// Registers the signer as a provider with a stake of at least the fixed deposit.
pub(super) fn register<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    m: &RegisterProvider,
) -> Result<(), Fault> {
    check_text("the name", &m.name, false)?;
    check_endpoint(&m.endpoint)?;
    if let Some(provider) = tx.account.owned_provider() {
        return Err(Reject::AlreadyProvider { provider }.into());
    }
    tx.debit(m.stake)?;
    let need = tx.params.deposit_fixed;
    if m.stake < need {
        return Err(Reject::StakeTooLow { have: m.stake, need }.into());
    }
    give(&mut tx.globals.stakes, m.stake, "the sum of stakes")?;
    let id = tx.globals.next_provider;
    tx.globals.next_provider = ProviderId(next(id.0, "the number of providers")?);
    tx.account.provider = id;
    let owner = tx.account.address;
    draft.put(Provider {
        id,
        owner,
        name: m.name.clone(),
        endpoint: m.endpoint.clone(),
        status: Status::Active,
        registered_at: tx.env.timestamp,
        stake: m.stake,
        escrow: EscrowQueue::default(),
        claimed: Amount::ZERO,
        services: 0,
        purchases: 0,
        revenue: Decaying::default(),
        positive: Decaying::default(),
        negative: Decaying::default(),
    });
    draft.emit(Event::ProviderRegistered {
        provider: id,
        owner,
        stake: m.stake,
    });
    Ok(())
}

/// Changes a provider's name and endpoint.
pub(super) fn update<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &Tx<'_>,
    m: &UpdateProvider,
) -> Result<(), Fault> {
    check_text("the name", &m.name, false)?;
    check_endpoint(&m.endpoint)?;
    let mut provider = tx.own_provider(draft, m.provider)?;
    provider.name.clone_from(&m.name);
    provider.endpoint.clone_from(&m.endpoint);
    draft.put(provider);
    draft.emit(Event::ProviderUpdated { provider: m.provider });
    Ok(())
}

/// Moves the owner's balance into the provider's stake.
pub(super) fn add_stake<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    m: &AddStake,
) -> Result<(), Fault> {
    if m.amount == Amount::ZERO {
        return Err(Reject::ZeroAmount {
            what: "the stake added",
        }
        .into());
    }
    let mut provider = tx.own_provider(draft, m.provider)?;
    tx.debit(m.amount)?;
    give(&mut provider.stake, m.amount, "the stake")?;
    give(&mut tx.globals.stakes, m.amount, "the sum of stakes")?;
    let stake = provider.stake;
    draft.put(provider);
    draft.emit(Event::StakeAdded {
        provider: m.provider,
        amount: m.amount,
        stake,
    });
    Ok(())
}

/// An HTTP URL in printable ASCII (RFC 3986 permits no more). That it answers is nothing that a ledger can know.
fn check_endpoint(endpoint: &str) -> Result<(), Reject> {
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        _ => Err(Reject::BadEndpoint {}),
    }
}
