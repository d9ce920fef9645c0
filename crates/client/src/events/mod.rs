//! Following what happens, over `GET /v1/events`: connects, goes on behind the last event when the connection ends, and
//! tells each event once.
//!
//! What a node tells here is not proven. Before money depends on a purchase, fetch and verify its confirmation
//! ([`crate::verify_confirmation`]).

pub(crate) mod parse;

use crate::node::{ClientError, NodeClient, refusal, whole};
use parse::{Message, Parser};
use rampart_protocol::api::{EventFilter, EventId, EventKind, EventView};
use std::time::Duration;

/// The first pause before a node is asked again; each failure in a row doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Silence after which a connection is given up: nodes send a comment every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// Time for a node to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest body of a refusal that is read, bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// Why a stream of events cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// A node refuses what is asked, as every other would; or none is configured.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the next block.
    #[default]
    Next,
    /// With the first event of a height.
    Height(u64),
    /// Behind an event.
    After(EventId),
}

/// A stream of events that outlives connections and nodes.
#[derive(Debug)]
pub struct Events {
    client: NodeClient,
    filter: EventFilter,
    start: Start,
    connection: Option<(reqwest::Response, Parser)>,
    failures: u32,
    node: usize,
}

impl NodeClient {
    /// Follows what happens. Nothing is asked before [`Events::next`].
    #[must_use]
    pub fn events(&self, filter: EventFilter, start: Start) -> Events {
        Events {
            client: self.clone(),
            filter,
            start,
            connection: None,
            failures: 0,
            node: 0,
        }
    }
}

impl Events {
    /// The place of the last event, from which another stream could go on; keep it to survive a restart.
    #[must_use]
    pub const fn position(&self) -> Start {
        self.start
    }

    /// The next event. Waits for it, however long nodes are away.
    ///
    /// A stream that begins with the next block has no place before its first event: what happens until the first connection,
    /// and between two before an event, is not told.
    ///
    /// # Errors
    /// [`EventsError`] when no node would ever answer; the stream can be asked again.
    pub async fn next(&mut self) -> Result<(EventId, EventView), EventsError> {
        loop {
            if let Some(event) = self.read().await {
                return Ok(event);
            }
            self.connection = None;
            if self.failures > 0 {
                tokio::time::sleep(pause(self.failures)).await;
            }
            self.connect().await?;
        }
    }

    /// Reads on; `None` when there is no connection any more.
    async fn read(&mut self) -> Option<(EventId, EventView)> {
        let (response, parser) = self.connection.as_mut()?;
        loop {
            while let Some(message) = parser.message() {
                if let Some(event) = take(&mut self.start, message) {
                    self.failures = 0;
                    return Some(event);
                }
            }
            // Silence, an error and the end of the connection have one answer: connect again.
            let chunk = tokio::time::timeout(SILENCE, response.chunk())
                .await
                .ok()?
                .ok()??;
            if !parser.push(&chunk) {
                self.failures = self.failures.saturating_add(1);
                return None;
            }
        }
    }

    async fn connect(&mut self) -> Result<(), EventsError> {
        // Forgiven by the first event: a node that takes connections and ends them is not asked without pause.
        self.failures = self.failures.saturating_add(1);
        let urls = self.client.urls();
        let url = urls
            .get(self.node % urls.len().max(1))
            .ok_or(ClientError::NoNode)?
            .clone();
        self.node = self.node.wrapping_add(1);
        let mut request = self
            .client
            .http()
            .get(format!("{url}/v1/events{}", query(&self.filter, self.start)));
        if let Start::After(last) = self.start {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let Ok(Ok(response)) = tokio::time::timeout(CONNECT, request.send()).await else {
            return Ok(());
        };
        if response.status().is_success() {
            self.connection = Some((response, Parser::default()));
            return Ok(());
        }
        let read = tokio::time::timeout(CONNECT, whole(&url, response, MAX_REFUSAL)).await;
        let Ok(Ok((status, body))) = read else {
            return Ok(());
        };
        // Another node may know earlier events (410), or be less busy (503).
        if status.is_server_error()
            || (status.as_u16() == 410 && urls_left(self.failures, self.client.urls()))
        {
            return Ok(());
        }
        Err(refusal(&url, status, &body).into())
    }
}

fn urls_left(failures: u32, urls: &[String]) -> bool {
    usize::try_from(failures).is_ok_and(|failures| failures < urls.len())
}

fn pause(failures: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    // Up to a quarter more, so that clients of a node that restarts do not come all at once.
    let pause = doubled.min(LONGEST_PAUSE);
    pause + pause.mul_f64(rand::random::<f64>() / 4.0)
}

/// Takes note of a message's place; returns its event if it has one that was not told before.
pub(crate) fn take(start: &mut Start, message: Message) -> Option<(EventId, EventView)> {
    let id: EventId = message.id?.parse().ok()?;
    if let Start::After(last) = *start
        && id <= last
    {
        return None;
    }
    *start = Start::After(id);
    let kind = EventKind::from_name(&message.event)?;
    let event = EventView::read(kind, &message.data).ok()?;
    Some((id, event))
}

fn query(filter: &EventFilter, start: Start) -> String {
    let mut parts = Vec::new();
    if let Start::Height(height) = start {
        parts.push(format!("from={height}"));
    }
    if !filter.kinds.is_empty() {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.name()).collect();
        parts.push(format!("kinds={}", kinds.join(",")));
    }
    parts.extend(filter.provider.map(|provider| format!("provider={provider}")));
    parts.extend(filter.consumer.map(|consumer| format!("consumer={consumer}")));
    if parts.is_empty() {
        String::new()
    } else {
        format!("?{}", parts.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rampart_protocol::ProviderId;

    #[test]
    fn an_event_that_was_told_is_not_told_again() {
        let message = |id: &str| Message {
            id: Some(id.to_owned()),
            event: "provider".to_owned(),
            data: r#"{"height":3,"provider":1,"change":"registered"}"#.to_owned(),
        };
        let mut start = Start::Height(3);
        assert!(take(&mut start, message("3-1")).is_some());
        assert!(take(&mut start, message("3-1")).is_none());
        assert!(take(&mut start, message("3-0")).is_none());
        assert!(take(&mut start, message("3-2")).is_some());
        let silent = Message {
            event: String::new(),
            data: String::new(),
            ..message("9-4294967295")
        };
        assert!(take(&mut start, silent).is_none());
        assert!(take(&mut start, message("9-0")).is_none());
        assert!(take(&mut start, message("10-1")).is_some());
    }

    #[test]
    fn a_query_names_what_is_wanted() {
        assert_eq!(query(&EventFilter::default(), Start::Next), "");
        let filter = EventFilter {
            kinds: vec![EventKind::Purchase, EventKind::Review],
            provider: Some(ProviderId(7)),
            consumer: None,
        };
        assert_eq!(
            query(&filter, Start::Height(5)),
            "?from=5&kinds=purchase,review&provider=7"
        );
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        assert!(pause(1) >= FIRST_PAUSE && pause(1) <= FIRST_PAUSE * 2);
        assert!(pause(40) >= LONGEST_PAUSE && pause(40) <= LONGEST_PAUSE * 2);
    }
}
