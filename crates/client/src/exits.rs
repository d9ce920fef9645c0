//! Checking what a node says about exits (X2): that the proof leads to a checkpoint's exit root, and that this checkpoint
//! is one that a quorum of the operators signed, or the one whose roots the settlement holds.
//!
//! A checkpoint with a quorum may not be the last one accepted; only the chain tells that. An exit under any other than
//! the last is worth nothing, so whoever keeps one fetches it anew from time to time.

use rampart_protocol::api::ExitView;
use rampart_protocol::eip712::{EcdsaSignature, recover};
use rampart_protocol::{
    Address, Checkpoint, ExitArchive, ExitArchiveError, OperatorSet, ProvableExits, ProvenExit, Roots,
};
use std::collections::BTreeMap;

/// Why an exit, or an archive of exits, proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExitError {
    /// The operator set itself is unusable.
    #[error("the operator set cannot certify anything: {0}")]
    Operators(#[from] rampart_protocol::operators::OperatorSetError),
    /// The proof does not lead to the checkpoint's exit root.
    #[error("the proof of the exit of {0} does not lead to its checkpoint")]
    Proof(Address),
    /// It is another account's.
    #[error("the exit is that of {given}, asked for was that of {asked}")]
    OtherAccount {
        /// Whose it is.
        given: Address,
        /// Whose it should be.
        asked: Address,
    },
    /// The archive is of another deployment.
    #[error("the archive is of settlement {0} on chain {1}, which is another")]
    OtherDeployment(Address, u64),
    /// The archive is damaged or does not have the checkpoint's entries.
    #[error(transparent)]
    Archive(#[from] ExitArchiveError),
    /// Too few operators signed the checkpoint.
    #[error(
        "the checkpoint of height {height} carries {signed} of the operators' weight of {total}: no quorum"
    )]
    Quorum {
        /// Its height.
        height: u64,
        /// Weight that signed.
        signed: u128,
        /// All weight.
        total: u128,
    },
    /// The roots are not those that the settlement holds.
    #[error(
        "these exits are of the checkpoint of height {height}, which is not the last that the settlement accepted: get \
         those of the last one"
    )]
    NotLast {
        /// The checkpoint's height.
        height: u64,
    },
}

/// Checks that more than two thirds of the operators' weight signed a checkpoint, each counted once.
///
/// # Errors
/// [`ExitError::Quorum`], or [`ExitError::Operators`].
pub fn verify_signatures(
    checkpoint: &Checkpoint,
    signatures: &[EcdsaSignature],
    operators: &OperatorSet,
) -> Result<(), ExitError> {
    operators.validate()?;
    let digest = checkpoint.signing_hash(&operators.domain);
    let signers = signatures.iter().filter_map(|signature| {
        let signer = recover(signature, &digest)?;
        Some((signer, u128::from(operators.seat(signer)?.1)))
    });
    let signed = signers.collect::<BTreeMap<_, _>>().into_values().sum();
    if operators.is_quorum(signed) {
        return Ok(());
    }
    Err(ExitError::Quorum {
        height: checkpoint.height,
        signed,
        total: operators
            .operators
            .iter()
            .map(|operator| u128::from(operator.weight))
            .sum(),
    })
}

/// Checks that an exit is under its own checkpoint. Whether that checkpoint counts is for [`verify_signatures`] or
/// [`verify_roots`] to say.
///
/// # Errors
/// [`ExitError::Proof`].
pub fn verify_proof(exit: &ExitView) -> Result<ProvenExit, ExitError> {
    let proven = ProvenExit {
        account: exit.account,
        amount: exit.amount,
        proof: exit.proof.clone(),
    };
    if proven.is_under(&exit.checkpoint.roots()) {
        Ok(proven)
    } else {
        Err(ExitError::Proof(exit.account))
    }
}

/// Checks that a checkpoint has the roots that the settlement holds, which are those of the last one that it accepted.
///
/// # Errors
/// [`ExitError::NotLast`].
pub fn verify_roots(checkpoint: &Checkpoint, on_chain: &Roots) -> Result<(), ExitError> {
    if checkpoint.roots() == *on_chain {
        Ok(())
    } else {
        Err(ExitError::NotLast {
            height: checkpoint.height,
        })
    }
}

/// Checks that an archive is of a deployment and has its checkpoint's entries, and makes it ready to prove exits.
///
/// # Errors
/// [`ExitError::OtherDeployment`], [`ExitError::Archive`].
pub fn verify_archive(archive: ExitArchive, operators: &OperatorSet) -> Result<ProvableExits, ExitError> {
    let found = archive.domain;
    if found != operators.domain {
        return Err(ExitError::OtherDeployment(found.settlement, found.chain_id));
    }
    Ok(ProvableExits::new(archive)?)
}
