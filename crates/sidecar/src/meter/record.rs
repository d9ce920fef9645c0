//! What the meter's files hold: records in RLP behind a type byte, one after another in a frame's payload.

use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use rampart_protocol::{Bytes, PurchaseId, PurchaseRecord, Sequence};

/// A signature that authorises `sequence` requests of its purchase in all: a request's own, or that of a block's opening.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Voucher {
    /// The number authorised.
    pub sequence: Sequence,
    /// The RFC 9421 signature base.
    pub base: Bytes,
    /// The Ed25519 signature over it, 64 bytes.
    pub signature: Bytes,
}

/// A request was admitted; written before it is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Use {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// Its proof.
    pub voucher: Voucher,
}

/// An admitted request was not served after all, and does not count.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Release {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// Its number.
    pub sequence: Sequence,
    /// The highest voucher without it; none or one.
    pub fallback: Vec<Voucher>,
}

/// A block of numbers was authorised at once; written before any of it is served.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct OpenedBlock {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// The first number.
    pub from: Sequence,
    /// The proof of the last.
    pub voucher: Voucher,
}

/// A block was closed in order, and what is unused of it does not count.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Return {
    /// Of which purchase.
    pub purchase: PurchaseId,
    /// The block's first number.
    pub from: Sequence,
    /// Numbers of the block that can be used again.
    pub unused: Vec<Sequence>,
    /// The highest voucher without it; none or one.
    pub fallback: Vec<Voucher>,
}

/// All that is known of a purchase, in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Entry {
    /// Its terms.
    pub record: PurchaseRecord,
    /// Requests counted.
    pub served: u64,
    /// Highest number in the window.
    pub high: u64,
    /// The window's bits.
    pub window: Bytes,
    /// The highest voucher; none or one.
    pub voucher: Vec<Voucher>,
}

/// The end of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct End {
    /// Entries before it.
    pub entries: u64,
}

macro_rules! records {
    ($($byte:literal $name:ident($ty:ty),)+) => {
        /// Any record.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Record { $($name($ty),)+ }

        impl Record {
            /// Adds the record to `out`.
            pub fn write(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(body) => { out.push($byte); body.encode(out); })+ }
            }

            /// Takes the next record off the front of `bytes`, which must not be empty.
            ///
            /// # Errors
            /// When it is malformed or of an unknown type.
            pub fn read(bytes: &mut &[u8]) -> alloy_rlp::Result<Self> {
                let (byte, rest) = bytes.split_first().ok_or(alloy_rlp::Error::InputTooShort)?;
                *bytes = rest;
                match byte {
                    $($byte => Ok(Self::$name(Decodable::decode(bytes)?)),)+
                    _ => Err(alloy_rlp::Error::Custom("unknown record type")),
                }
            }
        }
    };
}

records! {
    1 Purchase(PurchaseRecord),
    2 Use(Use),
    3 Release(Release),
    4 Entry(Entry),
    5 End(End),
    6 OpenedBlock(OpenedBlock),
    7 Return(Return),
}
