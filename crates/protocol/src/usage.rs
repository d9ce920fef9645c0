//! Usage vouchers: how a provider proves to the ledger what a purchase has used.
//!
//! The proof is the consumer's own request signature with the highest sequence number: signing n authorises n in
//! all. The voucher is the signature base that was signed, so it needs nothing but the access key to check.

use crate::http_signature::{self, Algorithm, ProfileError};
use crate::units::{AccessKey, PurchaseId, Sequence};

/// Why a voucher proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherError {
    /// The signature base is not UTF-8, not in the profile, or its signature does not verify.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The base is not text.
    #[error("the voucher is not UTF-8 text")]
    NotText,
    /// The signature is not 64 bytes.
    #[error("the voucher's signature is not 64 bytes")]
    SignatureLength,
    /// It speaks of another purchase.
    #[error("the voucher is for purchase {0}")]
    OtherPurchase(PurchaseId),
    /// It authorises another number of requests than is claimed.
    #[error("the voucher authorises {0} requests, not the number claimed")]
    OtherSequence(Sequence),
}

/// Checks that `key` signed `voucher`, and that it authorises exactly `used` requests of `purchase`.
///
/// # Errors
/// Says which of these does not hold.
pub fn verify_voucher(
    key: &AccessKey,
    purchase: PurchaseId,
    used: Sequence,
    voucher: &[u8],
    signature: &[u8],
) -> Result<(), VoucherError> {
    let base = core::str::from_utf8(voucher).map_err(|_| VoucherError::NotText)?;
    let signature: &[u8; 64] = signature.try_into().map_err(|_| VoucherError::SignatureLength)?;
    let parameters = http_signature::parameters_of_base(base)?;
    // What is signed by two sides' common key could have been made by either.
    if parameters.algorithm != Algorithm::Ed25519 {
        return Err(ProfileError::Input("a voucher is signed by ed25519").into());
    }
    if parameters.purchase != purchase {
        return Err(VoucherError::OtherPurchase(parameters.purchase));
    }
    if parameters.sequence != used {
        return Err(VoucherError::OtherSequence(parameters.sequence));
    }
    Ok(http_signature::verify(key, voucher, signature)?)
}
