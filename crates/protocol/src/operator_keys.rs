//! How an operator proves that its keys are its own (P2, O1): both sign one EIP-712 digest of the service manager's domain
//! on the L1. The contract verifies the checkpoint key's signature; the consensus key's is verified by whoever reads the
//! chain, here, since it would cost too much there.

use crate::eip712::{Domain, sol_types};
use crate::http_signature;
use crate::units::AccessKey;
use alloy_primitives::{Address, B256};
use alloy_sol_types::SolStruct as _;

/// The contract that operators register their keys with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Chain id of the L1.
    pub chain_id: u64,
    /// The `ServiceManager`.
    pub service_manager: Address,
}

impl Registry {
    /// What both keys sign: `OperatorKeys(address operator,bytes32 consensusKey,address checkpointKey)` in the domain "Rampart",
    /// version "1", of the service manager.
    #[must_use]
    pub fn digest(&self, operator: Address, consensus_key: B256, checkpoint_key: Address) -> B256 {
        let domain = Domain {
            chain_id: self.chain_id,
            settlement: self.service_manager,
        };
        let keys = sol_types::OperatorKeys {
            operator,
            consensusKey: consensus_key,
            checkpointKey: checkpoint_key,
        };
        keys.eip712_signing_hash(&domain.eip712())
    }

    /// Whether a consensus key has signed for this operator and checkpoint key: Ed25519 over the 32 bytes of [`Self::digest`],
    /// verified strictly (RFC 8032 with canonical points of large order), so that no two readers differ.
    #[must_use]
    pub fn is_proven(
        &self,
        operator: Address,
        consensus_key: B256,
        checkpoint_key: Address,
        signature: &[u8],
    ) -> bool {
        let digest = self.digest(operator, consensus_key, checkpoint_key);
        let Ok(signature) = signature.try_into() else {
            return false;
        };
        http_signature::verify(&AccessKey(consensus_key), digest.as_slice(), signature).is_ok()
    }
}
