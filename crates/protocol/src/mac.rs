//! The key under which a consumer and one sidecar exchange `hmac-sha256` requests, and the MAC itself.
//!
//! Both sides hold an X25519 key (RFC 7748); the consumer's comes in a request that the purchase's access key signed, so
//! nobody else can be the consumer. Whoever answers in the sidecar's place agrees on a key with the consumer alone, and can
//! use it at no sidecar. From the shared secret HKDF-SHA256 (RFC 5869) derives the key, with the purchase and both public
//! keys in its `info`. Neither side writes the key anywhere: after a restart there is a new one.

use crate::units::PurchaseId;
use alloy_primitives::B256;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const INFO: &[u8] = b"rampart-v1 hmac-sha256";

/// An X25519 secret of one process; it is in no output of `Debug`.
pub struct AgreementSecret(StaticSecret);

/// Both sides' common key for one purchase; it is in no output of `Debug`.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

/// Which side of the agreement one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who signs requests.
    Consumer,
    /// Who serves them.
    Sidecar,
}

impl AgreementSecret {
    /// A secret from 32 bytes of a cryptographic source of randomness.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(StaticSecret::from(random))
    }

    /// What the other side gets.
    #[must_use]
    pub fn public(&self) -> B256 {
        B256::new(PublicKey::from(&self.0).to_bytes())
    }

    /// The key that both sides of a purchase derive; nothing when the other's public key is of small order, so that anybody
    /// could know the key.
    #[must_use]
    pub fn agree(&self, side: Side, other: &B256, purchase: PurchaseId) -> Option<MacKey> {
        let shared = self.0.diffie_hellman(&PublicKey::from(other.0));
        if !shared.was_contributory() {
            return None;
        }
        let (consumer, sidecar) = match side {
            Side::Consumer => (self.public(), *other),
            Side::Sidecar => (*other, self.public()),
        };
        let info = [
            INFO,
            purchase.0.as_slice(),
            consumer.as_slice(),
            sidecar.as_slice(),
        ];
        let mut key = Zeroizing::new([0; 32]);
        // Fails for keys above 255 hashes only.
        Hkdf::<Sha256>::new(None, shared.as_bytes())
            .expand_multi_info(&info, key.as_mut_slice())
            .ok()?;
        Hmac::new_from_slice(key.as_slice()).ok().map(MacKey)
    }
}

impl MacKey {
    /// The MAC of a signature base.
    #[must_use]
    pub fn sign(&self, base: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(base).finalize().into_bytes().into()
    }

    /// Whether `mac` is that of `base`, in a time that tells nothing about the right one.
    #[must_use]
    pub fn verify(&self, base: &[u8], mac: &[u8; 32]) -> bool {
        self.0.clone().chain_update(base).verify(mac.into()).is_ok()
    }
}

impl core::fmt::Debug for AgreementSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AgreementSecret")
    }
}

impl core::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MacKey")
    }
}
