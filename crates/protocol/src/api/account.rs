//! Accounts, what they withdraw, and what they could leave with.

use super::json;
use crate::checkpoint::Checkpoint;
use crate::eip712::EcdsaSignature;
use crate::units::{AccessKey, Amount, Nonce, ProviderId, Timestamp};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

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
        /// The keys that buy in its name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        purchasers: Vec<PurchaserView>,
    }
}
json! {
    /// A key that an account lets buy in its name.
    PurchaserView {
        /// The Ed25519 key.
        key: AccessKey,
        /// How much it may still spend.
        left: Amount,
        /// From this time on it buys no more.
        expires_at: Timestamp,
        /// Nonce that its next purchase carries.
        nonce: Nonce,
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
