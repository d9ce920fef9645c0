//! What an account can ask of the ledger. Every message is signed as EIP-712 typed data (see [`crate::eip712`]).
//!
//! A message states its terms in full, so that a wallet shows a person what is signed and no operator can change it.

use crate::error::{DecodeError, decode_exact};
use crate::units::{
    AccessKey, Amount, Category, Nonce, ProviderId, PurchaseId, Seconds, Sequence, ServiceId, Timestamp,
};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// Longest provider name, bytes.
pub const MAX_NAME: usize = 64;
/// Longest endpoint URL, bytes.
pub const MAX_ENDPOINT: usize = 256;
/// Longest service description, bytes.
pub const MAX_DESCRIPTION: usize = 1024;
/// Longest signature base in a usage report, bytes.
pub const MAX_VOUCHER: usize = 2048;

macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "camelCase", deny_unknown_fields)
        )]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)+ }
    };
}

message! {
    /// Registers the signer as a provider and transfers its stake (V2).
    RegisterProvider {
        /// Name shown to consumers, at most [`MAX_NAME`] bytes.
        name: String,
        /// Base URL of the provider's API (its sidecar), at most [`MAX_ENDPOINT`] bytes.
        endpoint: String,
        /// Stake taken from the signer's balance.
        stake: Amount,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Changes a provider's public data. Signed by its owner.
    UpdateProvider {
        /// The provider.
        provider: ProviderId,
        /// New name.
        name: String,
        /// New base URL.
        endpoint: String,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Moves balance of the owner into the provider's stake (V4).
    AddStake {
        /// The provider.
        provider: ProviderId,
        /// Amount taken from the owner's balance.
        amount: Amount,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Offers a service: a package of API requests for a fee (V3).
    RegisterService {
        /// The provider that offers it; the signer owns it.
        provider: ProviderId,
        /// Category of V1.
        category: Category,
        /// Text description, at most [`MAX_DESCRIPTION`] bytes.
        description: String,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest time until expiry that a buyer may choose.
        min_duration: Seconds,
        /// Longest time until expiry that a buyer may choose.
        max_duration: Seconds,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Replaces a service's terms (V3). Its version grows by one; purchases keep the terms they were bought on.
    UpdateService {
        /// The service; the signer owns its provider.
        service: ServiceId,
        /// Category of V1.
        category: Category,
        /// Text description.
        description: String,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest time until expiry that a buyer may choose.
        min_duration: Seconds,
        /// Longest time until expiry that a buyer may choose.
        max_duration: Seconds,
        /// Whether it can be bought; `false` retires it.
        active: bool,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Buys one package of a service (C4).
    Purchase {
        /// The buyer, who signs.
        consumer: Address,
        /// The provider.
        provider: ProviderId,
        /// The service.
        service: ServiceId,
        /// Version of the service's terms that the consumer saw.
        version: u32,
        /// The fee that the consumer agrees to; the ledger refuses any other.
        fee: Amount,
        /// Ed25519 key that will sign the API requests (C6).
        access_key: AccessKey,
        /// When the right to consume ends.
        expires_at: Timestamp,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Proves use of a purchase by the consumer's latest request signature, a cumulative voucher.
    ReportUsage {
        /// The purchase.
        purchase: PurchaseId,
        /// Requests used in all, as the voucher says.
        used: Sequence,
        /// The RFC 9421 signature base that the access key signed, at most [`MAX_VOUCHER`] bytes.
        voucher: Bytes,
        /// The Ed25519 signature over it, 64 bytes.
        signature: Bytes,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Retrieves every fee of a provider whose waiting period is over (V7) into its owner's balance.
    Claim {
        /// The provider; the signer owns it.
        provider: ProviderId,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Takes balance out of the ledger, to be paid on the L2 against a certified checkpoint (U3, X2).
    Withdraw {
        /// Who is paid on the L2.
        recipient: Address,
        /// How much.
        amount: Amount,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}

macro_rules! messages {
    ($($byte:literal $name:ident $tag:literal,)+) => {
        /// Any message of an account.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(tag = "type", content = "message"))]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Message { $($name($name),)+ }

        impl Message {
            /// The account nonce that the message carries.
            #[must_use]
            pub const fn nonce(&self) -> Nonce {
                match self { $(Self::$name(m) => m.nonce,)+ }
            }

            /// The EIP-712 type's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $tag,)+ }
            }

            /// The canonical encoding: a type byte, then the RLP of the message.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                match self { $(Self::$name(m) => {
                    let mut out = Vec::with_capacity(1 + m.length());
                    out.push($byte);
                    m.encode(&mut out);
                    out
                })+ }
            }

            /// Decodes the canonical encoding.
            ///
            /// # Errors
            /// When the bytes are not exactly one canonical message within its limits.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
                let (byte, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
                let message = match byte {
                    $($byte => Self::$name(decode_exact(rest)?),)+
                    other => return Err(DecodeError::UnknownType(*other)),
                };
                message.check_limits()?;
                Ok(message)
            }
        }
        $(impl From<$name> for Message { fn from(m: $name) -> Self { Self::$name(m) } })+
    };
}

messages! {
    1 RegisterProvider "RegisterProvider",
    2 UpdateProvider "UpdateProvider",
    3 AddStake "AddStake",
    4 RegisterService "RegisterService",
    5 UpdateService "UpdateService",
    6 Purchase "Purchase",
    7 ReportUsage "ReportUsage",
    8 Claim "Claim",
    9 Withdraw "Withdraw",
}

impl Message {
    /// Checks the length of every text and byte field.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] naming the first field over its limit.
    pub fn check_limits(&self) -> Result<(), DecodeError> {
        let at_most = |what, actual: usize, limit: usize| {
            if actual > limit {
                Err(DecodeError::TooLong { what, actual, limit })
            } else {
                Ok(())
            }
        };
        match self {
            Self::RegisterProvider(RegisterProvider { name, endpoint, .. })
            | Self::UpdateProvider(UpdateProvider { name, endpoint, .. }) => {
                at_most("name", name.len(), MAX_NAME)?;
                at_most("endpoint", endpoint.len(), MAX_ENDPOINT)
            }
            Self::RegisterService(RegisterService { description, .. })
            | Self::UpdateService(UpdateService { description, .. }) => {
                at_most("description", description.len(), MAX_DESCRIPTION)
            }
            Self::ReportUsage(m) => {
                at_most("voucher", m.voucher.len(), MAX_VOUCHER)?;
                at_most("signature", m.signature.len(), 64)
            }
            Self::AddStake(_) | Self::Purchase(_) | Self::Claim(_) | Self::Withdraw(_) => Ok(()),
        }
    }
}

impl Encodable for Message {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        self.to_bytes().as_slice().encode(out);
    }
    fn length(&self) -> usize {
        self.to_bytes().as_slice().length()
    }
}

impl Decodable for Message {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let bytes = alloy_rlp::Header::decode_bytes(buf, false)?;
        Self::from_bytes(bytes).map_err(|error| match error {
            DecodeError::Rlp(error) => error,
            DecodeError::TooLong { .. } => alloy_rlp::Error::Custom("a message field exceeds its limit"),
            DecodeError::Trailing(_) => alloy_rlp::Error::Custom("trailing bytes in a message"),
            DecodeError::UnknownType(_) => alloy_rlp::Error::Custom("unknown message type"),
            DecodeError::Empty => alloy_rlp::Error::InputTooShort,
        })
    }
}
