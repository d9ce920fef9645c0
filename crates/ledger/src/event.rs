//! What happened, for indexes and people. Events are not state: they can always be derived again from the blocks.

use rampart_protocol::{Address, Amount, ProviderId, PurchaseId, PurchaseRecord, Sequence, ServiceId};

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
}
