//! What the state holds, and its bytes: a type byte (the [`Kind`] of its key), then RLP.
//!
//! Decides the shape of each record and the key that it is kept under. A record knows its own identity, so that a
//! checker can tell whether it lies where it belongs; the rules that change records are in `rules`.

mod account;
mod availability;
mod committee;
mod escrow;
mod globals;
mod judging;
mod operator;
mod provider;
mod purchase;
mod purchaser;
mod queue;
mod service;

pub use account::{Account, AccountAt, Withdrawal, exit_amount};
pub use availability::{AvailabilityPage, AvailabilityReport, SERVICES_PER_PAGE};
pub use committee::{Committee, CommitteeSeat};
pub use escrow::{EscrowPage, EscrowQueue};
pub use globals::{Clocks, EpochState, Globals, Imbalance};
pub use judging::{Ballot, Review, ReviewState, Subject, Vote};
pub use operator::{EpochReport, Investor, MAX_OPERATORS, Operator, OperatorKeys, OperatorSet, Seat};
pub use provider::{MAX_UNBONDINGS, Pair, Profile, Provider, Status, Unbonding};
pub use purchase::{MAX_ROTATIONS, Purchase};
pub use purchaser::{MAX_PURCHASERS, Purchaser, Purchasers};
pub use queue::{Queue, QueueItem, QueueKind};
pub use service::{Service, Terms};

use crate::key::{Key, Kind};
use crate::params::Params;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloy_rlp::{Decodable, Encodable};
use rampart_protocol::DecodeError;

/// A record of one kind: converts to and from [`Record`].
pub trait Stored: Clone + Into<Record> {
    /// The kind of key that it is kept under.
    const KIND: Kind;

    /// Takes the record out, or nothing when it is of another kind.
    fn from_record(record: Record) -> Option<Arc<Self>>;

    /// The record to change in its place, or nothing when it is of another kind.
    fn within(record: &mut Record) -> Option<&mut Arc<Self>>;
}

macro_rules! records {
    ($($name:ident => $kind:ident,)+) => {
        /// Any record of the state. Shared, because a view hands out what it keeps, and most of it is only read.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Record { $($name(Arc<$name>),)+ }

        impl Record {
            /// The kind of its key, which is also its type byte.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$kind,)+ }
            }

            /// The key that it is kept under.
            #[must_use]
            pub fn key(&self) -> Key {
                match self { $(Self::$name(record) => record.key(),)+ }
            }

            /// The canonical encoding: the kind, then the RLP of the record.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                match self { $(Self::$name(record) => {
                    let mut out = Vec::with_capacity(1 + record.length());
                    out.push(Kind::$kind as u8);
                    record.encode(&mut out);
                    out
                })+ }
            }

            /// Decodes the canonical encoding.
            ///
            /// # Errors
            /// When the bytes are not exactly one record.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
                let (byte, mut rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
                let record = match *byte {
                    $(byte if byte == Kind::$kind as u8 => $name::decode(&mut rest)?.into(),)+
                    other => return Err(DecodeError::UnknownType(other)),
                };
                if rest.is_empty() { Ok(record) } else { Err(DecodeError::Trailing(rest.len())) }
            }
        }

        $(
            impl From<$name> for Record {
                fn from(record: $name) -> Self {
                    Self::$name(Arc::new(record))
                }
            }

            impl From<Arc<$name>> for Record {
                fn from(record: Arc<$name>) -> Self {
                    Self::$name(record)
                }
            }

            impl Stored for $name {
                const KIND: Kind = Kind::$kind;

                fn from_record(record: Record) -> Option<Arc<Self>> {
                    if let Record::$name(record) = record { Some(record) } else { None }
                }

                fn within(record: &mut Record) -> Option<&mut Arc<Self>> {
                    if let Record::$name(record) = record { Some(record) } else { None }
                }
            }
        )+
    };
}

records! {
    Globals => Globals,
    Params => Params,
    Account => Account,
    AccountAt => AccountAt,
    Provider => Provider,
    Service => Service,
    Purchase => Purchase,
    EscrowPage => EscrowPage,
    Pair => Pair,
    Withdrawal => Withdrawal,
    Profile => Profile,
    Terms => Terms,
    Review => Review,
    Ballot => Ballot,
    OperatorSet => OperatorSet,
    Operator => Operator,
    Investor => Investor,
    QueueItem => QueueItem,
    AvailabilityPage => AvailabilityPage,
    EpochReport => EpochReport,
    Committee => Committee,
    Purchasers => Purchasers,
}

/// RLP of an enum without fields, by its byte.
macro_rules! byte_enum {
    ($name:ident { $($variant:ident = $byte:literal,)+ }) => {
        impl alloy_rlp::Encodable for $name {
            fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
                (*self as u8).encode(out);
            }
            fn length(&self) -> usize {
                (*self as u8).length()
            }
        }

        impl alloy_rlp::Decodable for $name {
            fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
                match u8::decode(buf)? {
                    $($byte => Ok(Self::$variant),)+
                    _ => Err(alloy_rlp::Error::Custom(concat!("unknown ", stringify!($name)))),
                }
            }
        }
    };
}
pub(crate) use byte_enum;

impl Params {
    /// The key that they are kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::params()
    }
}
