//! Reviews, and the cases that operators judge.

use super::Quantity;
use super::json;
use super::named;
use crate::units::{Amount, CaseId, ProviderId, PurchaseId, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

named! {
    /// Where a review stands.
    ReviewStage {
        /// Counts, and can be challenged.
        Open = "open",
        /// Does not count until the operators' verdict.
        Challenged = "challenged",
        /// Does not count until governance decides.
        Escalated = "escalated",
        /// Counts for good: nobody challenged it.
        Stood = "stood",
        /// Counts for good: upheld after a challenge.
        Upheld = "upheld",
        /// Never counted: overturned after a challenge.
        Overturned = "overturned",
        /// Never counted: nobody decided.
        Dropped = "dropped",
    }
}
named! {
    /// What a case decides.
    CaseSubject {
        /// Whether a review is upheld.
        Review = "review",
        /// Whether a provider is expelled.
        Expulsion = "expulsion",
    }
}
named! {
    /// What a case waits for.
    CasePhase {
        /// Operators commit to their verdicts.
        Commit = "commit",
        /// Operators reveal them.
        Reveal = "reveal",
        /// The round is over; the next block counts it.
        Count = "count",
        /// Governance decides, since operators did not.
        Governance = "governance",
    }
}
json! {
    /// `GET /v1/purchases/{id}/review`
    ReviewView {
        /// The purchase.
        purchase: PurchaseId,
        /// The provider.
        provider: ProviderId,
        /// Who reviewed.
        consumer: Address,
        /// Where it stands.
        stage: ReviewStage,
        /// The review fee.
        fee: Amount,
        /// The provider's bond; zero before a challenge.
        bond: Amount,
        /// What was wrong.
        comment: String,
        /// Digest of the consumer's evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consumer_evidence: Option<B256>,
        /// Digest of the provider's evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_evidence: Option<B256>,
        /// When it was published.
        filed_at: Timestamp,
        /// The last moment at which it can be challenged.
        challenge_until: Timestamp,
        /// The case that decides it, once it was challenged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<CaseId>,
        /// The round that is open or was the last; zero before a challenge.
        round: u32,
    }
}
json! {
    /// `GET /v1/providers/{id}/reviews`: a page of a provider's reviews.
    Reviews {
        /// In the order in which they were published.
        reviews: Vec<ReviewView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
json! {
    /// `GET /v1/cases/{id}`: an open case. One that is decided or dropped is gone; its review tells how it ended.
    CaseView {
        /// The case.
        case: CaseId,
        /// What it decides.
        subject: CaseSubject,
        /// The provider that is accused.
        provider: ProviderId,
        /// The purchase whose review it is about, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purchase: Option<PurchaseId>,
        /// The round, counted from 1.
        round: u32,
        /// What it waits for.
        phase: CasePhase,
        /// When the round began.
        opened_at: Timestamp,
        /// The last moment for commitments.
        commit_until: Timestamp,
        /// The last moment for reveals, which begin after the commitments.
        reveal_until: Timestamp,
        /// Stake of all operators when the round began.
        total_stake: Quantity,
        /// One for each operator that owes a vote.
        votes: Vec<VoteView>,
    }
}
json! {
    /// One operator's vote.
    VoteView {
        /// The operator.
        operator: Address,
        /// Its stake.
        stake: Quantity,
        /// Whether it has committed.
        committed: bool,
        /// Its verdict, once revealed: whether the complaint is upheld.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upheld: Option<bool>,
    }
}
json! {
    /// `GET /v1/cases`: a page of open cases.
    Cases {
        /// In the order in which they were opened.
        cases: Vec<CaseView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
