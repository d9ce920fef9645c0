//! Registration of providers, their public data, and what they stake of their claims (V2, O2).

use super::funds::{account, debit, give, next};
use super::own_provider;
use super::text::{check_endpoint, check_text};
use crate::decay::Decaying;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::{EscrowQueue, Profile, Provider, Status};
use crate::reject::Reject;
use crate::view::View;
use alloc::vec::Vec;
use rampart_protocol::message::{RegisterProvider, SetAutoStake, UpdateProvider};
use rampart_protocol::{Address, Amount, CaseId, Ppm, ProviderId, Timestamp};

/// Registers the signer as a provider with a stake of at least the fixed deposit.
pub(super) fn register<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &RegisterProvider,
) -> Result<(), Fault> {
    check_text("the name", &m.name, false)?;
    check_endpoint(&m.endpoint)?;
    if let Some(provider) = account(draft, signer)?.owned_provider() {
        return Err(Reject::AlreadyProvider { provider }.into());
    }
    debit(draft, signer, m.stake)?;
    let need = draft.params.deposit_fixed;
    if m.stake < need {
        return Err(Reject::StakeTooLow { have: m.stake, need }.into());
    }
    give(&mut draft.globals.stakes, m.stake, "the sum of stakes")?;
    let id = draft.globals.next_provider;
    draft.globals.next_provider = ProviderId(next(id.0, "the number of providers")?);
    account(draft, signer)?.provider = id;
    draft.put(new(id, signer, m.stake, draft.now()));
    draft.put(Profile {
        provider: id,
        name: m.name.clone(),
        endpoint: m.endpoint.clone(),
    });
    draft.emit(Event::ProviderRegistered {
        provider: id,
        owner: signer,
        stake: m.stake,
    });
    Ok(())
}

const fn new(id: ProviderId, owner: Address, stake: Amount, now: Timestamp) -> Provider {
    const NOTHING: Decaying = Decaying::NOTHING;
    Provider {
        id,
        owner,
        status: Status::Active,
        status_since: Timestamp(0),
        suspensions: 0,
        pardons: 0,
        case: CaseId(rampart_protocol::B256::ZERO),
        registered_at: now,
        stake,
        unbonding: Vec::new(),
        auto_stake: Ppm(0),
        bonds: Amount::ZERO,
        compensation: Amount::ZERO,
        escrow: EscrowQueue::EMPTY,
        claimed: Amount::ZERO,
        services: 0,
        active_services: 0,
        purchases: 0,
        sold: 0,
        obliged_until: Timestamp(0),
        revenue: NOTHING,
        positive: NOTHING,
        negative: NOTHING,
    }
}

/// Changes a provider's name and endpoint.
pub(super) fn update<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &UpdateProvider,
) -> Result<(), Fault> {
    check_text("the name", &m.name, false)?;
    check_endpoint(&m.endpoint)?;
    own_provider(draft, signer, m.provider)?;
    draft.put(Profile {
        provider: m.provider,
        name: m.name.clone(),
        endpoint: m.endpoint.clone(),
    });
    draft.emit(Event::ProviderUpdated { provider: m.provider });
    Ok(())
}

/// Sets the share of each claim that is staked.
pub(super) fn set_auto_stake<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &SetAutoStake,
) -> Result<(), Fault> {
    if m.share > Ppm::ONE {
        return Err(Reject::BadFraction {
            what: "the share",
            ppm: m.share.0,
        }
        .into());
    }
    let mut provider = own_provider(draft, signer, m.provider)?;
    provider.auto_stake = m.share;
    draft.put(provider);
    draft.emit(Event::AutoStakeSet {
        provider: m.provider,
        share: m.share,
    });
    Ok(())
}
