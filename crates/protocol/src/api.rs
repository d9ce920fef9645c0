//! The JSON of the node's HTTP API, shared by the server and its clients. Amounts are decimal strings of base units,
//! byte strings are 0x-hex, times are Unix seconds.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::confirmation::PurchaseRecord;
use crate::units::{Amount, Category, Nonce, Ppm, ProviderId, Seconds, ServiceId};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

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
        /// Height of the last checkpoint that this operator knows to be accepted on chain; 0 for none.
        checkpoint_height: u64,
        /// Transactions waiting.
        pending: u64,
        /// Most transactions that may wait.
        capacity: u64,
        /// Software version.
        version: String,
    }
}
json! {
    /// `GET /v1/accounts/{address}`; an account never seen has zero everywhere.
    AccountView {
        /// The account.
        address: Address,
        /// Free balance.
        balance: Amount,
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
        /// Number of purchases so far.
        purchases: u64,
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
        /// Base URL where it is consumed.
        endpoint: String,
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
    }
}
json! {
    /// `GET /v1/purchases/{id}`
    PurchaseView {
        /// The terms it was bought on.
        #[serde(flatten)]
        record: PurchaseRecord,
        /// Requests that the provider has proved.
        used: u64,
    }
}
json! {
    /// `GET /v1/totals`: where every deposited unit is. Balances, stakes, escrow, pool and treasury sum to deposits less
    /// withdrawals, at every block.
    Totals {
        /// Sum of all free balances.
        balances: Amount,
        /// Sum of all stakes.
        stakes: Amount,
        /// Sum of all escrow.
        escrow: Amount,
        /// The current epoch's pool.
        pool: Amount,
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
