//! Reviews, and the votes of operators on cases (C7, V8).

use super::byte_enum;
use crate::decay::Decaying;
use crate::key::Key;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, Amount, B256, CaseId, ProviderId, PurchaseId, Timestamp};

/// Where a review stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[repr(u8)]
pub enum ReviewState {
    /// Counts, and can be challenged.
    #[default]
    Open = 0,
    /// Does not count until the operators' verdict.
    Challenged = 1,
    /// Does not count until governance decides.
    Escalated = 2,
    /// Counts for good: nobody challenged it.
    Stood = 3,
    /// Counts for good: upheld after a challenge.
    Upheld = 4,
    /// Never counted: overturned after a challenge.
    Overturned = 5,
    /// Never counted: nobody decided.
    Dropped = 6,
}

byte_enum!(ReviewState {
    Open = 0,
    Challenged = 1,
    Escalated = 2,
    Stood = 3,
    Upheld = 4,
    Overturned = 5,
    Dropped = 6,
});

/// A negative review of a purchase (C7).
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Review {
    /// The purchase.
    pub purchase: PurchaseId,
    /// The provider.
    pub provider: ProviderId,
    /// Who reviewed.
    pub consumer: Address,
    /// Where it stands.
    pub state: ReviewState,
    /// The review fee, held until it is decided.
    pub fee: Amount,
    /// The provider's bond, zero before a challenge.
    pub bond: Amount,
    /// What was wrong.
    pub comment: String,
    /// Digest of the consumer's evidence; zero for none.
    pub consumer_evidence: B256,
    /// Digest of the provider's evidence; zero for none.
    pub provider_evidence: B256,
    /// When it was published.
    pub filed_at: Timestamp,
    /// The last moment at which it can be challenged.
    pub challenge_until: Timestamp,
    /// The round that is open or was the last; zero before a challenge.
    pub round: u32,
    /// [`super::Provider::pardons`] when it was published: a later pardon has forgotten its evidence.
    pub pardons: u32,
    /// The negative evidence that it makes, dated with its publication.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub weight: Decaying,
}

impl Review {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::review(&self.purchase)
    }
}

/// What a case decides. The values are part of the state's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[repr(u8)]
pub enum Subject {
    /// Whether a review is upheld.
    Review = 0,
    /// Whether a provider is expelled.
    Expulsion = 1,
}

byte_enum!(Subject {
    Review = 0,
    Expulsion = 1,
});

/// The votes on a case in its present round: who committed to what, and what was revealed.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Ballot {
    /// The case.
    pub case: CaseId,
    /// The round, counted from 1.
    pub round: u32,
    /// What it decides.
    pub subject: Subject,
    /// The provider that is accused.
    pub provider: ProviderId,
    /// When the round began.
    pub opened_at: Timestamp,
    /// The last moment for commitments.
    pub commit_until: Timestamp,
    /// The last moment for reveals, which begin after the commitments.
    pub reveal_until: Timestamp,
    /// Stake of all operators when the round began.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub total_stake: u128,
    /// Whether operators failed to decide twice, so that governance must.
    pub escalated: bool,
    /// One for each operator that had stake when the round began, in the order of addresses: whoever joined later neither
    /// votes nor owes a vote, and what was staked later gives no weight.
    pub votes: Vec<Vote>,
}

/// One operator's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Vote {
    /// The operator.
    pub operator: Address,
    /// Its stake when the round began, or when it committed if that was less.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub stake: u128,
    /// What it committed to; zero before it did.
    pub commitment: B256,
    /// Whether it has revealed.
    pub revealed: bool,
    /// Its verdict, once revealed: whether the complaint is upheld.
    pub upheld: bool,
}

impl Ballot {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::ballot(&self.case)
    }
}
