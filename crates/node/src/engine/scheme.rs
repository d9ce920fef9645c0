//! The certificate scheme: Ed25519 signatures of the operators over the deployment's own namespace.
//!
//! Attributable (each signature names its operator, so equivocation is evidence) and cheap at our set sizes. Every
//! operator has one seat whatever its stake: quorums in consensus count seats, those on chain count stake.

use crate::block::parse_key;
use crate::storage::Digest;
use commonware_consensus::simplex;
use commonware_cryptography::ed25519::PublicKey;
use commonware_utils::{TryCollect as _, ordered::Set};
use rampart_protocol::{B256, OperatorSet};

/// Signs and verifies votes and certificates.
pub type Scheme = simplex::scheme::ed25519::Scheme;

/// A quorum's certificate that a block is final. Its encoding is what a confirmation carries.
pub type Finalization = simplex::types::Finalization<Scheme, Digest>;

/// Why an operator set gives no certificate scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// A consensus key is not a point of the curve.
    #[error("the consensus key {0} is not an Ed25519 public key")]
    Key(B256),
    /// A consensus key occurs twice.
    #[error("two operators share one consensus key")]
    Duplicate,
}

/// The operators' consensus keys in the order in which certificates number their signers.
///
/// # Errors
/// When a key is malformed or occurs twice.
pub fn participants(operators: &OperatorSet) -> Result<Set<PublicKey>, SchemeError> {
    operators
        .operators
        .iter()
        .map(|operator| parse_key(&operator.public_key).map_err(|_| SchemeError::Key(operator.public_key)))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .try_collect()
        .map_err(|_| SchemeError::Duplicate)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::block::key_bytes;
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
    use rampart_protocol::{Address, Domain, Operator};

    fn set(keys: &[B256]) -> OperatorSet {
        let operators = keys
            .iter()
            .map(|key| Operator {
                public_key: *key,
                checkpoint_key: Address::repeat_byte(1),
                weight: 1,
            })
            .collect();
        OperatorSet {
            domain: Domain {
                chain_id: 1,
                settlement: Address::ZERO,
            },
            operators,
        }
    }

    fn key(seed: u64) -> PrivateKey {
        PrivateKey::from_seed(seed)
    }

    fn public(seed: u64) -> B256 {
        key_bytes(&key(seed).public_key())
    }

    #[test]
    fn refuses_sets_with_malformed_or_repeated_keys() {
        let malformed = (0u8..)
            .map(B256::repeat_byte)
            .find(|bytes| parse_key(bytes).is_err())
            .unwrap();
        assert_eq!(
            participants(&set(&[malformed])).unwrap_err(),
            SchemeError::Key(malformed)
        );
        assert_eq!(
            participants(&set(&[public(1), public(1)])).unwrap_err(),
            SchemeError::Duplicate
        );
    }

    #[test]
    fn signers_are_numbered_in_the_order_of_their_keys_whatever_the_order_of_the_set() {
        let forward = participants(&set(&[public(1), public(2), public(3)])).unwrap();
        let backward = participants(&set(&[public(3), public(2), public(1)])).unwrap();
        assert_eq!(forward, backward);
    }
}
