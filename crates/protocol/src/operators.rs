//! The operator set: whom a verifier must know to check a confirmation or a checkpoint, and nothing more (X1).

use crate::eip712::Domain;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// One operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Operator {
    /// Ed25519 key that votes in consensus.
    pub public_key: B256,
    /// Address of the secp256k1 key that signs checkpoints.
    pub checkpoint_key: Address,
    /// Stake weight on chain; at most 96 bits.
    pub weight: u64,
}

/// The operators of an epoch and the deployment that they serve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct OperatorSet {
    /// The deployment.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub domain: Domain,
    /// Its operators.
    pub operators: Vec<Operator>,
}

/// The form in which a header commits to a set.
#[derive(RlpEncodable)]
struct Committed {
    chain_id: u64,
    settlement: Address,
    operators: Vec<Operator>,
}

/// Why a list of operators is not a set that can certify anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorSetError {
    /// There is none.
    #[error("the operator set is empty")]
    Empty,
    /// Two share a key.
    #[error("two operators share the consensus key {0}")]
    DuplicateConsensusKey(B256),
    /// Two share a checkpoint key.
    #[error("two operators share the checkpoint key {0}")]
    DuplicateCheckpointKey(Address),
    /// An operator has no weight or no checkpoint key.
    #[error("operator {0} has weight or checkpoint key zero")]
    Zero(B256),
    /// The contract's signer bitmap has 256 places.
    #[error("{0} operators, at most 256 are possible")]
    TooMany(usize),
}

impl OperatorSet {
    /// Checks that keys are distinct and weights positive.
    ///
    /// # Errors
    /// Names the first fault.
    pub fn validate(&self) -> Result<(), OperatorSetError> {
        if self.operators.is_empty() {
            return Err(OperatorSetError::Empty);
        }
        if self.operators.len() > 256 {
            return Err(OperatorSetError::TooMany(self.operators.len()));
        }
        for (i, operator) in self.operators.iter().enumerate() {
            if operator.weight == 0 || operator.checkpoint_key.is_zero() {
                return Err(OperatorSetError::Zero(operator.public_key));
            }
            for other in &self.operators[..i] {
                if other.public_key == operator.public_key {
                    return Err(OperatorSetError::DuplicateConsensusKey(other.public_key));
                }
                if other.checkpoint_key == operator.checkpoint_key {
                    return Err(OperatorSetError::DuplicateCheckpointKey(other.checkpoint_key));
                }
            }
        }
        Ok(())
    }

    /// The namespace that separates this deployment's consensus signatures from all others.
    #[must_use]
    pub fn consensus_namespace(&self) -> Vec<u8> {
        let mut namespace = b"rampart-consensus-v1".to_vec();
        namespace.extend_from_slice(&self.domain.chain_id.to_be_bytes());
        namespace.extend_from_slice(self.domain.settlement.as_slice());
        namespace
    }

    /// The seats as the settlement contract takes them: `signer << 96 | weight`, ascending.
    #[must_use]
    pub fn seats(&self) -> Vec<B256> {
        let mut seats: Vec<B256> = self
            .operators
            .iter()
            .map(|o| {
                let signer = U256::from_be_slice(o.checkpoint_key.as_slice());
                B256::from((signer << 96) | U256::from(o.weight))
            })
            .collect();
        seats.sort_unstable();
        seats
    }

    /// The set's hash on chain: keccak-256 of the packed seats.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.seats().concat())
    }

    /// What a header commits to, so that a set proves the next one: keccak-256 of the RLP list of chain id, settlement,
    /// and the list of operators (consensus key, checkpoint key, weight) by ascending consensus key. Unlike
    /// [`Self::hash`], which the contract must be able to compute, it covers the keys that vote in consensus.
    #[must_use]
    pub fn commitment(&self) -> B256 {
        let mut operators = self.operators.clone();
        operators.sort_unstable_by_key(|operator| operator.public_key);
        let sorted = Committed {
            chain_id: self.domain.chain_id,
            settlement: self.domain.settlement,
            operators,
        };
        keccak256(alloy_rlp::encode(sorted))
    }

    /// The position in [`Self::seats`] and the weight of a checkpoint key.
    #[must_use]
    pub fn seat(&self, checkpoint_key: Address) -> Option<(usize, u64)> {
        let weight = self
            .operators
            .iter()
            .find(|o| o.checkpoint_key == checkpoint_key)?
            .weight;
        let position = self
            .seats()
            .iter()
            .position(|seat| seat[..20] == checkpoint_key[..])?;
        Some((position, weight))
    }

    /// Whether `weight` is more than two thirds of the total.
    #[must_use]
    pub fn is_quorum(&self, weight: u128) -> bool {
        let total: u128 = self.operators.iter().map(|o| u128::from(o.weight)).sum();
        weight.saturating_mul(3) > total.saturating_mul(2)
    }
}
