//! Keys and values as the database stores them: 32 bytes, and a bounded string of bytes.

use bytes::{BufMut, Bytes};
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, Write};
use commonware_utils::sequence::FixedBytes;

/// Largest record that the state can hold, bytes. It bounds what one state-sync response can carry. The largest are a
/// ballot and a page of availability: some 75 bytes an operator, so there is room for 400 operators.
pub const MAX_VALUE: usize = 32 * 1024;

/// Largest encoded operation of the state log, bytes: a context byte, the key, the length and the value.
pub const MAX_OPERATION: usize = 1 + 32 + 10 + MAX_VALUE;

/// A state key, spread evenly over its first bytes, which the index relies on.
pub type StateKey = FixedBytes<32>;

/// A record is larger than [`MAX_VALUE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {0} bytes exceeds the limit of {MAX_VALUE}")]
pub struct ValueTooLong(pub usize);

/// A record's bytes, at most [`MAX_VALUE`] of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateValue(Bytes);

impl StateValue {
    /// Wraps the encoded record.
    ///
    /// # Errors
    /// When it is longer than [`MAX_VALUE`].
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, ValueTooLong> {
        let bytes = bytes.into();
        if bytes.len() > MAX_VALUE {
            Err(ValueTooLong(bytes.len()))
        } else {
            Ok(Self(bytes))
        }
    }

    /// The encoded record.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Write for StateValue {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for StateValue {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for StateValue {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self(Bytes::read_cfg(buf, &(..=MAX_VALUE).into())?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use commonware_codec::{DecodeExt as _, Encode as _};
    use rampart_ledger::{
        AvailabilityPage, AvailabilityReport, Ballot, OperatorSet, Record, Seat, Subject, Vote,
    };
    use rampart_protocol::{Address, B256, CaseId, ProviderId, Timestamp};

    #[test]
    fn a_value_over_the_limit_is_neither_built_nor_decoded() {
        let largest = StateValue::new(vec![7; MAX_VALUE]).unwrap();
        assert_eq!(StateValue::decode(largest.encode()).unwrap(), largest);

        assert_eq!(
            StateValue::new(vec![7; MAX_VALUE + 1]),
            Err(ValueTooLong(MAX_VALUE + 1))
        );
        let oversize = Bytes::from(vec![7; MAX_VALUE + 1]).encode();
        assert!(StateValue::decode(oversize).is_err());
    }

    #[test]
    fn the_largest_records_of_256_operators_fit() {
        let (operator, stake) = (Address::repeat_byte(0xff), u128::MAX);
        let vote = Vote {
            operator,
            stake,
            commitment: B256::repeat_byte(0xff),
            revealed: true,
            upheld: true,
        };
        let ballot = Ballot {
            case: CaseId(B256::repeat_byte(0xff)),
            round: u32::MAX,
            subject: Subject::Expulsion,
            provider: ProviderId(u64::MAX),
            opened_at: Timestamp(u64::MAX),
            commit_until: Timestamp(u64::MAX),
            reveal_until: Timestamp(u64::MAX),
            total_stake: u128::MAX,
            escalated: false,
            votes: vec![vote; 256],
        };
        let report = AvailabilityReport {
            operator,
            stake,
            down: B256::repeat_byte(0xff),
        };
        let page = AvailabilityPage {
            epoch: u64::MAX,
            page: u32::MAX,
            total_stake: u128::MAX,
            reports: vec![report; 256],
        };
        let set = OperatorSet {
            seats: vec![Seat { operator, stake }; 256],
        };
        for record in [Record::from(ballot), page.into(), set.into()] {
            let bytes = record.to_bytes();
            assert!(bytes.len() * 3 / 2 < MAX_VALUE, "{} bytes", bytes.len());
            StateValue::new(bytes).unwrap();
        }
    }
}
