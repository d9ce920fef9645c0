//! Finding services and purchases: filters, orders and pages over the index.
//!
//! No request looks at more than [`MAX_LOOKED_AT`] entries, however few match: a page may then be short or empty and still
//! have a `next`. A page follows the last entry looked at by its key, so an entry whose key stays is told exactly once, and
//! one whose price or score changes in between may be told twice or not at all.

use super::Shared;
use super::error::ApiError;
use super::market::{provider_record, purchase_view, service_view_of};
use super::openapi::query;
use super::reads::{Answer, QueryOf, globals, now, page, params};
use crate::engine::Runtime;
use crate::index::{Buyer, Place, ServiceFilter, ServiceRow};
use axum::Json;
use axum::extract::{Query, State};
use rampart_protocol::api::{PurchaseList, Services};
use rampart_protocol::{Address, Amount, Category, Ppm, ProviderId, PurchaseRecord, ServiceId};
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Most entries that a request looks at.
pub const MAX_LOOKED_AT: usize = 2_000;
/// Longest text that is searched for, bytes.
pub const MAX_TEXT: usize = 64;
/// Most services in the order of scores; later ones are not told in that order.
pub const MAX_RANKED: usize = 100_000;
/// Fewest candidates read at once.
const MIN_BATCH: usize = 64;
/// How old the order of scores may be.
const RANKING_AGE: Duration = Duration::from_secs(5);

/// The order of a list of services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    #[default]
    Id,
    Price,
    Score,
}

impl rampart_protocol::shape::Shape for Sort {
    fn shape(_: &mut rampart_protocol::shape::Shapes) -> serde_json::Value {
        serde_json::json!({ "type": "string", "enum": ["id", "price", "score"], "default": "id" })
    }
}

query! {
    /// Filters of `GET /v1/services`.
    ServicesQuery {
        /// Of this provider only.
        provider: Option<u64>,
        /// Of this category only.
        category: Option<Category>,
        /// Whose provider has at least this score, ppm.
        min_score: Option<u32>,
        /// For at most this fee, base units.
        max_price: Option<Amount>,
        /// With this text in the description or the provider's name, whatever the case; 64 bytes at most.
        text: Option<String>,
        /// That can, or cannot, be bought.
        active: Option<bool>,
        /// `id` ascending, `price` ascending, or `score` descending (at most 5 seconds old).
        sort: Option<Sort>,
        /// `next` of the page before, asked with the same filters and order; none for the first page.
        after: Option<String>,
        /// Most rows on the page, 50 unless told, 200 at most.
        limit: Option<usize>,
    }
}

query! {
    /// Filters of `GET /v1/purchases`; one of `consumer` and `service` is needed.
    PurchasesQuery {
        /// Bought by this account.
        consumer: Option<Address>,
        /// Of this service.
        service: Option<u64>,
        /// Of this provider; add `consumer` or `service`, or ask `/v1/providers/{id}/purchases`.
        provider: Option<u64>,
        /// `next` of the page before; none for the first page.
        after: Option<String>,
        /// Most rows on the page, 50 unless told, 200 at most.
        limit: Option<usize>,
    }
}

/// Services by score, best first.
#[derive(Debug, Default)]
struct Ranking {
    made: Option<Instant>,
    rows: Arc<Vec<(Reverse<Ppm>, ServiceId)>>,
}

/// The order of scores, made again at most every five seconds and only when asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Rankings(Arc<Mutex<Ranking>>);

impl Rankings {
    async fn rows<E: Runtime>(
        &self,
        context: &Shared<E>,
    ) -> Result<Arc<Vec<(Reverse<Ppm>, ServiceId)>>, ApiError> {
        let mut ranking = self.0.lock().await;
        if ranking.made.is_some_and(|made| made.elapsed() < RANKING_AGE) {
            return Ok(ranking.rows.clone());
        }
        let mut scores = Scores::new(context).await?;
        let mut rows = Vec::new();
        for (id, provider) in context.index.all_services(MAX_RANKED)? {
            rows.push((Reverse(scores.of(context, provider).await?), id));
        }
        rows.sort_unstable();
        *ranking = Ranking {
            made: Some(Instant::now()),
            rows: Arc::new(rows),
        };
        Ok(ranking.rows.clone())
    }
}

/// Scores of providers now, each read once.
struct Scores {
    params: Arc<rampart_ledger::Params>,
    globals: Arc<rampart_ledger::Globals>,
    known: BTreeMap<ProviderId, Ppm>,
}

impl Scores {
    async fn new<E: Runtime>(context: &Shared<E>) -> Result<Self, ApiError> {
        Ok(Self {
            params: params(context).await?,
            globals: globals(context).await?,
            known: BTreeMap::new(),
        })
    }

    async fn of<E: Runtime>(&mut self, context: &Shared<E>, id: ProviderId) -> Result<Ppm, ApiError> {
        if let Some(score) = self.known.get(&id) {
            return Ok(*score);
        }
        let provider = provider_record(context, id).await?;
        let score = rampart_ledger::score(&self.params, &self.globals, &provider, now(context));
        self.known.insert(id, score);
        Ok(score)
    }
}

/// Where a page of services ends: its key in the order, and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    key: u128,
    id: ServiceId,
}

impl Position {
    /// `ID` in the order of ids, `KEY-ID` in the others.
    pub(super) fn read(sort: Sort, text: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::bad_request("malformed_query", "`after` is no cursor of this order");
        let (key, id) = match sort {
            Sort::Id => ("0", text),
            Sort::Price | Sort::Score => text.split_once('-').ok_or_else(malformed)?,
        };
        Ok(Self {
            key: key.parse().map_err(|_| malformed())?,
            id: ServiceId(id.parse().map_err(|_| malformed())?),
        })
    }

    pub(super) fn write(self, sort: Sort) -> String {
        match sort {
            Sort::Id => self.id.to_string(),
            Sort::Price | Sort::Score => format!("{}-{}", self.key, self.id),
        }
    }
}

async fn candidates<E: Runtime>(
    context: &Shared<E>,
    sort: Sort,
    filter: &ServiceFilter,
    after: Option<Position>,
    count: usize,
) -> Result<Vec<Position>, ApiError> {
    Ok(match sort {
        Sort::Id => {
            let after = after.map_or(0, |position| position.id.0);
            let ids = context.index.services_by_id(filter, after, count)?;
            ids.into_iter().map(|id| Position { key: 0, id }).collect()
        }
        Sort::Price => {
            let after = after.map(|position| (Amount(position.key), position.id));
            let rows = context.index.services_by_price(filter, after, count)?;
            rows.into_iter()
                .map(|(fee, id)| Position { key: fee.0, id })
                .collect()
        }
        Sort::Score => {
            let rows = context.rankings.rows(context).await?;
            let start = after.map_or(0, |Position { key, id }| {
                let score = Ppm(u32::try_from(key).unwrap_or(u32::MAX));
                rows.partition_point(|row| *row <= (Reverse(score), id))
            });
            let rest = rows.get(start..).unwrap_or_default().iter().take(count);
            rest.map(|(Reverse(score), id)| Position {
                key: u128::from(score.0),
                id: *id,
            })
            .collect()
        }
    })
}

/// `GET /v1/services`
pub(super) async fn services<E: Runtime>(
    State(context): State<Shared<E>>,
    query: QueryOf<ServicesQuery>,
) -> Answer<Services> {
    let Query(query) = query?;
    let text = query.text.as_deref().map(str::to_lowercase);
    if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
        let message = format!("a text to search for has at most {MAX_TEXT} bytes");
        return Err(ApiError::bad_request("malformed_query", message));
    }
    let filter = ServiceFilter {
        provider: query.provider.map(ProviderId),
        category: query.category,
        max_price: query.max_price,
        text: text.filter(|text| !text.is_empty()),
        active: query.active,
    };
    let (sort, limit) = (query.sort.unwrap_or_default(), page(query.limit));
    let mut after = query
        .after
        .as_deref()
        .map(|text| Position::read(sort, text))
        .transpose()?;
    let mut scores = Scores::new(&context).await?;
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let more = loop {
        if found.len() == limit || looked_at >= MAX_LOOKED_AT {
            break true;
        }
        let size = limit.max(MIN_BATCH);
        let batch = candidates(&context, sort, &filter, after, size).await?;
        let rows = context
            .index
            .fitting(&filter, batch.iter().map(|position| position.id))?;
        looked_at += batch.len();
        let last = batch.len() < size;
        let mut full = false;
        for (position, row) in batch.iter().zip(rows) {
            if found.len() == limit {
                full = true;
                break;
            }
            after = Some(*position);
            if let Some(row) = row.filter(|row| in_order(sort, position, row)) {
                let score = scores.of(&context, row.provider).await?;
                if query.min_score.is_none_or(|least| score.0 >= least) {
                    found.push(service_view_of(&context, row.id).await?);
                }
            }
        }
        if last && !full {
            break false;
        }
    };
    let next = after.filter(|_| more).map(|position| position.write(sort));
    Ok(Json(Services {
        services: found,
        next,
    }))
}

/// A price that changed since the candidate was read: the service is told at its new place.
fn in_order(sort: Sort, position: &Position, row: &ServiceRow) -> bool {
    sort != Sort::Price || row.fee.0 == position.key
}

/// `GET /v1/purchases`
pub(super) async fn purchases<E: Runtime>(
    State(context): State<Shared<E>>,
    query: QueryOf<PurchasesQuery>,
) -> Answer<PurchaseList> {
    let Query(query) = query?;
    let malformed = |message| ApiError::bad_request("malformed_query", message);
    let buyer = match (query.consumer, query.service) {
        (Some(consumer), _) => Buyer::Consumer(consumer),
        (None, Some(service)) => Buyer::Service(ServiceId(service)),
        (None, None) => return Err(malformed("name a consumer or a service")),
    };
    let mut after = query.after.as_deref().map(read_place).transpose()?;
    let (params, limit) = (params(&context).await?, page(query.limit));
    let wanted = |record: &PurchaseRecord| {
        query.service.is_none_or(|service| record.service.0 == service)
            && query
                .provider
                .is_none_or(|provider| record.provider.0 == provider)
    };
    let (mut purchases, mut looked_at) = (Vec::new(), 0);
    let more = loop {
        if purchases.len() == limit || looked_at >= MAX_LOOKED_AT {
            break true;
        }
        let count = limit.max(MIN_BATCH);
        let batch = context.index.purchases_by(buyer, after, count)?;
        looked_at += batch.len();
        let mut full = false;
        for (place, record) in &batch {
            if purchases.len() == limit {
                full = true;
                break;
            }
            after = Some(*place);
            if wanted(record) {
                purchases.push(purchase_view(&context, &params, record.id).await?);
            }
        }
        if batch.len() < count && !full {
            break false;
        }
    };
    let next = after.filter(|_| more);
    let next = next.map(|place| format!("{}-{}", place.height, place.position));
    Ok(Json(PurchaseList { purchases, next }))
}

pub(super) fn read_place(text: &str) -> Result<Place, ApiError> {
    let malformed = || ApiError::bad_request("malformed_query", "`after` is no cursor of purchases");
    let (height, position) = text.split_once('-').ok_or_else(malformed)?;
    Ok(Place {
        height: height.parse().map_err(|_| malformed())?,
        position: position.parse().map_err(|_| malformed())?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_order_only() {
        let position = Position {
            key: 7,
            id: ServiceId(3),
        };
        for sort in [Sort::Price, Sort::Score] {
            assert_eq!(Position::read(sort, &position.write(sort)).unwrap(), position);
            assert!(Position::read(sort, "3").is_err());
        }
        assert_eq!(Position::read(Sort::Id, "3").unwrap().id, ServiceId(3));
        for wrong in ["", "7-3", "-1", "x"] {
            assert!(Position::read(Sort::Id, wrong).is_err(), "{wrong}");
        }
    }
}
