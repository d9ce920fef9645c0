//! Offline verification of a purchase confirmation: record, Merkle path, header, finalization certificate (X1).
//!
//! Needs the operator set and nothing else: no clock, no network, no trust in who delivered the bytes.

use commonware_codec::Decode;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::Finalization;
use commonware_consensus::{Epochable, Viewable};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::keccak256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::ordered::Set;
use rampart_protocol::{B256, Confirmation, FinalizedBlock, Header, OperatorSet};

/// Why bytes prove no purchase.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The bytes are no confirmation.
    #[error("the confirmation cannot be decoded: {0}")]
    Decode(#[from] rampart_protocol::DecodeError),
    /// The operator set itself is unusable.
    #[error("the operator set cannot certify anything: {0}")]
    Operators(#[from] rampart_protocol::operators::OperatorSetError),
    /// An operator's consensus key is no Ed25519 key.
    #[error("operator key {0} is not an Ed25519 public key")]
    Key(B256),
    /// The record is not under the header's root.
    #[error("the purchase is not in the block that the confirmation quotes")]
    NotIncluded,
    /// A header is not the child of the one before it, or does not commit to the body.
    #[error("the headers that are quoted do not follow one another, or the block's body is another")]
    NotLinked,
    /// The certificate is not canonical bytes of the engine.
    #[error("the finalization certificate cannot be decoded: {0}")]
    Certificate(commonware_codec::Error),
    /// The certificate is for another block.
    #[error("the finalization certificate is for block {certified}, the header's digest is {header}")]
    OtherBlock {
        /// What was certified.
        certified: B256,
        /// What was quoted.
        header: B256,
    },
    /// The operators of the certificate's epoch are not known: an older one than the trusted set's, or a newer one that no
    /// handover led to yet.
    #[error("the operators of epoch {epoch} are not known, only those of epochs {first} to {last}")]
    UnknownEpoch {
        /// The certificate's epoch.
        epoch: u64,
        /// The first epoch known.
        first: u64,
        /// The last epoch known.
        last: u64,
    },
    /// The epochs of trusted sets do not ascend.
    #[error("the epochs of the trusted operator sets do not ascend")]
    Epochs,
    /// Not a quorum of valid signatures.
    #[error("the finalization certificate does not hold a quorum of valid operator signatures")]
    Quorum,
}

/// An operator set prepared for verification; make it once and keep it.
#[derive(Clone, Debug)]
pub struct Verifier {
    scheme: Scheme,
}

impl Verifier {
    /// Prepares the set.
    ///
    /// # Errors
    /// When the set is empty, repeats a key, or holds bytes that are no key.
    pub fn new(operators: &OperatorSet) -> Result<Self, VerifyError> {
        operators.validate()?;
        Ok(Self {
            scheme: Scheme::verifier(&operators.consensus_namespace(), participants(operators)?),
        })
    }

    /// Checks a confirmation; `Ok` means final.
    ///
    /// # Errors
    /// Says which link of record, path, header and certificate does not hold.
    pub fn verify(&self, confirmation: &Confirmation) -> Result<(), VerifyError> {
        if !confirmation.is_included() {
            return Err(VerifyError::NotIncluded);
        }
        let certified = confirmation.certified().ok_or(VerifyError::NotLinked)?;
        self.verify_header(certified, &confirmation.finalization)
    }

    /// Checks that the operators finalized a block; `Ok` means final. The certificate must be of the epoch that these are the
    /// operators of.
    ///
    /// # Errors
    /// Says which link of body, header and certificate does not hold.
    pub fn verify_block(&self, block: &FinalizedBlock) -> Result<(), VerifyError> {
        let certified = block.certified().ok_or(VerifyError::NotLinked)?;
        self.verify_header(certified, &block.finalization)
    }

    /// Checks that the operators finalized a header.
    ///
    /// # Errors
    /// Says which link of header and certificate does not hold.
    pub fn verify_header(&self, header: &Header, finalization: &[u8]) -> Result<(), VerifyError> {
        let certificate = Finalization::<Scheme, Digest>::decode_cfg(
            finalization.to_vec(),
            &self.scheme.certificate_codec_config(),
        )
        .map_err(VerifyError::Certificate)?;
        let digest = header.digest();
        let same_round = certificate.epoch().get() == header.epoch && certificate.view().get() == header.view;
        if certificate.proposal.payload.0 != digest.0 || !same_round {
            return Err(VerifyError::OtherBlock {
                certified: B256::new(certificate.proposal.payload.0),
                header: digest,
            });
        }
        if certificate.verify(&mut rand::rng(), &self.scheme, &Sequential) {
            Ok(())
        } else {
            Err(VerifyError::Quorum)
        }
    }
}

/// The engine's view of the operators' keys, in its own order.
///
/// # Errors
/// [`VerifyError::Key`] when some bytes are no Ed25519 key.
pub fn participants(operators: &OperatorSet) -> Result<Set<PublicKey>, VerifyError> {
    let keys: Vec<PublicKey> = operators
        .operators
        .iter()
        .map(|operator| {
            PublicKey::decode_cfg(operator.public_key.to_vec(), &())
                .map_err(|_| VerifyError::Key(operator.public_key))
        })
        .collect::<Result<_, _>>()?;
    Ok(Set::from_iter_dedup(keys))
}

/// Checks a confirmation against an operator set (see [`Verifier::verify`]).
///
/// # Errors
/// As [`Verifier::new`] and [`Verifier::verify`].
pub fn verify_confirmation(confirmation: &Confirmation, operators: &OperatorSet) -> Result<(), VerifyError> {
    Verifier::new(operators)?.verify(confirmation)
}
