//! The market: providers, their services, and what was bought of them.

use super::Quantity;
use super::json;
use crate::confirmation::PurchaseRecord;
use crate::message::Component;
use crate::units::{AccessKey, Amount, CaseId, Category, Ppm, ProviderId, Seconds, ServiceId, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

json! {
    /// `GET /v1/providers/{id}`
    ProviderView {
        /// The provider.
        id: ProviderId,
        /// Its owner's account.
        owner: Address,
        /// Its name.
        name: String,
        /// Base URL of its API.
        endpoint: String,
        /// `active`, `suspended` or `expelled`.
        status: String,
        /// Stake held as security deposit (V4).
        stake: Amount,
        /// Stake that its revenue and score require now.
        required_stake: Amount,
        /// Performance score now, ppm (S1).
        score: Ppm,
        /// Fees in escrow, claimable or not.
        escrow: Amount,
        /// Of these, what a claim would release now.
        claimable: Amount,
        /// Waiting period at the present score (V7).
        wait: Seconds,
        /// When the oldest fee beyond that unlocks at the present score.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_claim_at: Option<Timestamp>,
        /// Fees claimed so far.
        claimed: Amount,
        /// Number of purchases so far.
        purchases: u64,
        /// Since when it has its status; absent when it never changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status_since: Option<Timestamp>,
        /// The open case that decides on its expulsion.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open_case: Option<CaseId>,
        /// Stake on its way out, by time of release.
        unbonding: Vec<UnbondingView>,
        /// The share of each claim that goes to the stake, ppm.
        auto_stake: Ppm,
        /// Bonds of challenges that are not decided.
        bonds: Amount,
        /// What its expulsion left for its consumers.
        compensation: Amount,
        /// Positive evidence as decayed, in millionths of a unit (S1).
        positive_evidence: Quantity,
        /// Negative evidence as decayed, in millionths of a unit (S2).
        negative_evidence: Quantity,
        /// Services that can be bought.
        active_services: u32,
        /// Until when one of its purchases can be used or reviewed, which its last stake must outlast.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        obliged_until: Option<Timestamp>,
        /// When it registered.
        registered_at: Timestamp,
    }
}
json! {
    /// Stake on its way out; slashable until released.
    UnbondingView {
        /// How much.
        amount: Amount,
        /// When it can be released.
        release_at: Timestamp,
    }
}
json! {
    /// `GET /v1/services/{id}`
    ServiceView {
        /// The service.
        id: ServiceId,
        /// Its provider.
        provider: ProviderId,
        /// The provider's name.
        provider_name: String,
        /// Base URL where it is consumed: its own, or its provider's.
        endpoint: String,
        /// Keccak-256 digest of its OpenAPI document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        openapi: Option<B256>,
        /// Category (V1).
        category: Category,
        /// Description.
        description: String,
        /// Version of the terms.
        version: u32,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest duration on sale.
        min_duration: Seconds,
        /// Longest duration on sale.
        max_duration: Seconds,
        /// Whether it can be bought.
        active: bool,
        /// The provider's score now, ppm.
        score: Ppm,
        /// The services that it bundles (C8).
        components: Vec<Component>,
        /// The key with which the provider calls them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upstream_key: Option<AccessKey>,
        /// Epochs in a row, up to the last one reported on, in which it was found down.
        outages: u32,
    }
}
json! {
    /// `GET /v1/services/{id}/versions/{version}`: one version of a service's terms, as a purchase names it.
    TermsView {
        /// The service.
        service: ServiceId,
        /// The version.
        version: u32,
        /// Since when it was in force.
        since: Timestamp,
        /// Category (V1).
        category: Category,
        /// Description.
        description: String,
        /// Base URL where it is consumed; empty when it is the provider's.
        endpoint: String,
        /// Keccak-256 digest of its OpenAPI document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        openapi: Option<B256>,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest duration on sale.
        min_duration: Seconds,
        /// Longest duration on sale.
        max_duration: Seconds,
        /// The services that it bundles (C8).
        components: Vec<Component>,
        /// The key with which the provider calls them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upstream_key: Option<AccessKey>,
        /// Whether it could be bought.
        active: bool,
    }
}
json! {
    /// `GET /v1/purchases/{id}`
    PurchaseView {
        /// The terms it was bought on.
        #[serde(flatten)]
        record: PurchaseRecord,
        /// Height of the block that executed it.
        height: u64,
        /// Requests that the provider has proved.
        used: u64,
        /// The key that signs its requests now; `accessKey` is the one that it was bought with.
        current_access_key: AccessKey,
        /// Whether it was reviewed.
        reviewed: bool,
        /// What a review of it costs now.
        review_fee: Amount,
        /// Whether its unused part was refunded, so that no more of it can be used.
        closed: bool,
        /// What was refunded.
        refunded: Amount,
        /// The evidence that it gave the provider, in millionths of a unit.
        evidence: Quantity,
    }
}
json! {
    /// `GET /v1/services`: a page of services. It may be short, even empty, and still have a `next`.
    Services {
        /// In the order asked for.
        services: Vec<ServiceView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }
}
json! {
    /// `GET /v1/providers/{id}/purchases`: a page of a provider's purchases (V5).
    Purchases {
        /// In order of execution.
        purchases: Vec<PurchaseView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
json! {
    /// `GET /v1/purchases`: a page of a consumer's or a service's purchases. It may be short, even empty, and still have a
    /// `next`.
    PurchaseList {
        /// In order of execution.
        purchases: Vec<PurchaseView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }
}
