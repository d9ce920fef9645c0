//! The private decoders of what nodes answer, for the fuzz targets (`crates/fuzz`). No part of the API.

use crate::Start;
use crate::events::parse::{Message, Parser};
use crate::events::take;
use rampart_protocol::api::{EventId, EventView};

/// The events of a stream that comes in these pieces, until it is given up.
pub fn stream<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<(Option<String>, String, String)> {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for piece in pieces {
        if !parser.push(piece) {
            break;
        }
        while let Some(Message { id, event, data }) = parser.message() {
            messages.push((id, event, data));
        }
    }
    messages
}

/// The events that a follower tells of messages.
pub fn told(messages: Vec<(Option<String>, String, String)>) -> Vec<(EventId, EventView)> {
    let mut start = Start::Next;
    let messages = messages.into_iter();
    let events = messages.filter_map(|(id, event, data)| take(&mut start, Message { id, event, data }));
    events.collect()
}
