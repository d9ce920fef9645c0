//! The node itself: where it stands, its totals and its checkpoints.

use super::{json, named};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::units::{Amount, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

named! {
    /// What a process that serves this API is.
    Role {
        /// It has a consensus key: it votes in the epochs in which that has a seat.
        Operator = "operator",
        /// It verifies what operators make final, and serves reads.
        Follower = "follower",
    }
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
        /// What this process is.
        role: Role,
        /// Whether it votes in that epoch.
        seated: bool,
        /// This operator's consensus key; a follower has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<B256>,
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
