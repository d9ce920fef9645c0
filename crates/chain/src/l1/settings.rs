//! What the contracts on the L1 are told for good when they are deployed.

use alloy::primitives::Address;
use rampart_protocol::{Domain, Ppm, Seconds, Timestamp};

/// Parts of 10^18, in which EigenLayer counts magnitudes and slashings.
pub const WAD: u64 = 1_000_000_000_000_000_000;

/// Version 1.3 creates operator sets in one way, 1.9 and later in another (see `contracts/src/l1/adapters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreVersion {
    /// v1.3 to v1.8: the slasher is an appointee in the PermissionController.
    V13,
    /// v1.9 and later: the AllocationManager keeps a slasher for each set. Mainnet's.
    V19,
}

/// What the contracts on the L1 are told at deployment. Limits are the contracts' to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Settings {
    /// How operator sets are created there.
    pub core_version: CoreVersion,
    /// The settlement contract, conflicting checkpoints for which are slashable.
    pub settlement: Domain,
    /// Whether the strategy's asset is ether in a wrapper, as WETH9: then investors can restake ether itself.
    pub wraps_ether: bool,
    /// From a proposal's success to its execution.
    pub timelock_delay: Seconds,
    /// From a proposal to the start of its vote.
    pub voting_delay: Seconds,
    /// How long a vote lasts.
    pub voting_period: Seconds,
    /// Weight that a proposer needs, base units of the governance token.
    pub proposal_threshold: u128,
    /// Percent of the token's supply that must vote for or abstain.
    pub quorum_percent: u8,
    /// What holding for ever would add to a token's weight; at most ten times (G7).
    pub age_boost: Ppm,
    /// The holding time that gives half of the boost; more than none.
    pub age_half: Seconds,
    /// Tokens of developers and funders (G6).
    pub allocations: Vec<Allocation>,
    /// What part of its allocation an equivocating operator loses, of [`WAD`]; more than none (X3).
    pub equivocation_wad: u64,
    /// Wei for the reporter of an equivocation, as far as the service manager has it.
    pub bounty: u128,
    /// Of the service, for EigenLayer's interfaces.
    pub metadata_uri: String,
}

/// Governance tokens that vest in a straight line (G6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Who receives them.
    pub beneficiary: Address,
    /// Base units.
    pub amount: u128,
    /// When vesting begins.
    pub start: Timestamp,
    /// How long it lasts.
    pub duration: Seconds,
}
