//! The JSON of the node's HTTP API, shared by the server and its clients. Amounts are decimal strings of base units,
//! byte strings are 0x-hex, times are Unix seconds.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::confirmation::PurchaseRecord;
use crate::eip712::EcdsaSignature;
use crate::handover::Handover;
use crate::message::Component;
use crate::units::{
    AccessKey, Amount, CaseId, Category, Nonce, Ppm, ProviderId, PurchaseId, Seconds, ServiceId, Timestamp,
};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// A number that is no amount of tokens: evidence, stake, a parameter's value. Its unit is the field's. JSON shows it as
/// a decimal string, since it may exceed a double.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(#[serde(with = "crate::units::decimal")] pub u128);

impl core::fmt::Display for Quantity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// The name that JSON uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

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

macro_rules! json {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)+ }
    };
}

json! {
    /// `GET /v1/status`
    Status {
        /// Chain id of the L2 in the EIP-712 domain.
        chain_id: u64,
        /// Settlement contract in the EIP-712 domain.
        settlement: Address,
        /// Height of the last finalized block.
        height: u64,
        /// Its time, Unix milliseconds.
        timestamp_ms: u64,
        /// Its epoch.
        epoch: u64,
        /// Its view.
        view: u64,
        /// Its state root.
        state_root: B256,
        /// Its digest.
        digest: B256,
        /// This operator's consensus key.
        operator: B256,
        /// Inbox messages consumed.
        inbox_count: u64,
        /// Events of the L1 contracts consumed; absent while the state cannot be read yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restaking_count: Option<u64>,
        /// Height of the last checkpoint that this operator knows to be accepted on chain; 0 for none.
        checkpoint_height: u64,
        /// Whether the settlement is frozen for ever, as this operator's RPC tells: then nothing that the ledger still does
        /// is ever paid out, so it takes no transactions.
        #[serde(default)]
        frozen: bool,
        /// The oldest forced message that no checkpoint accepted on chain has consumed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oldest_forced: Option<ForcedView>,
        /// What this operator does beside consensus, of `probe`, `report` and `judge`; empty when its file says nothing.
        #[serde(default)]
        duties: Vec<String>,
        /// Transactions waiting.
        pending: u64,
        /// Most transactions that may wait.
        capacity: u64,
        /// Software version.
        version: String,
    }
}
json! {
    /// A forced message that waits for the operators (X2). Its times are those of the L2.
    ForcedView {
        /// Its position in the settlement's inbox.
        index: u64,
        /// When it was forced.
        forced_at: Timestamp,
        /// From when on anyone may freeze the settlement if it still waits.
        freezable_at: Timestamp,
    }
}
json! {
    /// `GET /v1/accounts/{address}`; an account never seen has zero everywhere.
    AccountView {
        /// The account.
        address: Address,
        /// Free balance.
        balance: Amount,
        /// Fees of its reviews that are not decided: its own, but locked until they are.
        deposits: Amount,
        /// Nonce that its next transaction carries.
        nonce: Nonce,
        /// The provider that it owns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderId>,
    }
}
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
json! {
    /// `GET /v1/operators/{address}`: an operator as the ledger knows it (O1, U2).
    OperatorView {
        /// The operator's account.
        address: Address,
        /// Its stake; zero when it has left.
        stake: Quantity,
        /// The share of its rewards that it keeps, ppm.
        commission: Ppm,
        /// When it last joined; zero for an operator of genesis.
        joined_at: Timestamp,
        /// Its own rewards, not claimed yet.
        owed: Amount,
        /// Its own rewards claimed so far.
        claimed: Amount,
        /// Sum of its investors' weights.
        weight: Quantity,
        /// What it did of what it owes in the running epoch.
        participation: ParticipationView,
        /// Its keys; absent while it has proved none, and then it gets no seat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<OperatorKeysView>,
        /// Consensus epochs, of the running one and the next, in which it has a seat.
        #[serde(default)]
        seats: Vec<u64>,
    }
}
json! {
    /// An operator's duties in the running epoch.
    ParticipationView {
        /// The epoch.
        epoch: u64,
        /// Pages of services whose availability it owes a report of.
        pages: u64,
        /// Pages that it has reported.
        reported: u64,
        /// Whether it missed a vote, which costs the epoch's rewards.
        missed_vote: bool,
    }
}
json! {
    /// The keys that an operator has proved to be its own.
    OperatorKeysView {
        /// Ed25519 key that votes in consensus.
        consensus_key: B256,
        /// Address of the secp256k1 key that signs checkpoints.
        checkpoint_key: Address,
    }
}
json! {
    /// `GET /v1/operator-sets?from=E`: proofs of the operators of the epochs after E, one after another (X1).
    OperatorSets {
        /// Of epoch E, E + 1 and so on; empty when E is the newest epoch that has one.
        handovers: Vec<Handover>,
        /// `from` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
json! {
    /// `GET /v1/operators`: every operator with stake.
    Operators {
        /// Their stake together.
        total_stake: Quantity,
        /// In the order of addresses.
        operators: Vec<OperatorView>,
    }
}
json! {
    /// `GET /v1/operators/{address}/investors/{investor}` (G4, I2)
    InvestorView {
        /// The operator.
        operator: Address,
        /// The investor.
        investor: Address,
        /// `min(restaked position, governance tokens held)`.
        weight: Quantity,
        /// Rewards that a claim would retrieve now.
        owed: Amount,
        /// Rewards claimed so far.
        claimed: Amount,
    }
}
json! {
    /// `GET /v1/epochs/current`: the running epoch of rewards (U2).
    EpochView {
        /// Its number.
        number: u64,
        /// When it began.
        started_at: Timestamp,
        /// When it ends, with the first block from then on.
        ends_at: Timestamp,
        /// The pool so far.
        pool: Amount,
        /// Providers that sold something in it.
        sellers: u64,
        /// Cases that operators decided in it.
        verdicts: u64,
        /// Pages of services whose availability each operator owes a report of, for the epoch before.
        pages: u64,
    }
}
json! {
    /// `GET /v1/epochs/{number}`: what an epoch that has ended took in and where it went (U2).
    EpochReportView {
        /// Its number.
        number: u64,
        /// When it began.
        started_at: Timestamp,
        /// When it ended.
        ended_at: Timestamp,
        /// The pool at its end.
        pool: Amount,
        /// Of that, what went to operators and their investors.
        paid: Amount,
        /// Of that, what went to the treasury.
        treasury: Amount,
        /// Providers that sold something in it.
        sellers: u64,
        /// Cases that operators decided in it.
        verdicts: u64,
        /// Operators that were paid.
        operators: u32,
    }
}
json! {
    /// `GET /v1/params`: the parameters in force, in the order of the documentation.
    ParamsView {
        /// Each parameter.
        params: Vec<ParamView>,
    }
}
json! {
    /// One parameter (G1).
    ParamView {
        /// Its name, in snake case.
        name: String,
        /// The unit of its values.
        unit: String,
        /// Its value.
        value: Quantity,
        /// Its value unless genesis or governance says otherwise.
        default: Quantity,
        /// The least permitted value.
        min: Quantity,
        /// The largest permitted value.
        max: Quantity,
        /// Why this default, and why these bounds.
        reason: String,
    }
}
json! {
    /// `GET /v1/totals`: where every deposited unit is. All but the last two sum to deposits less withdrawals, at every
    /// block.
    Totals {
        /// Sum of all free balances.
        balances: Amount,
        /// Sum of the fees of reviews that are not decided.
        deposits: Amount,
        /// Sum of all escrow.
        escrow: Amount,
        /// Sum of all stakes.
        stakes: Amount,
        /// Sum of all stake that is being unbonded.
        unbonding: Amount,
        /// Sum of the bonds of challenges that are not decided.
        bonds: Amount,
        /// Sum of what expelled providers left for their consumers.
        compensation: Amount,
        /// The current epoch's pool.
        pool: Amount,
        /// What operators and investors are owed.
        rewards: Amount,
        /// The treasury.
        treasury: Amount,
        /// Everything ever deposited.
        deposited: Amount,
        /// Everything ever withdrawn.
        withdrawn: Amount,
    }
}
json! {
    /// A page of services.
    Services {
        /// In order of id.
        services: Vec<ServiceView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<ServiceId>,
    }
}
json! {
    /// A page of a provider's purchases (V5).
    Purchases {
        /// In order of execution.
        purchases: Vec<PurchaseView>,
        /// `after` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
json! {
    /// What became of a transaction.
    TransactionView {
        /// Its hash.
        hash: B256,
        /// See [`TransactionStatus`].
        status: TransactionStatus,
        /// Height of the block that applied it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        height: Option<u64>,
        /// Why it was rejected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejection: Option<Rejection>,
    }
}
json! {
    /// A ledger's rejection.
    Rejection {
        /// Its number.
        code: u16,
        /// Its name.
        name: String,
        /// A sentence for a person.
        message: String,
    }
}
json! {
    /// `GET /v1/withdrawals/{index}`: everything that `Settlement.withdraw` needs.
    WithdrawalView {
        /// Index in the tree.
        index: u64,
        /// Who is paid.
        recipient: Address,
        /// How much.
        amount: Amount,
        /// Siblings up to `root`; empty until certified.
        proof: Vec<B256>,
        /// The withdrawals root of the last checkpoint accepted on chain.
        root: B256,
        /// Whether that checkpoint covers this withdrawal.
        certified: bool,
    }
}
json! {
    /// `GET /v1/accounts/{address}/exit`: what `Settlement.exit` needs if the settlement freezes at the last checkpoint
    /// accepted (X2). Keep it: it is worth as much without the operators.
    ExitView {
        /// Who is paid.
        account: Address,
        /// How much.
        amount: Amount,
        /// Siblings from the account's leaf up to the checkpoint's exit root.
        proof: Vec<B256>,
        /// The last checkpoint accepted on chain, as this operator signed it. Its roots go to the contract.
        checkpoint: Checkpoint,
        /// Operators' signatures over it, in no particular order; this operator may have forgotten those of others.
        signatures: Vec<EcdsaSignature>,
    }
}
json! {
    /// `GET /v1/checkpoints/latest`
    CheckpointView {
        /// The checkpoint.
        checkpoint: Checkpoint,
        /// Signatures collected.
        signatures: Vec<SignedCheckpoint>,
        /// Whether it has a quorum of weight.
        quorum: bool,
        /// Whether it is known to be accepted on chain.
        accepted: bool,
    }
}
json! {
    /// Every error's body.
    ErrorBody {
        /// The error.
        error: ErrorView,
    }
}
json! {
    /// An error that a client can act on.
    ErrorView {
        /// A stable name in snake case, or the name of a ledger rejection.
        name: String,
        /// The number of a ledger rejection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// A sentence for a person.
        message: String,
    }
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionStatus {
    /// Waiting for a block.
    Pending,
    /// In a finalized block.
    Applied,
    /// The ledger rejected it; it changed nothing.
    Rejected,
    /// Never seen, or forgotten.
    Unknown,
}
