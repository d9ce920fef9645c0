//! Blocks of sequence numbers that a consumer authorises at one sidecar at once, to use them by `hmac-sha256`.
//!
//! The consumer sends `POST` [`PATH`] to the sidecar, an ordinary request of the profile signed by the purchase's access key,
//! whose `nonce` is the block's *last* number: "I have authorised so many in all". That signature is the voucher of the
//! whole block; the sidecar stores it before it serves any of it. The body names the first number and the consumer's X25519
//! key, the answer (201) the sidecar's. Requests of the block then carry the MAC of [`crate::mac`] under their own number.
//!
//! A block lives in the sidecar's memory. When the sidecar stops in order, what is unused of it can be used again; when it
//! is killed, the block counts as used up: a crash burns at most the block.

use crate::units::Sequence;
use alloy_primitives::B256;

/// The sidecar's path.
pub const PATH: &str = "/.rampart/blocks";
/// Largest block, numbers.
pub const MAX_BLOCK: u64 = 1024;
/// Largest body either way, bytes.
pub const MAX_BODY: usize = 512;

/// The body of a request for a block; its last number is the request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct OpenBlock {
    /// The block's first number.
    pub from: Sequence,
    /// The consumer's X25519 key.
    pub key: B256,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
pub struct BlockOpened {
    /// The block's first number.
    pub from: Sequence,
    /// Its last.
    pub to: Sequence,
    /// The sidecar's X25519 key.
    pub key: B256,
}
