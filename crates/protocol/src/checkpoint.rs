//! A checkpoint: the ledger's state as operators certify it to the L2 with their secp256k1 keys.

use crate::eip712::{Domain, EcdsaSignature, recover};
use alloy_primitives::{Address, B256, Keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// The certified state. The chain id and the settlement contract are in the EIP-712 domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Checkpoint {
    /// Consensus epoch.
    pub epoch: u64,
    /// Block height.
    pub height: u64,
    /// State root after that block.
    pub state_root: B256,
    /// Root over every withdrawal so far.
    pub withdrawals_root: B256,
    /// Root over what each account could take if all stopped now (X2).
    pub exit_root: B256,
    /// Inbox messages consumed.
    pub inbox_count: u64,
    /// Hash of the operator set that signs the next checkpoint.
    pub next_operator_set: B256,
}

impl Checkpoint {
    /// Its roots, as who is paid shows them to the settlement contract.
    #[must_use]
    pub const fn roots(&self) -> Roots {
        Roots {
            state_root: self.state_root,
            withdrawals_root: self.withdrawals_root,
            exit_root: self.exit_root,
        }
    }
}

/// The roots of a checkpoint. The settlement contract keeps only their hash; who is paid brings them along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Roots {
    /// State root.
    pub state_root: B256,
    /// Root over every withdrawal; zero for none.
    pub withdrawals_root: B256,
    /// Root over every account's exit; zero for none.
    pub exit_root: B256,
}

impl Roots {
    /// Keccak-256 over the three, one after the other.
    #[must_use]
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        for root in [self.state_root, self.withdrawals_root, self.exit_root] {
            hasher.update(root);
        }
        hasher.finalize()
    }
}

/// One operator's signature over a checkpoint, as operators exchange it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct SignedCheckpoint {
    /// What is certified.
    pub checkpoint: Checkpoint,
    /// The signature over its EIP-712 digest.
    pub signature: EcdsaSignature,
}

impl SignedCheckpoint {
    /// The operator's checkpoint key, or `None` when the signature is not canonical.
    #[must_use]
    pub fn signer(&self, domain: &Domain) -> Option<Address> {
        recover(&self.signature, &self.checkpoint.signing_hash(domain))
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one signed checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::DecodeError> {
        crate::error::decode_exact(bytes)
    }
}
