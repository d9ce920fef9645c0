//! Rejections: every expected answer of the ledger to a user, numbered.
//!
//! The number is part of the protocol and never changes meaning. Numbers stand in order of precedence: of several
//! reasons that apply to one input, the lowest is told. They come in groups: 1 the envelope, 10 observations,
//! 20 values that are wrong by themselves or as a composition, 40 what does not exist or is another's, 60 terms that do
//! not hold now, 80 usage, claims and rewards, 100 funds. A reason that presumes what another denies does not apply with
//! it: a purchase that does not exist is nobody else's.
//!
//! Two exceptions. 110, overflow, is told where it arises. And the sales that one purchase of a bundle makes are checked
//! one after the other, so of several providers without collateral (102) the deepest of the first component is named.
//! A key that nothing is delegated to (6) has no nonce to be wrong (3, 4).
//! A forced message has no nonce to be wrong (3, 4), and bytes that are no message have the code 0.

use rampart_protocol::usage::VoucherError;
use rampart_protocol::{
    AccessKey, Address, Amount, CaseId, Nonce, ProviderId, PurchaseId, Seconds, Sequence, ServiceId,
    Timestamp,
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

    /// A delegated key signed something else than a purchase.
    #[error("a delegated purchaser can sign a Purchase only, not a {message}")]
    5 NotDelegable { message: &'static str, }
    /// The account did not delegate to the key, or revoked it.
    #[error("account {consumer} does not delegate purchasing to the key {}", purchaser.0)]
    6 UnknownPurchaser { consumer: Address, purchaser: AccessKey, }
    /// The delegation's time is over.
    #[error("the delegation of this purchaser ended at {expired_at}")]
    7 DelegationExpired { expired_at: Timestamp, }

    /// An observation of the settlement contract was left out, repeated or reordered.
    #[error("inbox message {got} is out of order, the next is {expected}")]
    10 InboxOutOfOrder { got: u64, expected: u64, }
    /// An observation of the L1 contracts was left out, repeated or reordered.
    #[error("event {got} of the L1 contracts is out of order, the next is {expected}")]
    11 RestakingOutOfOrder { got: u64, expected: u64, }

    /// A text is empty, or holds what cannot be shown.
    #[error("{what} must not be empty, or hold characters that control output or turn its direction")]
    20 BadText { what: &'static str, }
    /// An endpoint is no HTTP URL.
    #[error("the endpoint must be an http:// or https:// URL in printable ASCII without spaces")]
    21 BadEndpoint { }
    /// An amount must be more than nothing.
    #[error("{what} must be more than zero")]
    22 ZeroAmount { what: &'static str, }
    /// The settlement contract pays neither the zero address nor itself, so such a withdrawal would be lost; and nobody
    /// transfers to itself.
    #[error("{recipient} cannot be paid: the recipient must be neither the zero address, nor the settlement contract, nor the sender of a transfer")]
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
    /// A fraction is more than the whole.
    #[error("{what} is {ppm} ppm, more than the whole")]
    28 BadFraction { what: &'static str, ppm: u32, }
    /// A bundle cannot be composed so.
    #[error("component {service} cannot be bundled: {reason}")]
    29 BadComponent { service: ServiceId, reason: &'static str, }
    /// A bundle's purchase would make too many others.
    #[error("the bundle makes more than {limit} purchases")]
    30 TooManyComponents { limit: u32, }

    /// A delegation that could never be used.
    #[error("the delegation would end at {expires_at}, it is {now}")]
    31 DelegationOver { expires_at: Timestamp, now: Timestamp, }

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
    /// Only a purchase's consumer acts for it.
    #[error("purchase {purchase} is of {consumer}, but {signer} signed")]
    49 NotConsumer { purchase: PurchaseId, consumer: Address, signer: Address, }
    /// Only operators with stake judge and report.
    #[error("{signer} is no operator with stake")]
    50 NotOperator { signer: Address, }
    /// Nothing was ever earned there.
    #[error("{signer} has neither run nor restaked to operator {operator}")]
    51 NoRewards { operator: Address, signer: Address, }
    /// The purchase was not reviewed.
    #[error("purchase {purchase} has no review")]
    52 UnknownReview { purchase: PurchaseId, }
    /// A purchase is reviewed once.
    #[error("purchase {purchase} was reviewed already")]
    53 AlreadyReviewed { purchase: PurchaseId, }
    /// There is no such round of a case.
    #[error("case {case} has no round {round} open")]
    54 UnknownBallot { case: CaseId, round: u32, }
    /// The operator committed already.
    #[error("{signer} committed in this round already")]
    55 AlreadyCommitted { signer: Address, }
    /// The operator did not commit, so it has nothing to reveal.
    #[error("{signer} did not commit in this round")]
    56 NotCommitted { signer: Address, }
    /// The operator revealed already.
    #[error("{signer} revealed in this round already")]
    57 AlreadyRevealed { signer: Address, }
    /// The operator reported this page already.
    #[error("{signer} reported page {page} of epoch {epoch} already")]
    58 AlreadyReported { signer: Address, epoch: u64, page: u32, }
    /// There is no service on that page.
    #[error("page {page} holds no service, there are {pages} pages")]
    59 UnknownPage { page: u32, pages: u64, }

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

    /// The fee or bond that was signed is not what is asked.
    #[error("{} tokens were signed as {what}, {} tokens are asked", signed.to_tokens(), asked.to_tokens())]
    67 DepositMismatch { what: &'static str, signed: Amount, asked: Amount, }
    /// A bundled service cannot be bought as the bundle pins it.
    #[error("component {service} of the bundle cannot be bought: {reason}")]
    68 ComponentUnavailable { service: ServiceId, reason: &'static str, }
    /// The right to consume is over.
    #[error("the purchase expired at {expired_at}")]
    69 PurchaseExpired { expired_at: Timestamp, }
    /// Its unused part was refunded.
    #[error("purchase {purchase} was refunded")]
    70 PurchaseClosed { purchase: PurchaseId, }
    /// Each key's vouchers stay good, so there cannot be any number of them.
    #[error("the access key was rotated {limit} times, the most that are permitted")]
    71 TooManyRotations { limit: u32, }
    /// It is too late for this.
    #[error("{what} was possible until {until}")]
    72 TooLate { what: &'static str, until: Timestamp, }
    /// It is too early for this.
    #[error("{what} is possible after {after}")]
    73 TooEarly { what: &'static str, after: Timestamp, }
    /// The review was challenged or decided already.
    #[error("the review of purchase {purchase} cannot be challenged any more")]
    74 NotChallengeable { purchase: PurchaseId, }
    /// The operator joined after the round began.
    #[error("{signer} joined after the round began")]
    75 JoinedTooLate { signer: Address, }
    /// What was revealed is not what was committed to.
    #[error("the verdict and salt are not those of the commitment")]
    76 WrongReveal { }
    /// Only the last epoch that ended can be reported.
    #[error("epoch {got} cannot be reported, only epoch {reportable}; none before the first has ended")]
    77 WrongEpoch { got: u64, reportable: u64, }
    /// The provider is not suspended by its score.
    #[error("provider {provider} is not suspended by its score")]
    78 NotSuspended { provider: ProviderId, }
    /// The provider was not expelled, or the window is over, or the purchase had expired before.
    #[error("purchase {purchase} has no refund: {reason}")]
    79 NoRefund { purchase: PurchaseId, reason: &'static str, }

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
    /// No part of the stake that is unbonding can be released yet.
    #[error("no stake can be released before {release_at}")]
    85 StillUnbonding { release_at: Timestamp, }
    /// Nothing is unbonding.
    #[error("no stake is unbonding")]
    86 NothingUnbonding { }
    /// As many parts of the stake are unbonding as may be.
    #[error("{limit} parts of the stake are unbonding, the most that are permitted")]
    87 TooManyUnbondings { limit: u32, }
    /// No rewards wait.
    #[error("no rewards are waiting")]
    88 NothingOwed { }
    /// The score has not recovered.
    #[error("the score is {score} ppm, the provider sells again from {least} ppm on")]
    89 ScoreTooLow { score: u32, least: u32, }
    /// Claims wait until the provider's case is decided, or its consumers are compensated.
    #[error("fees and stake of provider {provider} are held until its case is decided or, after an expulsion, until {until}")]
    90 Held { provider: ProviderId, until: Timestamp, }

    /// The account has as many purchasers as may be.
    #[error("the account has {limit} purchasers, the most that are permitted; revoke one")]
    91 TooManyPurchasers { limit: u32, }

    /// The account has not enough.
    #[error("the balance is {} tokens, {} tokens are needed", have.to_tokens(), need.to_tokens())]
    100 InsufficientBalance { have: Amount, need: Amount, }
    /// The stake of a registration is below the fixed deposit.
    #[error("a stake of {} tokens is below the fixed deposit of {} tokens", have.to_tokens(), need.to_tokens())]
    101 StakeTooLow { have: Amount, need: Amount, }
    /// The purchase would leave the provider with less stake than its revenue requires (V4).
    #[error("the provider's stake is {} tokens, with this purchase it needs {} tokens", have.to_tokens(), need.to_tokens())]
    102 Undercollateralised { have: Amount, need: Amount, }
    /// A provider that sells keeps the deposit that is required of it (V4).
    #[error("the stake is {} tokens, of which {} tokens must stay", have.to_tokens(), need.to_tokens())]
    103 StakeRequired { have: Amount, need: Amount, }
    /// The stake is less than what is asked of it.
    #[error("the stake is {} tokens, {} tokens were asked", have.to_tokens(), need.to_tokens())]
    104 InsufficientStake { have: Amount, need: Amount, }
    /// The purchaser may not spend as much any more.
    #[error("the purchaser may still spend {} tokens, {} tokens are needed", have.to_tokens(), need.to_tokens())]
    105 SpendingLimit { have: Amount, need: Amount, }
    /// A number would exceed what the ledger can hold.
    #[error("{what} would exceed the largest number that the ledger can hold")]
    110 Overflow { what: &'static str, }
}
