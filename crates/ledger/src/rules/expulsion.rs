//! Suspension, reinstatement and expulsion of providers (S3, O6).
//!
//! A provider whose score falls under `expel_score`, on evidence enough, is suspended at once and its expulsion becomes a
//! case. It sells again when the case is decided for it or dropped, or when its score has recovered. Governance can
//! suspend, expel and pardon whatever the score is.

use super::begin::enqueue;
use super::funds::give;
use super::rewards::Beneficiary;
use super::{case, own_provider, slash, stake};
use crate::decay::Decaying;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::math::ppm_of_up;
use crate::record::{Provider, QueueKind, Status, Subject};
use crate::reject::Reject;
use crate::standing::{is_untrustworthy, score};
use crate::view::View;
use rampart_protocol::message::Reinstate;
use rampart_protocol::verdict::expulsion as expulsion_case;
use rampart_protocol::{Address, Amount, B256, CaseId, ProviderId};

/// No case.
const NONE: CaseId = CaseId(B256::ZERO);

/// After negative evidence: suspends a provider that has become untrustworthy. The caller keeps the record.
pub(super) fn accuse<V: View>(draft: &mut Draft<'_, V>, provider: &mut Provider) -> Result<(), Fault> {
    let now = draft.now();
    if provider.status != Status::Active || !is_untrustworthy(&draft.params, &draft.globals, provider, now) {
        return Ok(());
    }
    provider.suspensions = provider.suspensions.saturating_add(1);
    provider.case = expulsion_case(provider.id, provider.suspensions);
    suspend(draft, provider);
    case::open(draft, provider.case, Subject::Expulsion, provider.id, 1)
}

/// After negative evidence was taken out: lets a provider sell again that its score had suspended, if the score has
/// recovered. The caller keeps the record.
pub(super) fn relieve<V: View>(draft: &mut Draft<'_, V>, provider: &mut Provider) {
    let now = draft.now();
    let by_score = provider.status == Status::Suspended && provider.case != NONE;
    if by_score && !is_untrustworthy(&draft.params, &draft.globals, provider, now) {
        reinstate(draft, provider);
    }
}

fn suspend<V: View>(draft: &mut Draft<'_, V>, provider: &mut Provider) {
    provider.status = Status::Suspended;
    provider.status_since = draft.now();
    draft.emit(Event::ProviderSuspended {
        provider: provider.id,
    });
}

fn reinstate<V: View>(draft: &mut Draft<'_, V>, provider: &mut Provider) {
    provider.status = Status::Active;
    provider.status_since = draft.now();
    provider.case = NONE;
    draft.emit(Event::ProviderReinstated {
        provider: provider.id,
    });
}

/// The owner points out that the score has recovered: nothing happens by itself when evidence decays.
pub(super) fn ask_reinstatement<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &Reinstate,
) -> Result<(), Fault> {
    let mut provider = own_provider(draft, signer, m.provider)?;
    if provider.status != Status::Suspended || provider.case == NONE {
        return Err(Reject::NotSuspended { provider: m.provider }.into());
    }
    let now = draft.now();
    if is_untrustworthy(&draft.params, &draft.globals, &provider, now) {
        return Err(Reject::ScoreTooLow {
            score: score(&draft.params, &draft.globals, &provider, now).0,
            least: draft.params.expel_score.0,
        }
        .into());
    }
    reinstate(draft, &mut provider);
    draft.put(provider);
    Ok(())
}

/// Executes the operators' or governance's verdict on an expulsion.
pub(super) fn settle<V: View>(
    draft: &mut Draft<'_, V>,
    provider: ProviderId,
    upheld: bool,
    judges: &[Beneficiary],
) -> Result<(), Fault> {
    let mut provider: Provider = draft.existing(&Key::provider(provider), "a case names no provider")?;
    if upheld {
        expel(draft, &mut provider, judges)?;
    } else {
        reinstate(draft, &mut provider);
    }
    draft.put(provider);
    Ok(())
}

/// Expels a provider: what is slashed of its stake is held for its consumers.
fn expel<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    judges: &[Beneficiary],
) -> Result<(), Fault> {
    let overflow = |what| Reject::Overflow { what };
    let staked = (provider.stake.checked_add(provider.unbonding_total())).ok_or(overflow("the stake"))?;
    let amount = ppm_of_up(staked, draft.params.slash_expel).ok_or(overflow("the slash"))?;
    let compensation = slash::slash(draft, provider, amount, judges)?;
    give(&mut provider.compensation, compensation, "the compensation")?;
    give(
        &mut draft.globals.compensation,
        compensation,
        "the sum of compensations",
    )?;
    let until = draft.now().checked_add(draft.params.compensation_window);
    let until = until.ok_or(overflow("the compensation's end"))?;
    enqueue(draft, QueueKind::Compensation, until, subject_of(provider.id))?;
    provider.status = Status::Expelled;
    provider.status_since = draft.now();
    provider.case = NONE;
    draft.emit(Event::ProviderExpelled {
        provider: provider.id,
        compensation,
        until,
    });
    Ok(())
}

/// How a queue names a provider.
fn subject_of(provider: ProviderId) -> B256 {
    B256::left_padding_from(&provider.0.to_be_bytes())
}

/// The case on an expulsion was dropped: nobody decided it, so the provider is presumed honest. A case that was not
/// the provider's last changes nothing.
pub(super) fn forget<V: View>(
    draft: &mut Draft<'_, V>,
    case: CaseId,
    provider: ProviderId,
) -> Result<(), Fault> {
    let mut provider: Provider = draft.existing(&Key::provider(provider), "a case names no provider")?;
    if provider.case == case && provider.status == Status::Suspended {
        reinstate(draft, &mut provider);
        draft.put(provider);
    }
    Ok(())
}

/// The time for compensations is over: what is left goes to the pool. It is not over when the provider was pardoned and
/// expelled again, or the window was prolonged: then the deadline is put off.
pub(super) fn close_compensation<V: View>(draft: &mut Draft<'_, V>, subject: B256) -> Result<(), Fault> {
    let [.., a, b, c, d, e, f, g, h] = subject.0;
    let id = ProviderId(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    let mut provider: Provider = draft.existing(&Key::provider(id), "a deadline names no provider")?;
    let until = stake::compensated_until(draft, &provider);
    if provider.status == Status::Expelled && draft.now() <= until {
        return enqueue(draft, QueueKind::Compensation, until, subject);
    }
    let amount = provider.compensation;
    provider.compensation = Amount::ZERO;
    draft.put(provider);
    super::funds::take(&mut draft.globals.compensation, amount)?;
    give(&mut draft.globals.pool, amount, "the pool")?;
    draft.emit(Event::CompensationClosed { provider: id, amount });
    Ok(())
}

/// Governance suspends a provider, until it says otherwise.
pub(super) fn suspend_by_governance<V: View>(draft: &mut Draft<'_, V>, id: ProviderId) -> Result<(), Fault> {
    let mut provider = draft.provider(id)?;
    if provider.status == Status::Expelled {
        return Err(Reject::ProviderExpelled { provider: id }.into());
    }
    provider.case = NONE;
    suspend(draft, &mut provider);
    draft.put(provider);
    Ok(())
}

/// Governance expels a provider.
pub(super) fn expel_by_governance<V: View>(draft: &mut Draft<'_, V>, id: ProviderId) -> Result<(), Fault> {
    let mut provider = draft.provider(id)?;
    if provider.status == Status::Expelled {
        return Err(Reject::ProviderExpelled { provider: id }.into());
    }
    expel(draft, &mut provider, &[])?;
    draft.put(provider);
    Ok(())
}

/// Governance lets a provider sell again, and forgets what was held against it, reviews that are not decided included:
/// their verdicts still move deposits and refunds, but no evidence.
pub(super) fn pardon<V: View>(draft: &mut Draft<'_, V>, id: ProviderId) -> Result<(), Fault> {
    let mut provider = draft.provider(id)?;
    if provider.status == Status::Active {
        return Err(Reject::NotSuspended { provider: id }.into());
    }
    provider.negative = Decaying::NOTHING;
    provider.pardons = provider.pardons.saturating_add(1);
    reinstate(draft, &mut provider);
    draft.put(provider);
    Ok(())
}
