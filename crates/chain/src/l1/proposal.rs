//! What can be proposed to the governor: decisions about the ledger, and about operators on EigenLayer (G1, G2).

use super::L1Contracts;
use crate::bindings::OutboxContract::{
    Parameter, expelCall, judgeCall, pardonCall, setParametersCall, slashCall, spendCall, suspendCall,
};
use crate::bindings::ServiceManagerContract::{ejectCall, handOverCall, slashCall as slashOperatorCall};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolValue};
use rampart_protocol::observation::ParameterChange;
use rampart_protocol::{Amount, CaseId, ProviderId};

/// One thing that governance decides. Those about the ledger reach it as observations
/// ([`rampart_protocol::observation::GovernanceAction`]); the others take effect on the L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Changes parameters of the ledger, all or none: 1 to 64 of them.
    SetParameters(Vec<ParameterChange>),
    /// Suspends a provider until it is pardoned or expelled.
    Suspend(ProviderId),
    /// Expels a provider.
    Expel(ProviderId),
    /// Lets a suspended or expelled provider sell again.
    Pardon(ProviderId),
    /// Slashes a provider's stake on the ledger.
    Slash(ProviderId, Amount),
    /// Decides a case that the operators could not: whether the complaint is upheld.
    Judge(CaseId, bool),
    /// Spends from the ledger's treasury.
    Spend(Address, Amount),
    /// Slashes an operator on EigenLayer by a part, of 10^18, of its allocation; and why.
    SlashOperator(Address, U256, String),
    /// Makes an operator leave the service's set. It may register again.
    EjectOperator(Address),
    /// Offers the service's EigenLayer account to a successor of the service manager.
    HandOver(Address),
}

impl Decision {
    /// The contract that the timelock calls, and the call.
    #[must_use]
    pub fn call(&self, contracts: &L1Contracts) -> (Address, Bytes) {
        let (target, data) = match self {
            Self::SlashOperator(operator, wad, reason) => {
                let call = slashOperatorCall {
                    operator: *operator,
                    wad: *wad,
                    description: reason.clone(),
                };
                (contracts.service_manager, call.abi_encode())
            }
            Self::EjectOperator(operator) => {
                let call = ejectCall { operator: *operator };
                (contracts.service_manager, call.abi_encode())
            }
            Self::HandOver(admin) => (
                contracts.service_manager,
                handOverCall { admin: *admin }.abi_encode(),
            ),
            about_ledger => (contracts.outbox, about_ledger.outbox_call()),
        };
        (target, data.into())
    }

    fn outbox_call(&self) -> Vec<u8> {
        match self {
            Self::SetParameters(changes) => {
                let changes = changes.iter().map(|change| Parameter {
                    name: change.name.clone(),
                    value: change.value,
                });
                setParametersCall {
                    changes: changes.collect(),
                }
                .abi_encode()
            }
            Self::Suspend(provider) => suspendCall { provider: provider.0 }.abi_encode(),
            Self::Expel(provider) => expelCall { provider: provider.0 }.abi_encode(),
            Self::Pardon(provider) => pardonCall { provider: provider.0 }.abi_encode(),
            Self::Slash(provider, amount) => slashCall {
                provider: provider.0,
                amount: amount.0,
            }
            .abi_encode(),
            Self::Judge(case, upheld) => judgeCall {
                caseId: case.0,
                upheld: *upheld,
            }
            .abi_encode(),
            Self::Spend(recipient, amount) => spendCall {
                recipient: *recipient,
                amount: amount.0,
            }
            .abi_encode(),
            // Not about the ledger; see `call`.
            Self::SlashOperator(..) | Self::EjectOperator(_) | Self::HandOver(_) => Vec::new(),
        }
    }
}

/// The id by which the governor knows a proposal: Keccak-256 over its calls and its description's hash.
pub(super) fn id(targets: &[Address], values: &[U256], data: &[Bytes], description: B256) -> U256 {
    keccak256((targets, values, data, description).abi_encode_params()).into()
}
