//! What governance can decide, as calls by its timelock.

use super::L1Contracts;
use crate::bindings::OutboxContract::{
    Parameter, expelCall, judgeCall, pardonCall, setParametersCall, slashCall, spendCall, suspendCall,
};
use crate::bindings::ServiceManagerContract::{ejectCall, handOverCall, slashCall as slashOperatorCall};
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall as _;
use rampart_protocol::observation::GovernanceAction;

/// Something that a proposal does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Tells the ledger, through `Outbox`.
    Ledger(GovernanceAction),
    /// Slashes an operator on EigenLayer.
    SlashOperator {
        /// The operator.
        operator: Address,
        /// What part of its allocation, of 10^18.
        wad: U256,
        /// Why, for EigenLayer's readers.
        description: String,
    },
    /// Makes an operator leave the service's set.
    EjectOperator(Address),
    /// Offers the administration of the service's account on EigenLayer to a successor: the upgrade path.
    HandOver(Address),
}

impl Decision {
    /// The contract that the timelock calls, and how.
    #[must_use]
    pub fn call(&self, contracts: &L1Contracts) -> (Address, Bytes) {
        let data = match self {
            Self::Ledger(action) => return (contracts.outbox, outbox_call(action).into()),
            Self::SlashOperator {
                operator,
                wad,
                description,
            } => slashOperatorCall {
                operator: *operator,
                wad: *wad,
                description: description.clone(),
            }
            .abi_encode(),
            Self::EjectOperator(operator) => ejectCall { operator: *operator }.abi_encode(),
            Self::HandOver(admin) => handOverCall { admin: *admin }.abi_encode(),
        };
        (contracts.service_manager, data.into())
    }
}

fn outbox_call(action: &GovernanceAction) -> Vec<u8> {
    match action {
        GovernanceAction::SetParameters(set) => setParametersCall {
            changes: set
                .changes
                .iter()
                .map(|change| Parameter {
                    name: change.name.clone(),
                    value: change.value,
                })
                .collect(),
        }
        .abi_encode(),
        GovernanceAction::Suspend(a) => suspendCall {
            provider: a.provider.0,
        }
        .abi_encode(),
        GovernanceAction::Expel(a) => expelCall {
            provider: a.provider.0,
        }
        .abi_encode(),
        GovernanceAction::Pardon(a) => pardonCall {
            provider: a.provider.0,
        }
        .abi_encode(),
        GovernanceAction::Slash(a) => slashCall {
            provider: a.provider.0,
            amount: a.amount.0,
        }
        .abi_encode(),
        GovernanceAction::Judge(a) => judgeCall {
            caseId: a.case.0,
            upheld: a.upheld,
        }
        .abi_encode(),
        GovernanceAction::Spend(a) => spendCall {
            recipient: a.recipient,
            amount: a.amount.0,
        }
        .abi_encode(),
    }
}
