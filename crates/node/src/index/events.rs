//! What happened, block by block, for streams of events. Purchases are not stored again: they are read from the records
//! of their block, so that an event costs nothing per purchase.

use super::store::{Index, IndexError, META, RECORDS};
use crate::application::Finalized;
use alloy_rlp::Decodable;
use rampart_ledger::Event;
use rampart_protocol::api::{
    BlockEvent, EventFilter, EventId, EventKind, EventView, ProviderChange, ProviderEvent, PurchaseEvent,
    ReviewChange, ReviewEvent, ServiceEvent,
};
use rampart_protocol::{B256, CaseId, ProviderId, PurchaseId, PurchaseRecord};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

/// Height -> (digest, Unix milliseconds, transactions, purchases).
pub(super) const BLOCKS: TableDefinition<'_, u64, ([u8; 32], u64, u32, u32)> = TableDefinition::new("blocks");
/// (height, number) -> kind and JSON of an event that is neither block nor purchase.
pub(super) const EVENTS: TableDefinition<'_, (u64, u32), (&str, &str)> = TableDefinition::new("events");
/// The first height from which on no block is missing.
const SINCE: &str = "events-since";

/// A part of the chain's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// What is wanted of it.
    pub events: Vec<(EventId, EventView)>,
    /// The first height that was not read; the last known one and one more when all were.
    pub next: u64,
}

/// Takes in a block's events.
pub(super) fn block(
    write: &WriteTransaction,
    finalized: &Finalized,
    skipped: bool,
) -> Result<(), IndexError> {
    let header = finalized.block.header();
    {
        let mut meta = write.open_table(META)?;
        if skipped || meta.get(SINCE)?.is_none() {
            meta.insert(SINCE, header.height)?;
        }
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let purchases = count(finalized.executed.purchases().count());
    let transactions = count(finalized.block.body().transactions.len());
    let row = (finalized.digest.0, header.timestamp_ms, transactions, purchases);
    write.open_table(BLOCKS)?.insert(header.height, row)?;
    let mut table = write.open_table(EVENTS)?;
    let mut number = purchases.saturating_add(1);
    for event in finalized
        .executed
        .receipts
        .iter()
        .flat_map(|receipt| &receipt.events)
    {
        if let Some(view) = view(header.height, event) {
            let json = serde_json::to_string(&view).map_err(|_| IndexError::Corrupt)?;
            table.insert((header.height, number), (view.kind().name(), json.as_str()))?;
            number = number.saturating_add(1);
        }
    }
    Ok(())
}

/// What a stream tells of an event, other than a purchase.
fn view(height: u64, event: &Event) -> Option<EventView> {
    let review = |change, purchase, provider: ProviderId| ReviewEvent {
        height,
        change,
        purchase,
        provider,
        consumer: None,
        case: None,
        upheld: None,
    };
    let provider = |provider: ProviderId, change| {
        EventView::Provider(ProviderEvent {
            height,
            provider,
            change,
        })
    };
    let case = |change, id: CaseId, provider, upheld| {
        EventView::Review(ReviewEvent {
            case: Some(id),
            upheld,
            ..review(change, None, provider)
        })
    };
    Some(match *event {
        Event::Reviewed {
            purchase,
            provider,
            consumer,
            ..
        } => EventView::Review(ReviewEvent {
            consumer: Some(consumer),
            ..review(ReviewChange::Published, Some(purchase), provider)
        }),
        Event::Challenged {
            purchase, provider, ..
        } => EventView::Review(review(ReviewChange::Challenged, Some(purchase), provider)),
        Event::ReviewStood { purchase, provider } => {
            EventView::Review(review(ReviewChange::Stood, Some(purchase), provider))
        }
        Event::CaseDecided {
            case: id,
            subject: rampart_ledger::Subject::Review,
            provider,
            upheld,
        } => case(ReviewChange::Decided, id, provider, Some(upheld)),
        Event::CaseDropped { case: id, provider } => case(ReviewChange::Dropped, id, provider, None),
        Event::ServiceRegistered { service, provider } => EventView::Service(ServiceEvent {
            height,
            service,
            provider,
            version: 1,
            active: true,
        }),
        Event::ServiceUpdated {
            service,
            provider,
            version,
            active,
        } => EventView::Service(ServiceEvent {
            height,
            service,
            provider,
            version,
            active,
        }),
        Event::ProviderRegistered { provider: id, .. } => provider(id, ProviderChange::Registered),
        Event::ProviderUpdated { provider: id } => provider(id, ProviderChange::Updated),
        Event::ProviderSuspended { provider: id } => provider(id, ProviderChange::Suspended),
        Event::ProviderReinstated { provider: id } => provider(id, ProviderChange::Reinstated),
        Event::ProviderExpelled { provider: id, .. } => provider(id, ProviderChange::Expelled),
        _ => return None,
    })
}

impl Index {
    /// The first height from which on events are known; `None` before the first block.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn events_since(&self) -> Result<Option<u64>, IndexError> {
        let read = self.database.begin_read()?;
        Ok(read.open_table(META)?.get(SINCE)?.map(|height| height.value()))
    }

    /// The events from `from` on, of at most `blocks` blocks, and of no more once there are `rows`. Whole blocks only, so
    /// that none is torn between two pages.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn events(
        &self,
        from: EventId,
        filter: &EventFilter,
        blocks: u64,
        rows: usize,
    ) -> Result<EventPage, IndexError> {
        let read = self.database.begin_read()?;
        let (table, records, events) = (
            read.open_table(BLOCKS)?,
            read.open_table(RECORDS)?,
            read.open_table(EVENTS)?,
        );
        let mut page = EventPage {
            events: Vec::new(),
            next: from.height,
        };
        for row in table.range(from.height..from.height.saturating_add(blocks))? {
            let (height, row) = row?;
            let height = height.value();
            let mut push = |number: u32, event: EventView| {
                let id = EventId { height, number };
                if id >= from && filter.wants(&event) {
                    page.events.push((id, event));
                }
            };
            let (digest, timestamp_ms, transactions, purchases) = row.value();
            push(
                0,
                EventView::Block(BlockEvent {
                    height,
                    digest: B256::new(digest),
                    timestamp_ms,
                    transactions,
                    purchases,
                }),
            );
            for row in records.range((height, 0)..=(height, u32::MAX))? {
                let (key, bytes) = row?;
                let record = PurchaseRecord::decode(&mut bytes.value()).map_err(|_| IndexError::Corrupt)?;
                push(key.value().1.saturating_add(1), purchase(height, record));
            }
            for row in events.range((height, 0)..=(height, u32::MAX))? {
                let (key, row) = row?;
                let (kind, json) = row.value();
                let kind = EventKind::from_name(kind).ok_or(IndexError::Corrupt)?;
                let event = EventView::read(kind, json).map_err(|_| IndexError::Corrupt)?;
                push(key.value().1, event);
            }
            page.next = height.saturating_add(1);
            if page.events.len() >= rows {
                break;
            }
        }
        Ok(page)
    }
}

fn purchase(height: u64, record: PurchaseRecord) -> EventView {
    let PurchaseId(id) = record.id;
    EventView::Purchase(PurchaseEvent {
        height,
        confirmation: format!("/v1/purchases/{id}/confirmation"),
        record,
    })
}
