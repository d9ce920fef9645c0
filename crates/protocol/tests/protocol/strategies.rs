//! Any value of any message and observation, for the property tests.

use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use proptest::collection::vec;
use proptest::prelude::*;
use rampart_protocol::message::{
    AddStake, Challenge, Claim, ClaimRefund, ClaimRewards, CommitVerdict, Component, DelegatePurchaser,
    MAX_COMMENT, MAX_COMPONENTS, MAX_DESCRIPTION, MAX_ENDPOINT, MAX_NAME, MAX_VOUCHER, Purchase,
    RegisterProvider, RegisterService, Reinstate, ReleaseStake, ReportAvailability, ReportUsage,
    RevealVerdict, Review, RevokePurchaser, RotateAccessKey, SetAutoStake, Transfer, Unbond, UpdateProvider,
    UpdateService, Withdraw,
};
use rampart_protocol::observation::{
    Deposit, Expel, Forced, Governance, GovernanceAction, InvestorWeight, Judge, MAX_CHANGES, MAX_FORCED,
    MAX_PARAMETER_NAME, OperatorKeys, OperatorStake, ParameterChange, Pardon, SetParameters, Slash, Spend,
    Suspend,
};
use rampart_protocol::{
    AccessKey, Amount, CaseId, Category, Message, Nonce, Observation, Ppm, ProviderId, PurchaseId, Seconds,
    Sequence, ServiceId, SignedTransaction, Timestamp,
};

/// Integers of every length, since RLP writes each length another way.
pub fn int() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift)
}
pub fn wide() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0u32..128).prop_map(|(value, shift)| value >> shift)
}
pub fn amount() -> impl Strategy<Value = Amount> {
    wide().prop_map(Amount)
}
pub fn word() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}
pub fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}
pub fn signature() -> impl Strategy<Value = FixedBytes<65>> {
    any::<[u8; 65]>().prop_map(FixedBytes)
}
pub fn category() -> impl Strategy<Value = Category> {
    (0u8..5).prop_map(|byte| Category::from_byte(byte).unwrap())
}
/// Text of at most `limit` bytes, often exactly that long, of characters of one to four bytes.
pub fn text(limit: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=limit).prop_map(move |chars| {
        let mut text = String::new();
        for char in chars {
            if text.len() + char.len_utf8() <= limit {
                text.push(char);
            }
        }
        text
    })
}
pub fn bytes(limit: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=limit).prop_map(Bytes::from)
}
fn nonce() -> impl Strategy<Value = Nonce> {
    int().prop_map(Nonce)
}
fn provider() -> impl Strategy<Value = ProviderId> {
    int().prop_map(ProviderId)
}
fn purchase() -> impl Strategy<Value = PurchaseId> {
    word().prop_map(PurchaseId)
}
fn case() -> impl Strategy<Value = CaseId> {
    word().prop_map(CaseId)
}
fn key() -> impl Strategy<Value = AccessKey> {
    word().prop_map(AccessKey)
}

/// A strategy of a struct, each field by its own; boxed as the enum that it goes into.
macro_rules! any_of {
    ($name:ident { $($field:ident: $strategy:expr),+ $(,)? }) => {
        ($($strategy,)+).prop_map(|($($field,)+)| $name { $($field,)+ }.into()).boxed()
    };
}

fn of_provider() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_of!(RegisterProvider {
            name: text(MAX_NAME),
            endpoint: text(MAX_ENDPOINT),
            stake: amount(),
            nonce: nonce()
        }),
        any_of!(UpdateProvider {
            provider: provider(),
            name: text(MAX_NAME),
            endpoint: text(MAX_ENDPOINT),
            nonce: nonce()
        }),
        any_of!(AddStake {
            provider: provider(),
            amount: amount(),
            nonce: nonce()
        }),
        any_of!(Unbond {
            provider: provider(),
            amount: amount(),
            nonce: nonce()
        }),
        any_of!(ReleaseStake {
            provider: provider(),
            nonce: nonce()
        }),
        any_of!(SetAutoStake {
            provider: provider(),
            share: any::<u32>().prop_map(Ppm),
            nonce: nonce()
        }),
        any_of!(Reinstate {
            provider: provider(),
            nonce: nonce()
        }),
        any_of!(Claim {
            provider: provider(),
            nonce: nonce()
        }),
        any_of!(ReportUsage {
            purchase: purchase(),
            used: int().prop_map(Sequence),
            voucher: bytes(MAX_VOUCHER),
            signature: bytes(64),
            nonce: nonce(),
        }),
        any_of!(Challenge {
            purchase: purchase(),
            bond: amount(),
            evidence: word(),
            nonce: nonce()
        }),
    ]
}

fn service() -> impl Strategy<Value = RegisterService> {
    let component =
        (int(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(service, version, packages, uses)| {
            Component {
                service: ServiceId(service),
                version,
                packages,
                uses,
            }
        });
    (
        provider(),
        category(),
        text(MAX_DESCRIPTION),
        text(MAX_ENDPOINT),
        word(),
        int(),
        amount(),
        int().prop_map(Seconds),
        int().prop_map(Seconds),
        vec(component, 0..=MAX_COMPONENTS),
        key(),
        nonce(),
    )
        .prop_map(|terms| RegisterService {
            provider: terms.0,
            category: terms.1,
            description: terms.2,
            endpoint: terms.3,
            openapi: terms.4,
            requests: terms.5,
            fee: terms.6,
            min_duration: terms.7,
            max_duration: terms.8,
            components: terms.9,
            upstream_key: terms.10,
            nonce: terms.11,
        })
}

fn of_service() -> impl Strategy<Value = Message> {
    prop_oneof![
        service().prop_map(Message::from),
        (service(), any::<bool>()).prop_map(|(m, active)| {
            UpdateService {
                service: ServiceId(m.provider.0),
                category: m.category,
                description: m.description,
                endpoint: m.endpoint,
                openapi: m.openapi,
                requests: m.requests,
                fee: m.fee,
                min_duration: m.min_duration,
                max_duration: m.max_duration,
                components: m.components,
                upstream_key: m.upstream_key,
                active,
                nonce: m.nonce,
            }
            .into()
        }),
    ]
}

fn of_consumer() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_of!(Purchase {
            consumer: address(),
            provider: provider(),
            service: int().prop_map(ServiceId),
            version: any::<u32>(),
            fee: amount(),
            access_key: key(),
            expires_at: int().prop_map(Timestamp),
            nonce: nonce(),
        }),
        any_of!(Withdraw {
            recipient: address(),
            amount: amount(),
            nonce: nonce()
        }),
        any_of!(Transfer {
            recipient: address(),
            amount: amount(),
            nonce: nonce()
        }),
        any_of!(RotateAccessKey {
            purchase: purchase(),
            access_key: key(),
            nonce: nonce()
        }),
        any_of!(Review {
            purchase: purchase(),
            fee: amount(),
            comment: text(MAX_COMMENT),
            evidence: word(),
            nonce: nonce()
        }),
        any_of!(ClaimRefund {
            purchase: purchase(),
            nonce: nonce()
        }),
        any_of!(DelegatePurchaser {
            purchaser: key(),
            limit: amount(),
            expires_at: int().prop_map(Timestamp),
            nonce: nonce()
        }),
        any_of!(RevokePurchaser {
            purchaser: key(),
            nonce: nonce()
        }),
    ]
}

fn of_operator() -> impl Strategy<Value = Message> {
    prop_oneof![
        any_of!(CommitVerdict {
            case: case(),
            round: any::<u32>(),
            commitment: word(),
            nonce: nonce()
        }),
        any_of!(RevealVerdict {
            case: case(),
            round: any::<u32>(),
            upheld: any::<bool>(),
            salt: word(),
            nonce: nonce()
        }),
        any_of!(ReportAvailability {
            epoch: int(),
            page: any::<u32>(),
            down: word(),
            nonce: nonce()
        }),
        any_of!(ClaimRewards {
            operator: address(),
            nonce: nonce()
        }),
    ]
}

pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![of_provider(), of_service(), of_consumer(), of_operator()]
}
pub fn transaction() -> impl Strategy<Value = SignedTransaction> {
    (message(), signature()).prop_map(|(message, signature)| SignedTransaction {
        message,
        signature: signature.into(),
    })
}

pub fn action() -> impl Strategy<Value = GovernanceAction> {
    let change = (text(MAX_PARAMETER_NAME), wide()).prop_map(|(name, value)| ParameterChange { name, value });
    prop_oneof![
        vec(change, 0..=MAX_CHANGES).prop_map(|changes| SetParameters { changes }.into()),
        provider().prop_map(|provider| Suspend { provider }.into()),
        provider().prop_map(|provider| Expel { provider }.into()),
        provider().prop_map(|provider| Pardon { provider }.into()),
        any_of!(Slash {
            provider: provider(),
            amount: amount()
        }),
        any_of!(Judge {
            case: case(),
            upheld: any::<bool>()
        }),
        any_of!(Spend {
            recipient: address(),
            amount: amount()
        }),
    ]
}

pub fn observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        any_of!(Deposit {
            index: int(),
            account: address(),
            amount: amount(),
            block_number: int(),
            block_hash: word()
        }),
        any_of!(Forced {
            index: int(),
            account: address(),
            message: bytes(MAX_FORCED),
            block_number: int(),
            block_hash: word()
        }),
        any_of!(OperatorStake {
            index: int(),
            operator: address(),
            stake: wide(),
            commission: any::<u32>().prop_map(Ppm),
            block_number: int(),
            block_hash: word(),
        }),
        any_of!(InvestorWeight {
            index: int(),
            operator: address(),
            investor: address(),
            weight: wide(),
            block_number: int(),
            block_hash: word(),
        }),
        any_of!(OperatorKeys {
            index: int(),
            operator: address(),
            consensus_key: word(),
            checkpoint_key: address(),
            proven: any::<bool>(),
            block_number: int(),
            block_hash: word(),
        }),
        any_of!(Governance {
            index: int(),
            action: action(),
            block_number: int(),
            block_hash: word()
        }),
    ]
}
