//! State keys: 32 bytes that name a record.
//!
//! Decides the layout only; what is stored under a key is `record`'s.
//!
//! Two properties matter. First, no two records share a key. Byte 31 is the [`Kind`], so records of different kinds
//! never collide. Within a kind the remaining bytes hold the identifier in full, so they do not collide either:
//!
//! | kind | bytes 0..8 | bytes 8.. |
//! |---|---|---|
//! | globals, parameters | zero, kind in byte 0 | zero |
//! | provider, service, account by index, withdrawal | id, big-endian, kind xored into byte 0 | id in 8..16 |
//! | account | address\[0..8\] | address\[8..20\] in 8..20 |
//! | purchase | id\[0..8\] | id\[8..31\] in 8..31 |
//! | escrow page | page start xor spread provider id | provider id in 8..16, page start in 16..24 |
//! | pair of consumer and provider | address\[0..8\] xor spread provider id | address\[8..20\], provider id in 20..28 |
//! | operator set, profile, epoch, committee | as provider | as provider |
//! | terms | service id xor spread version, kind xored into byte 0 | service id in 8..16, version in 16..20 |
//! | review, ballot | id\[0..8\], kind xored into byte 0 | id\[8..31\] in 8..31 |
//! | operator, purchasers | address\[0..8\], kind xored into byte 0 | address\[8..20\] in 8..20 |
//! | investor | keccak-256 of operator and investor | its bytes 8..31 |
//! | queue item | number xor spread queue, kind xored into byte 0 | number in 8..16, queue in 16 |
//! | availability page | epoch xor spread page, kind xored into byte 0 | epoch in 8..16, page in 16..20 |
//!
//! The identifiers that are cut are keccak-256 digests, to 248 bits: purchases, cases, pairs of operator and investor. A
//! collision costs 2^124 hashes, and a purchase onto an existing key is refused rather than overwritten.
//!
//! Second, the first eight bytes alone tell records apart nearly always, without hashing, because that is all that
//! the storage index compares: the kind in byte 0 keeps provider 5 from service 5, and `spread` (multiplication by
//! an odd constant, a bijection on 64 bits) keeps one provider's pages from another's. The index reads them as a
//! big-endian number and finds its place in a table by the low bits of that number times an odd constant. So what counts
//! up must count in the low bits: in the high ones, all records of a kind would share one place.

use crate::record::QueueKind;
use core::cmp::Ordering;
use core::fmt;
use rampart_protocol::{Address, CaseId, ProviderId, PurchaseId, ServiceId, Timestamp, keccak256};

/// What a key names, its last byte. The values are part of the state's format and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Counters and totals; one record.
    Globals = 1,
    /// The economic parameters; one record.
    Params = 2,
    /// An account, by address.
    Account = 3,
    /// An account's address, by the account's index.
    AccountAt = 4,
    /// A provider, by id.
    Provider = 5,
    /// A service, by id.
    Service = 6,
    /// A purchase, by id.
    Purchase = 7,
    /// One page of a provider's escrow, by its start.
    EscrowPage = 8,
    /// What is remembered of one consumer at one provider.
    Pair = 9,
    /// A withdrawal, by index.
    Withdrawal = 10,
    /// A provider's public data, by provider.
    Profile = 11,
    /// One version of a service's terms.
    Terms = 12,
    /// A negative review, by the purchase that it is of.
    Review = 13,
    /// The votes on a case.
    Ballot = 14,
    /// The operators and their stakes; one record.
    OperatorSet = 15,
    /// An operator's rewards and duties, by address.
    Operator = 16,
    /// An investor at an operator.
    Investor = 17,
    /// A deadline, by its place in a queue.
    QueueItem = 18,
    /// The bitmaps of one page of services for one epoch.
    AvailabilityPage = 19,
    /// What an epoch paid, by its number.
    EpochReport = 20,
    /// The operators of a consensus epoch, by its number.
    Committee = 21,
    /// The purchasers of an account, by its address.
    Purchasers = 22,
}

/// The name of a record in the state.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Ord for Key {
    /// The order of the bytes, in which the first eight nearly always decide: so they are compared as one number.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.place().cmp(&other.place())).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Spreads sequential ids over 64 bits: 2^64 divided by the golden ratio, made odd.
const fn spread(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Key {
    /// Counters and totals.
    #[must_use]
    pub const fn globals() -> Self {
        Self::numbered(Kind::Globals, 0)
    }

    /// The economic parameters.
    #[must_use]
    pub const fn params() -> Self {
        Self::numbered(Kind::Params, 0)
    }

    /// An account.
    #[must_use]
    pub fn account(address: &Address) -> Self {
        let mut bytes = [0; 32];
        bytes[..20].copy_from_slice(address.as_slice());
        Self::of_kind(Kind::Account, bytes)
    }

    /// The address of the account with this index, counted from 0.
    #[must_use]
    pub const fn account_at(index: u64) -> Self {
        Self::numbered(Kind::AccountAt, index)
    }

    /// A provider.
    #[must_use]
    pub const fn provider(id: ProviderId) -> Self {
        Self::numbered(Kind::Provider, id.0)
    }

    /// A service.
    #[must_use]
    pub const fn service(id: ServiceId) -> Self {
        Self::numbered(Kind::Service, id.0)
    }

    /// A purchase.
    #[must_use]
    pub const fn purchase(id: &PurchaseId) -> Self {
        Self::of_kind(Kind::Purchase, id.0.0)
    }

    /// The page of a provider's escrow that starts at `start`.
    #[must_use]
    pub fn escrow_page(provider: ProviderId, start: Timestamp) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(start.0 ^ spread(provider.0)).to_be_bytes());
        bytes[8..16].copy_from_slice(&provider.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&start.0.to_le_bytes());
        Self::of_kind(Kind::EscrowPage, bytes)
    }

    /// What is remembered of `consumer` at `provider`.
    #[must_use]
    pub fn pair(consumer: &Address, provider: ProviderId) -> Self {
        let mut bytes = [0; 32];
        bytes[..20].copy_from_slice(consumer.as_slice());
        for (byte, mask) in bytes.iter_mut().zip(spread(provider.0).to_le_bytes()) {
            *byte ^= mask;
        }
        bytes[20..28].copy_from_slice(&provider.0.to_le_bytes());
        Self::of_kind(Kind::Pair, bytes)
    }

    /// The withdrawal with this index, counted from 0.
    #[must_use]
    pub const fn withdrawal(index: u64) -> Self {
        Self::numbered(Kind::Withdrawal, index)
    }

    /// A provider's public data.
    #[must_use]
    pub const fn profile(id: ProviderId) -> Self {
        Self::numbered(Kind::Profile, id.0)
    }

    /// One version of a service's terms.
    #[must_use]
    pub fn terms(service: ServiceId, version: u32) -> Self {
        Self::second(Kind::Terms, service.0, version)
    }

    /// The review of a purchase.
    #[must_use]
    pub fn review(purchase: &PurchaseId) -> Self {
        Self::spread_kind(Kind::Review, purchase.0.0)
    }

    /// The votes on a case.
    #[must_use]
    pub fn ballot(case: &CaseId) -> Self {
        Self::spread_kind(Kind::Ballot, case.0.0)
    }

    /// The operators and their stakes.
    #[must_use]
    pub const fn operator_set() -> Self {
        Self::numbered(Kind::OperatorSet, 0)
    }

    /// An operator.
    #[must_use]
    pub fn operator(address: &Address) -> Self {
        let mut bytes = [0; 32];
        bytes[..20].copy_from_slice(address.as_slice());
        Self::spread_kind(Kind::Operator, bytes)
    }

    /// The delegated purchasers of an account.
    #[must_use]
    pub fn purchasers(consumer: &Address) -> Self {
        let mut bytes = [0; 32];
        bytes[..20].copy_from_slice(consumer.as_slice());
        Self::spread_kind(Kind::Purchasers, bytes)
    }

    /// An investor at an operator.
    #[must_use]
    pub fn investor(operator: &Address, investor: &Address) -> Self {
        let mut both = [0; 40];
        both[..20].copy_from_slice(operator.as_slice());
        both[20..].copy_from_slice(investor.as_slice());
        Self::of_kind(Kind::Investor, keccak256(both).0)
    }

    /// The item with this number of a queue, counted from 0.
    #[must_use]
    pub fn queue_item(queue: QueueKind, number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(number ^ spread(queue as u64)).to_be_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        bytes[16] = queue as u8;
        Self::spread_kind(Kind::QueueItem, bytes)
    }

    /// The bitmaps of one page of services for one epoch.
    #[must_use]
    pub fn availability(epoch: u64, page: u32) -> Self {
        Self::second(Kind::AvailabilityPage, epoch, page)
    }

    /// What an epoch paid.
    #[must_use]
    pub const fn epoch(number: u64) -> Self {
        Self::numbered(Kind::EpochReport, number)
    }

    /// Who votes in a consensus epoch.
    #[must_use]
    pub const fn committee(epoch: u64) -> Self {
        Self::numbered(Kind::Committee, epoch)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes as a big-endian number.
    fn place(&self) -> u64 {
        u64::from_be_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }

    const fn numbered(kind: Kind, id: u64) -> Self {
        let (place, name) = (id.to_be_bytes(), id.to_le_bytes());
        let mut bytes = [0; 32];
        let mut at = 0;
        while at < 8 {
            bytes[at] = place[at];
            bytes[8 + at] = name[at];
            at += 1;
        }
        Self::spread_kind(kind, bytes)
    }

    /// A key of two numbers.
    fn second(kind: Kind, id: u64, part: u32) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(id ^ spread(part.into())).to_be_bytes());
        bytes[8..16].copy_from_slice(&id.to_le_bytes());
        bytes[16..20].copy_from_slice(&part.to_le_bytes());
        Self::spread_kind(kind, bytes)
    }

    /// A key whose first eight bytes another kind has too, told apart by the kind in byte 0.
    const fn spread_kind(kind: Kind, mut bytes: [u8; 32]) -> Self {
        bytes[0] ^= kind as u8;
        Self::of_kind(kind, bytes)
    }

    const fn of_kind(kind: Kind, mut bytes: [u8; 32]) -> Self {
        bytes[31] = kind as u8;
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
