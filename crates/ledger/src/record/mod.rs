//! What the state holds, and its bytes: a type byte (the [`Kind`] of its key), then RLP.
//!
//! Decides the shape of each record and the key that it is kept under. A record knows its own identity, so that a
//! checker can tell whether it lies where it belongs; the rules that change records are in `rules`.

mod account;
mod escrow;
mod globals;
mod provider;
mod purchase;
mod service;

pub use account::{Account, AccountAt, Withdrawal, exit_amount};
pub use escrow::{EscrowPage, EscrowQueue};
pub use globals::{Globals, Imbalance};
pub use provider::{Pair, Provider, Status};
pub use purchase::Purchase;
pub use service::Service;

use crate::key::{Key, Kind};
use crate::params::Params;
use alloc::vec::Vec;
use alloy_rlp::{Decodable, Encodable};
use rampart_protocol::DecodeError;

/// A record of one kind: converts to and from [`Record`].
pub trait Stored: Sized + Into<Record> {
    /// The kind of key that it is kept under.
    const KIND: Kind;

    /// Takes the record out, or nothing when it is of another kind.
    fn from_record(record: Record) -> Option<Self>;
}

macro_rules! records {
    ($($name:ident => $kind:ident,)+) => {
        /// Any record of the state.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        #[allow(clippy::large_enum_variant, reason = "records are moved a few times per transaction, never kept in bulk")]
        pub enum Record { $($name($name),)+ }

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
                    $(byte if byte == Kind::$kind as u8 => Self::$name($name::decode(&mut rest)?),)+
                    other => return Err(DecodeError::UnknownType(other)),
                };
                if rest.is_empty() { Ok(record) } else { Err(DecodeError::Trailing(rest.len())) }
            }
        }

        $(
            impl From<$name> for Record {
                fn from(record: $name) -> Self {
                    Self::$name(record)
                }
            }

            impl Stored for $name {
                const KIND: Kind = Kind::$kind;

                fn from_record(record: Record) -> Option<Self> {
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
}

impl Params {
    /// The key that they are kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::params()
    }
}
