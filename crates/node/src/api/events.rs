//! `GET /v1/events`: what happens, as server-sent events (HTML Standard, 9.2), from any height that the index knows and
//! then live.
//!
//! A stream reads the index, also when it is live, and only as fast as its reader takes: it keeps one page of events and no
//! queue, so nothing is lost between the past and the present and nothing is told twice. An event's id is its place in
//! the chain, the same on every node, and `Last-Event-ID` (or `?from=HEIGHT`) goes on behind it, on any node. Without either
//! a stream begins with the next block.
//!
//! Where a filter leaves much out, an id without data moves the reader's place on. A stream that the node ends says why in a
//! last event `end`: `slow` (it was live and fell [`MAX_LAG`] blocks behind), `age` (its connection is as old as it may
//! be), `failed`. An idle stream carries a comment every [`KEEP_ALIVE`].

use super::error::ApiError;
use super::openapi::query;
use super::reads::QueryOf;
use super::{MAX_AGE, Shared};
use crate::engine::Runtime;
use crate::index::{Index, IndexError};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use rampart_protocol::api::{EventFilter, EventId, EventKind, EventView, StreamEnd};
use rampart_protocol::{Address, ProviderId};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Streams at a time.
pub const MAX_STREAMS: usize = 256;
/// Streams at a time for one address. Behind a reverse proxy all clients have one.
pub const MAX_STREAMS_PER_ADDRESS: usize = 64;
/// Blocks that a live stream may fall behind.
pub const MAX_LAG: u64 = 256;
/// Pause after which an idle stream carries a comment.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Blocks read at once.
const PAGE_BLOCKS: u64 = 64;
/// Events after which no further block is read at once.
const PAGE_ROWS: usize = 256;

/// Whose connection a request came by, and since when it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) since: Instant,
}

/// The streams that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// A place among the streams; free again when dropped.
#[derive(Debug)]
struct Place {
    streams: Streams,
    address: IpAddr,
}

impl Streams {
    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .sum()
    }

    fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (
            open.values().sum::<usize>(),
            open.get(&address).copied().unwrap_or(0),
        );
        if all >= MAX_STREAMS || own >= MAX_STREAMS_PER_ADDRESS {
            return None;
        }
        open.insert(address, own + 1);
        Some(Place {
            streams: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.address);
            }
        }
    }
}

query! {
    /// What `GET /v1/events` is asked for.
    EventsQuery {
        /// The first height; the next block unless told. The header `Last-Event-ID` goes before it.
        from: Option<u64>,
        /// Kinds of events, separated by commas: `block`, `purchase`, `review`, `service`, `provider`; all unless told.
        kinds: Option<String>,
        /// About this provider only; blocks then only if asked for by kind.
        provider: Option<u64>,
        /// About this consumer only, likewise.
        consumer: Option<Address>,
    }
}

impl EventsQuery {
    pub(super) fn filter(&self) -> Result<EventFilter, ApiError> {
        let kinds = self.kinds.as_deref().unwrap_or_default();
        let kinds = kinds.split(',').filter(|name| !name.is_empty()).map(|name| {
            let unknown = || ApiError::bad_request("malformed_query", format!("there is no kind {name:?}"));
            EventKind::from_name(name).ok_or_else(unknown)
        });
        Ok(EventFilter {
            kinds: kinds.collect::<Result<_, _>>()?,
            provider: self.provider.map(ProviderId),
            consumer: self.consumer,
        })
    }
}

/// The first event that is not known to the reader.
pub(super) fn start(headers: &HeaderMap, from: Option<u64>, tip: u64) -> Result<EventId, ApiError> {
    if let Some(last) = headers.get("last-event-id") {
        let malformed = || ApiError::bad_request("malformed_event_id", "Last-Event-ID reads height-number");
        let last: EventId = last
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(malformed)?;
        return Ok(EventId {
            number: last.number.saturating_add(1),
            ..last
        });
    }
    Ok(EventId {
        height: from.unwrap_or(tip.saturating_add(1)),
        number: 0,
    })
}

/// `GET /v1/events`
pub(super) async fn events<E: Runtime>(
    State(context): State<Shared<E>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    query: QueryOf<EventsQuery>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let filter = query.filter()?;
    let tip = context.index.height()?;
    let from = start(&headers, query.from, tip)?;
    if let Some(since) = context
        .index
        .events_since()?
        .filter(|since| from.height < *since && *since > 1)
    {
        let message =
            format!("this operator knows events from height {since} on; ask another for earlier ones");
        return Err(ApiError::new(StatusCode::GONE, "events_gone", message));
    }
    let Extension(peer) = peer.unwrap_or(Extension(Peer {
        address: Ipv4Addr::UNSPECIFIED.into(),
        since: Instant::now(),
    }));
    let place = context
        .streams
        .enter(peer.address)
        .ok_or_else(ApiError::overloaded)?;
    let reader = Reader {
        heights: context.index.heights(),
        index: context.index.clone(),
        filter,
        next: from,
        told: from.height,
        live: false,
        waiting: VecDeque::new(),
        ends: peer.since + MAX_AGE,
        ended: false,
        _place: place,
    };
    let keep = KeepAlive::new().interval(KEEP_ALIVE);
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(reader.stream()).keep_alive(keep)).into_response())
}

/// One stream.
struct Reader {
    index: Index,
    heights: watch::Receiver<u64>,
    filter: EventFilter,
    /// Where to read on.
    next: EventId,
    /// The height that the reader has an id of.
    told: u64,
    /// Whether it has been at the tip.
    live: bool,
    waiting: VecDeque<(EventId, Option<EventView>)>,
    ends: Instant,
    ended: bool,
    _place: Place,
}

impl Reader {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut reader| async {
            let event = reader.event().await?;
            Some((Ok(event), reader))
        })
    }

    /// The next event; `None` behind the last.
    async fn event(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        loop {
            if Instant::now() >= self.ends {
                return Some(self.end(StreamEnd::Age));
            }
            if let Some((id, event)) = self.waiting.pop_front() {
                self.told = id.height;
                return Some(written(id, event.as_ref()));
            }
            let tip = *self.heights.borrow_and_update();
            if self.next.height > tip {
                self.live = true;
                match tokio::time::timeout_at(self.ends, self.heights.changed()).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return None,
                    Err(_) => return Some(self.end(StreamEnd::Age)),
                }
            }
            if self.live && tip - self.next.height > MAX_LAG {
                return Some(self.end(StreamEnd::Slow));
            }
            if let Err(error) = self.read().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a stream of events failed"
                );
                return Some(self.end(StreamEnd::Failed));
            }
        }
    }

    async fn read(&mut self) -> Result<(), IndexError> {
        let (index, filter, from) = (self.index.clone(), self.filter.clone(), self.next);
        let read = move || index.events(from, &filter, PAGE_BLOCKS, PAGE_ROWS);
        // The task is only lost when the process ends.
        let page = tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| IndexError::Corrupt)??;
        if page.next == from.height {
            // A block below the tip that the index does not have.
            return Err(IndexError::Incomplete);
        }
        self.waiting = page
            .events
            .into_iter()
            .map(|(id, event)| (id, Some(event)))
            .collect();
        self.next = EventId {
            height: page.next,
            number: 0,
        };
        if self.waiting.is_empty() && page.next.saturating_sub(self.told) >= PAGE_BLOCKS {
            let id = EventId {
                height: page.next.saturating_sub(1),
                number: u32::MAX,
            };
            self.waiting.push_back((id, None));
        }
        Ok(())
    }

    fn end(&mut self, reason: StreamEnd) -> Event {
        self.ended = true;
        Event::default()
            .event("end")
            .data(format!("{{\"reason\":\"{reason}\"}}"))
    }
}

/// Without data a browser takes note of the id and tells nobody.
fn written(id: EventId, event: Option<&EventView>) -> Event {
    let written = Event::default().id(id.to_string());
    let Some(event) = event else {
        return written;
    };
    match serde_json::to_string(event) {
        Ok(json) => written.event(event.kind().name()).data(json),
        Err(_) => written,
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
