//! What an account can ask of the ledger. Every message is signed as EIP-712 typed data (see [`crate::eip712`]).
//!
//! A message states its terms in full, so that a wallet shows a person what is signed and no operator can change it.

use crate::error::{DecodeError, decode_exact};
use crate::units::{
    AccessKey, Amount, CaseId, Category, Nonce, Ppm, ProviderId, PurchaseId, Seconds, Sequence, ServiceId,
    Timestamp,
};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// Longest provider name, bytes.
pub const MAX_NAME: usize = 64;
/// Longest endpoint URL, bytes.
pub const MAX_ENDPOINT: usize = 256;
/// Longest service description, bytes.
pub const MAX_DESCRIPTION: usize = 1024;
/// Longest signature base in a usage report, bytes.
pub const MAX_VOUCHER: usize = 2048;
/// Longest comment of a review, bytes.
pub const MAX_COMMENT: usize = 512;
/// Most services that a package bundles (C8).
pub const MAX_COMPONENTS: usize = 8;

macro_rules! message {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $ty:ty,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "camelCase", deny_unknown_fields)
        )]
        pub struct $name { $($(#[doc = $field_doc])* pub $field: $ty,)+ }

        #[cfg(feature = "openapi")]
        crate::shape::declared!($name [$($doc)*] $($field: $ty [$($field_doc)*] [],)+);
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
    /// One service within a package (C8), on pinned terms.
    Component {
        /// The service that is bundled.
        service: ServiceId,
        /// Version of its terms that the package was composed on; another one cannot be bought.
        version: u32,
        /// How many of its packages one purchase of the bundle buys.
        packages: u32,
        /// How many of its requests one request of the bundle may take.
        uses: u32,
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
        /// Base URL where this service is consumed; empty when it is the provider's.
        endpoint: String,
        /// Keccak-256 digest of the service's OpenAPI document; zero for none.
        openapi: B256,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest time until expiry that a buyer may choose.
        min_duration: Seconds,
        /// Longest time until expiry that a buyer may choose.
        max_duration: Seconds,
        /// The services that it bundles (C8), at most [`MAX_COMPONENTS`]; none for an ordinary service.
        components: Vec<Component>,
        /// Ed25519 key with which the provider will call the bundled services; zero when it bundles none.
        upstream_key: AccessKey,
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
        /// Text description, at most [`MAX_DESCRIPTION`] bytes.
        description: String,
        /// Base URL where this service is consumed; empty when it is the provider's.
        endpoint: String,
        /// Keccak-256 digest of the service's OpenAPI document; zero for none.
        openapi: B256,
        /// Requests in the package.
        requests: u64,
        /// Fee for the package.
        fee: Amount,
        /// Shortest time until expiry that a buyer may choose.
        min_duration: Seconds,
        /// Longest time until expiry that a buyer may choose.
        max_duration: Seconds,
        /// The services that it bundles (C8), at most [`MAX_COMPONENTS`]; none for an ordinary service.
        components: Vec<Component>,
        /// Ed25519 key with which the provider will call the bundled services; zero when it bundles none.
        upstream_key: AccessKey,
        /// Whether it can be bought; `false` retires it.
        active: bool,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Buys one package of a service (C4).
    Purchase {
        /// The buyer, who signs, or whose delegated purchaser does.
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
        /// The signer's account nonce; in the lane of the purchaser, if one signs ([`crate::purchaser`]).
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

message! {
    /// Moves balance to another account, and opens it if need be.
    Transfer {
        /// Who receives.
        recipient: Address,
        /// How much.
        amount: Amount,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Begins to take stake out of a provider (V4). It stays slashable until it is released.
    Unbond {
        /// The provider; the signer owns it.
        provider: ProviderId,
        /// How much.
        amount: Amount,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Moves stake whose unbonding period is over into the owner's balance.
    ReleaseStake {
        /// The provider; the signer owns it.
        provider: ProviderId,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Sets the share of each claim that goes to the provider's stake rather than to its owner's balance.
    SetAutoStake {
        /// The provider; the signer owns it.
        provider: ProviderId,
        /// The share.
        share: Ppm,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Replaces the key that signs a purchase's API requests (C6). Signed by its consumer.
    RotateAccessKey {
        /// The purchase.
        purchase: PurchaseId,
        /// The new Ed25519 key.
        access_key: AccessKey,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Publishes a negative review of a purchase (C7), once. Signed by its consumer.
    Review {
        /// The purchase.
        purchase: PurchaseId,
        /// The review fee that the consumer agrees to; the ledger refuses any other.
        fee: Amount,
        /// What was wrong, at most [`MAX_COMMENT`] bytes.
        comment: String,
        /// Keccak-256 digest of the evidence that the consumer keeps; zero for none.
        evidence: B256,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Challenges a negative review (V8). Signed by the provider's owner.
    Challenge {
        /// The purchase that was reviewed.
        purchase: PurchaseId,
        /// The bond, which must match the review's fee.
        bond: Amount,
        /// Keccak-256 digest of the evidence that the provider keeps; zero for none.
        evidence: B256,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// An operator's sealed verdict in a round of a case (V8).
    CommitVerdict {
        /// The case.
        case: CaseId,
        /// Round, counted from 1.
        round: u32,
        /// [`crate::verdict::commitment`] of the verdict.
        commitment: B256,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Opens a sealed verdict (V8).
    RevealVerdict {
        /// The case.
        case: CaseId,
        /// Round, counted from 1.
        round: u32,
        /// Whether the complaint against the provider is upheld.
        upheld: bool,
        /// The salt of the commitment.
        salt: B256,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// An operator's availability bitmap of one page of services for an epoch that has ended (P3, V4).
    ReportAvailability {
        /// The epoch that was observed; only the last one that ended can be reported.
        epoch: u64,
        /// The page: it covers the services `256 * page + 1` to `256 * page + 256`.
        page: u32,
        /// Bit `i`, counted from the lowest bit of the first byte, is set when service `256 * page + 1 + i` was available
        /// less than the parameter `availability_min`.
        down: B256,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Retrieves what an operator, or an investor of it, has been rewarded with (U2, I2).
    ClaimRewards {
        /// The operator: the signer itself, or the one that it restakes to.
        operator: Address,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Retrieves the unused part of a purchase from a provider that was expelled. Signed by its consumer.
    ClaimRefund {
        /// The purchase.
        purchase: PurchaseId,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Ends a provider's suspension once its score has recovered. Signed by its owner.
    Reinstate {
        /// The provider.
        provider: ProviderId,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}

message! {
    /// Lets an Ed25519 key buy in the signer's name, within a limit and until a time. Said again of the same key, the new
    /// limit and expiry replace what was left of the old ones. See [`crate::purchaser`].
    DelegatePurchaser {
        /// The key.
        purchaser: AccessKey,
        /// How much it may spend from now on.
        limit: Amount,
        /// From this block time on it buys no more.
        expires_at: Timestamp,
        /// The signer's account nonce.
        nonce: Nonce,
    }
}
message! {
    /// Ends what [`DelegatePurchaser`] permitted, at once.
    RevokePurchaser {
        /// The key.
        purchaser: AccessKey,
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

        #[cfg(feature = "openapi")]
        impl crate::shape::Shape for Message {
            fn shape(shapes: &mut crate::shape::Shapes) -> serde_json::Value {
                shapes.named("Message", |shapes| {
                    let variants = alloc::vec![$(serde_json::json!({
                        "type": "object",
                        "required": ["type", "message"],
                        "properties": {
                            "type": { "const": stringify!($name) },
                            "message": <$name as crate::shape::Shape>::shape(shapes),
                        },
                    })),+];
                    serde_json::json!({ "description": "A message, signed as EIP-712 typed data.", "oneOf": variants })
                })
            }
        }
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
    10 Transfer "Transfer",
    11 Unbond "Unbond",
    12 ReleaseStake "ReleaseStake",
    13 SetAutoStake "SetAutoStake",
    14 RotateAccessKey "RotateAccessKey",
    15 Review "Review",
    16 Challenge "Challenge",
    17 CommitVerdict "CommitVerdict",
    18 RevealVerdict "RevealVerdict",
    19 ReportAvailability "ReportAvailability",
    20 ClaimRewards "ClaimRewards",
    21 ClaimRefund "ClaimRefund",
    22 Reinstate "Reinstate",
    23 DelegatePurchaser "DelegatePurchaser",
    24 RevokePurchaser "RevokePurchaser",
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
            Self::RegisterService(RegisterService {
                description,
                endpoint,
                components,
                ..
            })
            | Self::UpdateService(UpdateService {
                description,
                endpoint,
                components,
                ..
            }) => {
                at_most("description", description.len(), MAX_DESCRIPTION)?;
                at_most("endpoint", endpoint.len(), MAX_ENDPOINT)?;
                if components.len() > MAX_COMPONENTS {
                    return Err(DecodeError::TooMany {
                        what: "components",
                        actual: components.len(),
                        limit: MAX_COMPONENTS,
                    });
                }
                Ok(())
            }
            Self::Review(Review { comment, .. }) => at_most("comment", comment.len(), MAX_COMMENT),
            Self::ReportUsage(m) => {
                at_most("voucher", m.voucher.len(), MAX_VOUCHER)?;
                at_most("signature", m.signature.len(), 64)
            }
            _ => Ok(()),
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
            DecodeError::TooMany { .. } => alloy_rlp::Error::Custom("a message list exceeds its limit"),
            DecodeError::UnknownType(_) => alloy_rlp::Error::Custom("unknown message type"),
            DecodeError::Empty => alloy_rlp::Error::InputTooShort,
        })
    }
}
