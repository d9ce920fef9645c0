//! The facts of a case, gathered for the judges (V8): from the ledger, and from this operator's own probes.
//!
//! Decides what is looked at; what it means is [`super::judge`]'s.

use super::DutyError;
use super::judge::{CaseFile, ExpulsionCase, Facts, ReviewCase};
use super::ledger::Ledger;
use super::store::Store;
use super::tally::Rule;
use crate::engine::Runtime;
use crate::index::IndexError;
use rampart_ledger::{
    Ballot, EpochReport, Globals, Key, Params, Provider, Purchase, Review, ReviewState, Service, Subject,
};
use rampart_protocol::{Address, ProviderId, PurchaseId, ServiceId, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reviews of a provider that are looked at, the oldest first.
const MAX_REVIEWS: usize = 2_000;
/// Reviews that are read from the index at a time.
const PAGE: usize = 200;

/// What the duties go by.
pub(super) struct Basics<'a> {
    pub(super) globals: &'a Globals,
    pub(super) params: &'a Params,
    pub(super) rule: Rule,
    pub(super) now: Timestamp,
}

/// What there is to know of a case.
pub(super) async fn gather<E: Runtime>(
    ledger: &Ledger<E>,
    store: &Store,
    basics: &Basics<'_>,
    ballot: &Ballot,
) -> Result<CaseFile, DutyError> {
    let facts = match ballot.subject {
        Subject::Review => review(ledger, store, basics, ballot).await?.map(Facts::Review),
        Subject::Expulsion => match expulsion(ledger, basics, ballot.provider).await {
            Ok(facts) => facts.map(Facts::Expulsion),
            // After state sync not all reviews are known here.
            Err(DutyError::Index(IndexError::Incomplete)) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(CaseFile {
        case: ballot.case,
        facts: facts.unwrap_or(Facts::Unknown),
    })
}

async fn review<E: Runtime>(
    ledger: &Ledger<E>,
    store: &Store,
    basics: &Basics<'_>,
    ballot: &Ballot,
) -> Result<Option<ReviewCase>, DutyError> {
    let id = PurchaseId(ballot.case.0);
    let review: Option<Arc<Review>> = ledger.find(Key::review(&id)).await?;
    let purchase: Option<Arc<Purchase>> = ledger.find(Key::purchase(&id)).await?;
    let Some((review, purchase)) = review.zip(purchase) else {
        return Ok(None);
    };
    let record = &purchase.record;
    let (purchased_at, until) = (record.purchased_at, record.expires_at.min(review.filed_at));
    let service: Option<Arc<Service>> = ledger.find(Key::service(record.service)).await?;
    let outage = match service {
        Some(service) => outage(ledger, &service, purchased_at, until).await?,
        None => None,
    };
    Ok(Some(ReviewCase {
        purchased_at,
        until,
        requests: record.requests,
        used: purchase.used.0,
        outage,
        probes: store.of_service(record.service, &(purchased_at..=until))?,
        rule: basics.rule,
    }))
}

/// The last epoch of a service's last row of outages, if any of the row overlaps a time. Earlier rows the ledger has
/// forgotten.
async fn outage<E: Runtime>(
    ledger: &Ledger<E>,
    service: &Service,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<u64>, DutyError> {
    let Some(last) = service.down.checked_sub(1) else {
        return Ok(None);
    };
    let first = last.saturating_sub(u64::from(service.outages.saturating_sub(1)));
    let begin: Option<Arc<EpochReport>> = ledger.find(Key::epoch(first)).await?;
    let end: Option<Arc<EpochReport>> = ledger.find(Key::epoch(last)).await?;
    let overlaps = begin
        .zip(end)
        .is_some_and(|(begin, end)| begin.started_at <= until && end.ended_at >= from);
    Ok(overlaps.then_some(last))
}

async fn expulsion<E: Runtime>(
    ledger: &Ledger<E>,
    basics: &Basics<'_>,
    id: ProviderId,
) -> Result<Option<ExpulsionCase>, DutyError> {
    let provider: Option<Arc<Provider>> = ledger.find(Key::provider(id)).await?;
    let Some(provider) = provider else {
        return Ok(None);
    };
    let Basics {
        globals, params, now, ..
    } = basics;
    Ok(Some(ExpulsionCase {
        score: rampart_ledger::score(params, globals, &provider, *now),
        expel_score: params.expel_score,
        consumers: complainants(ledger, basics, id).await?,
        outage: longest_outage(ledger, globals, id).await?,
        outage_epochs: params.outage_epochs.0,
    }))
}

/// Different consumers of whom a review of a provider stands, within two half-lives of evidence.
async fn complainants<E: Runtime>(
    ledger: &Ledger<E>,
    basics: &Basics<'_>,
    id: ProviderId,
) -> Result<u64, DutyError> {
    let age = basics.params.score_half_life.0.saturating_mul(2);
    let since = Timestamp(basics.now.0.saturating_sub(age));
    let mut consumers: BTreeSet<Address> = BTreeSet::new();
    let (mut after, mut seen) = (0, 0);
    while seen < MAX_REVIEWS {
        let rows = ledger.index.reviews_of(id, after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = last.cursor;
        seen += rows.len();
        for row in rows {
            let review: Option<Arc<Review>> = ledger.find(Key::review(&row.id)).await?;
            let stands = |review: &Arc<Review>| {
                matches!(review.state, ReviewState::Stood | ReviewState::Upheld) && review.filed_at >= since
            };
            consumers.extend(review.filter(stands).map(|review| review.consumer));
        }
    }
    Ok(u64::try_from(consumers.len()).unwrap_or(u64::MAX))
}

/// Of a provider's services, the one that was down for the most epochs in a row, up to the last one reported on.
async fn longest_outage<E: Runtime>(
    ledger: &Ledger<E>,
    globals: &Globals,
    id: ProviderId,
) -> Result<Option<(ServiceId, u32)>, DutyError> {
    let services = ledger.services(globals).await?;
    // In epoch n, epoch n - 1 is reported on; one that is not reported yet ends no row.
    let runs = |service: &Arc<Service>| service.down.saturating_add(1) >= globals.epoch.number;
    let rows = services
        .iter()
        .filter(|service| service.provider == id && service.down != 0 && runs(service));
    Ok(rows
        .map(|service| (service.id, service.outages))
        .max_by_key(|(_, row)| *row))
}
