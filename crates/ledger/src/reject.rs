//! Rejections: every expected answer of the ledger to a user, numbered.
//!
//! The number is part of the protocol and never changes meaning. Numbers stand in order of precedence: of several
//! reasons that apply to one input, the lowest is told. They come in groups: 1 the envelope, 10 observations,
//! 20 values that are wrong by themselves, 40 what does not exist or is another's, 60 terms that do not hold now,
//! 80 usage and claims, 100 funds. The one exception is 110, overflow, which is told where it arises.

use rampart_protocol::usage::VoucherError;
use rampart_protocol::{
    Address, Amount, Nonce, ProviderId, PurchaseId, Seconds, Sequence, ServiceId, Timestamp,
};

macro_rules! rejections {
    ($($(#[$meta:meta])* $code:literal $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* })+) => {
        /// Why an input changes nothing.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "each variant's sentence names its fields")]
        #[repr(u16)]
        pub enum Reject {
            $($(#[$meta])* $name { $($(#[$field_meta])* $field: $ty,)* } = $code,)+
        }

        impl Reject {
            /// Every code with its name, in order.
            pub const ALL: &'static [(u16, &'static str)] = &[$(($code, stringify!($name)),)+];

            /// The stable number.
            #[must_use]
            pub const fn code(&self) -> u16 {
                match self { $(Self::$name { .. } => $code,)+ }
            }

            /// The stable name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($name),)+ }
            }
        }
    };
}

rejections! {
    /// A text or byte field is longer than the protocol permits.
    #[error("{what} has {actual} bytes, at most {limit} are permitted")]
    1 FieldTooLong { what: &'static str, actual: usize, limit: usize, }
    /// The signer never had a deposit.
    #[error("account {account} has no deposit yet; if it should, check the chain id and settlement contract that were signed")]
    2 UnknownAccount { account: Address, }
    /// The nonce was used.
    #[error("nonce {got} was used already, the account's next is {expected}")]
    3 StaleNonce { got: Nonce, expected: Nonce, }
    /// An earlier nonce is still missing.
    #[error("nonce {got} is ahead of the account's next, {expected}")]
    4 FutureNonce { got: Nonce, expected: Nonce, }

    /// An observation was left out, repeated or reordered.
    #[error("inbox message {got} is out of order, the next is {expected}")]
    10 InboxOutOfOrder { got: u64, expected: u64, }

    /// A text is empty, or holds what cannot be shown.
    #[error("{what} must not be empty, or hold characters that control output or turn its direction")]
    20 BadText { what: &'static str, }
    /// An endpoint is no HTTP URL.
    #[error("the endpoint must be an http:// or https:// URL in printable ASCII without spaces")]
    21 BadEndpoint { }
    /// An amount must be more than nothing.
    #[error("{what} must be more than zero")]
    22 ZeroAmount { what: &'static str, }
    /// The settlement contract pays neither the zero address nor itself, so such a withdrawal would be lost.
    #[error("{recipient} cannot be paid: the recipient must be neither the zero address nor the settlement contract")]
    23 BadRecipient { recipient: Address, }
    /// A package without requests.
    #[error("a package must have at least one request")]
    24 NoRequests { }
    /// The fee of a service is under the parameter `fee_min`.
    #[error("the fee of {} tokens is below the least, {} tokens", fee.to_tokens(), least.to_tokens())]
    25 FeeTooLow { fee: Amount, least: Amount, }
    /// A service's expiry range is empty, or out of `duration_min..=duration_max`.
    #[error("durations from {min} to {max} seconds are not a range within {least} to {most} seconds")]
    26 BadDurations { min: Seconds, max: Seconds, least: Seconds, most: Seconds, }
    /// Signatures under the access key would prove nothing.
    #[error("the access key is not a canonical Ed25519 public key, or is of small order")]
    27 BadAccessKey { }

    /// The message names another consumer than the signer.
    #[error("the message names consumer {named}, but {signer} signed it")]
    40 WrongConsumer { named: Address, signer: Address, }
    /// The signer owns a provider already.
    #[error("the account owns provider {provider} already")]
    41 AlreadyProvider { provider: ProviderId, }
    /// There is no such provider.
    #[error("there is no provider {provider}")]
    42 UnknownProvider { provider: ProviderId, }
    /// There is no such service.
    #[error("there is no service {service}")]
    43 UnknownService { service: ServiceId, }
    /// There is no such purchase.
    #[error("there is no purchase {purchase}")]
    44 UnknownPurchase { purchase: PurchaseId, }
    /// The service is another provider's.
    #[error("service {service} is provider {actual}'s, not provider {named}'s")]
    45 WrongProvider { service: ServiceId, named: ProviderId, actual: ProviderId, }
    /// Only a provider's owner acts for it.
    #[error("provider {provider} is owned by {owner}, but {signer} signed")]
    46 NotOwner { provider: ProviderId, owner: Address, signer: Address, }
    /// The purchase exists.
    #[error("purchase {purchase} exists already")]
    47 PurchaseExists { purchase: PurchaseId, }
    /// The provider has registered as many services as it may.
    #[error("the provider has {limit} services, the most that are permitted")]
    48 TooManyServices { limit: u32, }

    /// The provider may not sell now.
    #[error("provider {provider} is suspended")]
    60 ProviderSuspended { provider: ProviderId, }
    /// The provider may not sell ever again.
    #[error("provider {provider} was expelled")]
    61 ProviderExpelled { provider: ProviderId, }
    /// The service cannot be bought.
    #[error("service {service} is retired")]
    62 ServiceRetired { service: ServiceId, }
    /// The terms changed since the consumer saw them.
    #[error("version {signed} of the service's terms was signed, the current one is {current}")]
    63 VersionMismatch { signed: u32, current: u32, }
    /// The consumer agreed to another fee.
    #[error("a fee of {} tokens was signed, the service asks {} tokens", signed.to_tokens(), asked.to_tokens())]
    64 FeeMismatch { signed: Amount, asked: Amount, }
    /// The expiry is before what the service permits.
    #[error("the purchase would expire at {expires_at}, the service permits no earlier than {earliest}")]
    65 ExpiryTooSoon { expires_at: Timestamp, earliest: Timestamp, }
    /// The expiry is after what the service permits.
    #[error("the purchase would expire at {expires_at}, the service permits no later than {latest}")]
    66 ExpiryTooLate { expires_at: Timestamp, latest: Timestamp, }

    /// A report must prove more use than is known.
    #[error("{got} requests were reported, {known} are proven already")]
    80 UsageNotIncreased { got: Sequence, known: Sequence, }
    /// A report must not exceed the package.
    #[error("{got} requests were reported, the package has {package}")]
    81 UsageExceedsPackage { got: Sequence, package: u64, }
    /// The voucher does not prove the use.
    #[error("the voucher does not prove the use: {reason}")]
    82 BadVoucher { #[source] reason: VoucherError, }
    /// The provider has no fees waiting.
    #[error("nothing is in escrow")]
    83 NothingInEscrow { }
    /// The waiting period of the oldest fee is not over (V7).
    #[error("{} tokens are in escrow, the oldest fee is retrievable at {retrievable_at}", escrow.to_tokens())]
    84 StillWaiting { escrow: Amount, retrievable_at: Timestamp, }

    /// The account has not enough.
    #[error("the balance is {} tokens, {} tokens are needed", have.to_tokens(), need.to_tokens())]
    100 InsufficientBalance { have: Amount, need: Amount, }
    /// The stake of a registration is below the fixed deposit.
    #[error("a stake of {} tokens is below the fixed deposit of {} tokens", have.to_tokens(), need.to_tokens())]
    101 StakeTooLow { have: Amount, need: Amount, }
    /// The purchase would leave the provider with less stake than its revenue requires (V4).
    #[error("the provider's stake is {} tokens, with this purchase it needs {} tokens", have.to_tokens(), need.to_tokens())]
    102 Undercollateralised { have: Amount, need: Amount, }
    /// A number would exceed what the ledger can hold.
    #[error("{what} would exceed the largest number that the ledger can hold")]
    110 Overflow { what: &'static str, }
}
