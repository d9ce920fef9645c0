//! Why bytes could not be read.

/// A canonical encoding was violated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The RLP is malformed or not canonical.
    #[error("malformed RLP: {0}")]
    Rlp(alloy_rlp::Error),
    /// Bytes remain after a complete value.
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
    /// The type byte names no known message.
    #[error("unknown type byte {0}")]
    UnknownType(u8),
    /// The value is larger than this protocol permits.
    #[error("{what} has {actual} bytes, at most {limit} are permitted")]
    TooLong {
        /// The field or value.
        what: &'static str,
        /// Its size in bytes.
        actual: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A list is longer than this protocol permits.
    #[error("{actual} {what}, at most {limit} are permitted")]
    TooMany {
        /// What is listed.
        what: &'static str,
        /// How many.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// Nothing to decode.
    #[error("empty input")]
    Empty,
}

impl From<alloy_rlp::Error> for DecodeError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// Decodes exactly one RLP value that fills `bytes`.
pub(crate) fn decode_exact<T: alloy_rlp::Decodable>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut rest = bytes;
    let value = T::decode(&mut rest)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing(rest.len()))
    }
}
