//! What happened, for indexes and people. Events are not state: they can always be derived again from the blocks.

use crate::record::Subject;
use alloc::string::String;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, CaseId, Ppm, ProviderId, PurchaseId, PurchaseRecord, Sequence,
    ServiceId, Timestamp,
};

/// One thing that an applied input did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")
)]
#[allow(
    missing_docs,
    reason = "fields are named after the records that they are copied from"
)]
pub enum Event {
    /// A deposit was credited.
    Deposited {
        index: u64,
        account: Address,
        amount: Amount,
    },
    /// A provider registered.
    ProviderRegistered {
        provider: ProviderId,
        owner: Address,
        stake: Amount,
    },
    /// A provider changed its public data.
    ProviderUpdated { provider: ProviderId },
    /// A provider added stake; `stake` is what it has now.
    StakeAdded {
        provider: ProviderId,
        amount: Amount,
        stake: Amount,
    },
    /// A service was offered.
    ServiceRegistered {
        service: ServiceId,
        provider: ProviderId,
    },
    /// A service has new terms.
    ServiceUpdated {
        service: ServiceId,
        provider: ProviderId,
        version: u32,
        active: bool,
    },
    /// A purchase was made: the record that its confirmation carries.
    Purchased(PurchaseRecord),
    /// Use was proven; `used` is cumulative.
    UsageReported {
        purchase: PurchaseId,
        provider: ProviderId,
        used: Sequence,
    },
    /// Fees moved from escrow to the owner's balance.
    Claimed {
        provider: ProviderId,
        owner: Address,
        amount: Amount,
    },
    /// Balance left the ledger, to be paid on the L2.
    WithdrawalQueued {
        index: u64,
        account: Address,
        recipient: Address,
        amount: Amount,
    },
    /// Balance moved from one account to another.
    Transferred {
        sender: Address,
        recipient: Address,
        amount: Amount,
    },
    /// A forced message was consumed without effect; `code` is its rejection, zero when it was not even a message.
    ForcedRefused {
        index: u64,
        account: Address,
        code: u16,
        reason: String,
    },
    /// Stake began to leave.
    Unbonding {
        provider: ProviderId,
        amount: Amount,
        release_at: Timestamp,
    },
    /// Stake that had left went to the owner's balance.
    StakeReleased {
        provider: ProviderId,
        owner: Address,
        amount: Amount,
    },
    /// A provider stakes another share of its claims.
    AutoStakeSet { provider: ProviderId, share: Ppm },
    /// A purchase has a new access key.
    AccessKeyRotated {
        purchase: PurchaseId,
        provider: ProviderId,
        access_key: AccessKey,
    },
    /// A negative review was published.
    Reviewed {
        purchase: PurchaseId,
        provider: ProviderId,
        consumer: Address,
        fee: Amount,
        comment: String,
        evidence: B256,
    },
    /// A review was challenged.
    Challenged {
        purchase: PurchaseId,
        provider: ProviderId,
        bond: Amount,
        evidence: B256,
    },
    /// A review stands, since nobody challenged it.
    ReviewStood {
        purchase: PurchaseId,
        provider: ProviderId,
    },
    /// A round of a case began.
    BallotOpened {
        case: CaseId,
        round: u32,
        subject: Subject,
        provider: ProviderId,
        commit_until: Timestamp,
        reveal_until: Timestamp,
    },
    /// An operator committed.
    VerdictCommitted {
        case: CaseId,
        round: u32,
        operator: Address,
    },
    /// An operator revealed.
    VerdictRevealed {
        case: CaseId,
        round: u32,
        operator: Address,
        upheld: bool,
    },
    /// A case was decided.
    CaseDecided {
        case: CaseId,
        subject: Subject,
        provider: ProviderId,
        upheld: bool,
    },
    /// Operators failed to decide twice; governance is asked.
    CaseEscalated { case: CaseId, provider: ProviderId },
    /// A case was dropped: nobody decided it, or its reason went away.
    CaseDropped { case: CaseId, provider: ProviderId },
    /// The unused part of a purchase was refunded.
    Refunded {
        purchase: PurchaseId,
        provider: ProviderId,
        consumer: Address,
        amount: Amount,
    },
    /// Stake was slashed; `amount` is what was taken.
    Slashed {
        provider: ProviderId,
        amount: Amount,
        bounty: Amount,
    },
    /// A provider may not sell for now.
    ProviderSuspended { provider: ProviderId },
    /// A provider may sell again.
    ProviderReinstated { provider: ProviderId },
    /// A provider was expelled; `compensation` is held for its consumers until `until`.
    ProviderExpelled {
        provider: ProviderId,
        compensation: Amount,
        until: Timestamp,
    },
    /// What was left of a compensation went to the pool.
    CompensationClosed { provider: ProviderId, amount: Amount },
    /// An operator reported a page of services.
    AvailabilityReported {
        operator: Address,
        epoch: u64,
        page: u32,
        down: u32,
    },
    /// A service was down for an epoch, by the median of the operators' stake; `row` counts epochs in a row.
    Outage {
        service: ServiceId,
        provider: ProviderId,
        epoch: u64,
        row: u32,
    },
    /// An epoch ended.
    EpochClosed {
        number: u64,
        pool: Amount,
        paid: Amount,
        treasury: Amount,
    },
    /// An operator's stake changed.
    OperatorChanged {
        operator: Address,
        stake: Amount,
        commission: Ppm,
    },
    /// An operator told its keys; those that it did not prove are not used, nor the ones before.
    OperatorKeysChanged {
        operator: Address,
        consensus_key: B256,
        checkpoint_key: Address,
        proven: bool,
    },
    /// An account lets a key buy in its name.
    PurchaserDelegated {
        consumer: Address,
        purchaser: AccessKey,
        limit: Amount,
        expires_at: Timestamp,
    },
    /// An account lets a key buy no more.
    PurchaserRevoked { consumer: Address, purchaser: AccessKey },
    /// It was settled who votes in a consensus epoch.
    CommitteeDrawn { epoch: u64, seats: u32 },
    /// An investor's weight changed.
    InvestorChanged {
        operator: Address,
        investor: Address,
        weight: Amount,
    },
    /// Rewards went to a balance.
    RewardsClaimed {
        operator: Address,
        account: Address,
        amount: Amount,
    },
    /// Governance changed parameters.
    ParametersSet { count: u32 },
    /// The treasury paid.
    TreasurySpent { recipient: Address, amount: Amount },
    /// Something that was due could not be done; what it was about stays as it is.
    DeadlineFailed { subject: B256, reason: String },
    /// A decision of governance has no effect.
    GovernanceRefused { index: u64, reason: String },
}
