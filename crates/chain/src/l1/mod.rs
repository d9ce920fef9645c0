//! Rampart on the L1: EigenLayer's core, our contracts beside it, and what investors, operators and governance do there.
//!
//! Amounts are base units of the restaked asset or of the governance token, which are minted one for one (G3).

pub mod bytecode;
mod calls;
mod decision;
mod deploy;
pub mod eigenlayer;
pub mod governance;
pub mod operators;
mod settings;
pub mod vault;

pub use bytecode::CoreBytecode;
pub use decision::Decision;
pub use eigenlayer::{Core, CoreDelays};
pub use governance::{Governance, Proposal, ProposalState, Support};
pub use operators::{KeyProofs, Operators};
pub use settings::{Allocation, CoreVersion, L1Settings, WAD};
pub use vault::{Stake, Vault, Withdrawal};

use alloy::primitives::Address;
use rampart_protocol::operator_keys::Registry;
use serde::{Deserialize, Serialize};

/// The contracts on the L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1Contracts {
    /// EigenLayer's chain id, checked before anything is sent.
    pub chain_id: u64,
    /// `AllocationManager` of EigenLayer's core.
    pub allocation_manager: Address,
    /// `DelegationManager` of EigenLayer's core.
    pub delegation_manager: Address,
    /// `StrategyManager` of EigenLayer's core.
    pub strategy_manager: Address,
    /// `PermissionController` of EigenLayer's core.
    pub permission_controller: Address,
    /// The one strategy that is restaked in.
    pub strategy: Address,
    /// The token that the strategy takes.
    pub asset: Address,
    /// `TimelockController`, which executes proposals.
    pub timelock: Address,
    /// `Outbox`, which tells the ledger.
    pub outbox: Address,
    /// `GovernanceToken`.
    pub governance_token: Address,
    /// `ServiceManager`, the service's account on EigenLayer.
    pub service_manager: Address,
    /// `RestakingVault`.
    pub vault: Address,
    /// `RampartGovernor`.
    pub governor: Address,
    /// Block that carries `Outbox`'s deployment: where reading it starts.
    pub deployed_at: u64,
}

impl L1Contracts {
    /// Where operators prove their keys.
    #[must_use]
    pub const fn registry(&self) -> Registry {
        Registry {
            chain_id: self.chain_id,
            service_manager: self.service_manager,
        }
    }
}
