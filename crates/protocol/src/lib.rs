//! The bytes that two Rampart processes agree on.
//!
//! This crate decides what is written on a wire, signed, or hashed: units and identifiers, the EIP-712 messages of
//! accounts, blocks' headers and bodies, purchase confirmations, checkpoints, the RFC 9421 request profile and the
//! Merkle tree that both chains' contracts verify. What a message *does* is the ledger's; who agrees on it is the
//! node's. Canonical encoding is RLP, strictly decoded; JSON is for people and browsers.
#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

#[cfg(feature = "serde")]
pub mod api;
pub mod block;
pub mod checkpoint;
pub mod confirmation;
pub mod ed25519;
pub mod eip712;
pub mod error;
pub mod exits;
pub mod handover;
pub mod http_signature;
pub mod mac;
pub mod merkle;
pub mod message;
pub mod observation;
pub mod operator_keys;
pub mod operators;
pub mod purchaser;
pub mod request_block;
#[cfg(feature = "openapi")]
pub mod shape;
pub mod signature;
pub mod transaction;
#[cfg(feature = "serde")]
pub mod typed_data;
pub mod units;
pub mod usage;
pub mod verdict;

pub use block::{Body, FinalizedBlock, Header};
pub use checkpoint::{Checkpoint, Roots, SignedCheckpoint};
pub use confirmation::{Confirmation, PurchaseRecord};
pub use eip712::Domain;
pub use error::DecodeError;
pub use exits::{ExitArchive, ExitArchiveError, ProvableExits, ProvenExit};
pub use handover::{Handover, TrustedOperators};
pub use message::Message;
pub use observation::Observation;
pub use operators::{Operator, OperatorSet};
pub use signature::Signature;
pub use transaction::{SignedTransaction, TransactionError};
pub use units::{
    AccessKey, Amount, CaseId, Category, Nonce, Ppm, ProviderId, PurchaseId, Seconds, Sequence, ServiceId,
    Timestamp,
};

pub use alloy_primitives::{Address, B256, Bytes, keccak256};
