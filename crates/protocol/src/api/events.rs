//! What `GET /v1/events` sends, and where in the chain it happened.

use super::{json, named};
use crate::confirmation::PurchaseRecord;
use crate::units::{CaseId, ProviderId, PurchaseId, ServiceId};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// Where an event is: the same on every node, ordered as things happened. As an event's `id` it reads `height-number`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Height of the block.
    pub height: u64,
    /// Its place in the block: 0 is the block itself, then its purchases, then the rest.
    pub number: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.height, self.number)
    }
}

/// A text is no event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id reads height-number, such as 120-3")]
pub struct EventIdError;

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (height, number) = text.split_once('-').ok_or(EventIdError)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(height) || !digits(number) {
            return Err(EventIdError);
        }
        Ok(Self {
            height: height.parse().map_err(|_| EventIdError)?,
            number: number.parse().map_err(|_| EventIdError)?,
        })
    }
}

named! {
    /// Kinds of events, as in an event's `event` field.
    EventKind {
        /// A block became final.
        Block = "block",
        /// Something was bought.
        Purchase = "purchase",
        /// A review was published, or changed where it stands.
        Review = "review",
        /// A service was offered or has new terms.
        Service = "service",
        /// A provider registered, or its standing changed.
        Provider = "provider",
    }
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Block,
        Self::Purchase,
        Self::Review,
        Self::Service,
        Self::Provider,
    ];

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

named! {
    /// What happened to a review.
    ReviewChange {
        /// It was published.
        Published = "published",
        /// It was challenged: it does not count until the verdict.
        Challenged = "challenged",
        /// It stands, since nobody challenged it.
        Stood = "stood",
        /// The case that judges it was decided.
        Decided = "decided",
        /// The case was dropped; it never counted.
        Dropped = "dropped",
    }
}
named! {
    /// What happened to a provider.
    ProviderChange {
        /// It registered.
        Registered = "registered",
        /// It changed its name or its endpoint.
        Updated = "updated",
        /// It may not sell for now.
        Suspended = "suspended",
        /// It may sell again.
        Reinstated = "reinstated",
        /// It was expelled.
        Expelled = "expelled",
    }
}
json! {
    /// A block became final.
    BlockEvent {
        /// Its height.
        height: u64,
        /// Digest of its header.
        digest: B256,
        /// Its time, Unix milliseconds.
        timestamp_ms: u64,
        /// Transactions in it.
        transactions: u32,
        /// Purchases in it.
        purchases: u32,
    }
}
json! {
    /// Something was bought. Verify the confirmation before you serve it.
    PurchaseEvent {
        /// Height of the block.
        height: u64,
        /// What, and on which terms.
        #[serde(flatten)]
        record: PurchaseRecord,
        /// Path of its confirmation.
        confirmation: String,
    }
}
json! {
    /// A review was published, or changed where it stands.
    ReviewEvent {
        /// Height of the block.
        height: u64,
        /// What happened.
        change: ReviewChange,
        /// The purchase that is reviewed; absent when only the case is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purchase: Option<PurchaseId>,
        /// The provider.
        provider: ProviderId,
        /// Who reviewed, when it is published.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consumer: Option<Address>,
        /// The case, when one is decided or dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
        /// The verdict, when it is decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upheld: Option<bool>,
    }
}
json! {
    /// A service was offered or has new terms.
    ServiceEvent {
        /// Height of the block.
        height: u64,
        /// The service.
        service: ServiceId,
        /// Its provider.
        provider: ProviderId,
        /// Version of its terms.
        version: u32,
        /// Whether it can be bought.
        active: bool,
    }
}
json! {
    /// A provider registered, or its standing changed.
    ProviderEvent {
        /// Height of the block.
        height: u64,
        /// The provider.
        provider: ProviderId,
        /// What happened.
        change: ProviderChange,
    }
}

/// An event. In a stream, the tag is the `event` field and the rest is `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each variant is documented at its struct")]
pub enum EventView {
    Block(BlockEvent),
    Purchase(PurchaseEvent),
    Review(ReviewEvent),
    Service(ServiceEvent),
    Provider(ProviderEvent),
}

impl EventView {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Block(_) => EventKind::Block,
            Self::Purchase(_) => EventKind::Purchase,
            Self::Review(_) => EventKind::Review,
            Self::Service(_) => EventKind::Service,
            Self::Provider(_) => EventKind::Provider,
        }
    }

    /// The provider that it is about; a block is about none.
    #[must_use]
    pub const fn provider(&self) -> Option<ProviderId> {
        match self {
            Self::Block(_) => None,
            Self::Purchase(event) => Some(event.record.provider),
            Self::Review(event) => Some(event.provider),
            Self::Service(event) => Some(event.provider),
            Self::Provider(event) => Some(event.provider),
        }
    }

    /// The consumer that it is about, where it tells one.
    #[must_use]
    pub const fn consumer(&self) -> Option<Address> {
        match self {
            Self::Purchase(event) => Some(event.record.consumer),
            Self::Review(event) => event.consumer,
            Self::Block(_) | Self::Service(_) | Self::Provider(_) => None,
        }
    }

    /// Reads `data` of a kind.
    ///
    /// # Errors
    /// When it is no such JSON.
    pub fn read(kind: EventKind, data: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            EventKind::Block => Self::Block(serde_json::from_str(data)?),
            EventKind::Purchase => Self::Purchase(serde_json::from_str(data)?),
            EventKind::Review => Self::Review(serde_json::from_str(data)?),
            EventKind::Service => Self::Service(serde_json::from_str(data)?),
            EventKind::Provider => Self::Provider(serde_json::from_str(data)?),
        })
    }
}

/// Which events are wanted. Empty lists and `None` leave nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of these kinds.
    pub kinds: Vec<EventKind>,
    /// About this provider; blocks then are left out unless asked for by kind.
    pub provider: Option<ProviderId>,
    /// About this consumer, likewise.
    pub consumer: Option<Address>,
}

impl EventFilter {
    /// Whether an event is wanted.
    #[must_use]
    pub fn wants(&self, event: &EventView) -> bool {
        let kind = event.kind();
        if matches!(kind, EventKind::Block) {
            let about_nobody = self.provider.is_none() && self.consumer.is_none();
            return self.kinds.contains(&kind) || (self.kinds.is_empty() && about_nobody);
        }
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self
                .provider
                .is_none_or(|provider| event.provider() == Some(provider))
            && self
                .consumer
                .is_none_or(|consumer| event.consumer() == Some(consumer))
    }
}

named! {
    /// Why a node ends a stream of events; it then can be resumed behind the last id.
    StreamEnd {
        /// The reader fell too far behind the chain.
        Slow = "slow",
        /// The stream is as old as a connection may be.
        Age = "age",
        /// The node failed to read its index.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_orders_as_things_happened() {
        let id = EventId {
            height: 120,
            number: 3,
        };
        assert_eq!(alloc::format!("{id}").parse(), Ok(id));
        assert!(
            id < EventId {
                height: 121,
                number: 0
            }
        );
        for wrong in ["", "1", "-", "1-", "-1", "+1-2", "1-2-3", "1-4294967296", "a-1"] {
            assert_eq!(wrong.parse::<EventId>(), Err(EventIdError), "{wrong}");
        }
    }

    #[test]
    fn a_filter_for_a_provider_leaves_blocks_out_unless_they_are_asked_for() {
        let block = EventView::Block(BlockEvent {
            height: 1,
            digest: B256::ZERO,
            timestamp_ms: 0,
            transactions: 0,
            purchases: 0,
        });
        let of = |kinds: &[EventKind]| EventFilter {
            kinds: kinds.to_vec(),
            provider: Some(ProviderId(1)),
            consumer: None,
        };
        assert!(EventFilter::default().wants(&block));
        assert!(!of(&[]).wants(&block));
        assert!(of(&[EventKind::Block]).wants(&block));
    }
}
