//! One message of every kind, in the order of their type bytes.

use crate::samples::{Account, phrase};
use alloy_primitives::{Address, B256, Bytes};
use rampart_protocol::message::{
    AddStake, Challenge, Claim, ClaimRefund, ClaimRewards, CommitVerdict, Component, DelegatePurchaser,
    Purchase, RegisterProvider, RegisterService, Reinstate, ReleaseStake, ReportAvailability, ReportUsage,
    RevealVerdict, Review, RevokePurchaser, RotateAccessKey, SetAutoStake, Transfer, Unbond, UpdateProvider,
    UpdateService, Withdraw,
};
use rampart_protocol::{
    AccessKey, Amount, CaseId, Category, Message, Nonce, Ppm, ProviderId, PurchaseId, Seconds, Sequence,
    ServiceId, Timestamp,
};

pub fn messages() -> Vec<Message> {
    let mut all = of_providers();
    all.extend(of_services());
    all.extend(of_purchases());
    all.extend(of_funds());
    all.extend(of_reviews());
    all.extend(of_operators());
    all
}

const fn tokens(n: u128) -> Amount {
    Amount(n * Amount::TOKEN.0)
}

fn of_providers() -> Vec<Message> {
    vec![
        RegisterProvider {
            name: "Phishing Watch".into(),
            endpoint: "https://phishing.example".into(),
            stake: tokens(1000),
            nonce: Nonce(0),
        }
        .into(),
        UpdateProvider {
            provider: ProviderId(1),
            name: "Phishing Watch ☂".into(),
            endpoint: "https://api.phishing.example/v2".into(),
            nonce: Nonce(1),
        }
        .into(),
        AddStake {
            provider: ProviderId(2),
            amount: Amount(u128::MAX),
            nonce: Nonce(127),
        }
        .into(),
    ]
}

/// The first is a bundle of two, the second bundles nothing.
fn of_services() -> Vec<Message> {
    vec![
        RegisterService {
            provider: ProviderId(1),
            category: Category::TransactionSecurity,
            description: "Screens a transaction: simulation, \"lists\" and approvals.\n".into(),
            endpoint: "https://screen.phishing.example".into(),
            openapi: phrase("openapi"),
            requests: 10_000,
            fee: Amount(12_500_000_000_000_000_000),
            min_duration: Seconds(86_400),
            max_duration: Seconds(31_536_000),
            components: vec![
                Component {
                    service: ServiceId(5),
                    version: 1,
                    packages: 2,
                    uses: 300,
                },
                Component {
                    service: ServiceId(u64::MAX),
                    version: u32::MAX,
                    packages: 128,
                    uses: 0,
                },
            ],
            upstream_key: AccessKey(phrase("upstream key")),
            nonce: Nonce(2),
        }
        .into(),
        UpdateService {
            service: ServiceId(3),
            category: Category::General,
            description: String::new(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests: 128,
            fee: Amount(1),
            min_duration: Seconds(0),
            max_duration: Seconds(256),
            components: Vec::new(),
            upstream_key: AccessKey(B256::ZERO),
            active: true,
            nonce: Nonce(3),
        }
        .into(),
    ]
}

pub fn purchase() -> Purchase {
    Purchase {
        consumer: Account::new("account").address(),
        provider: ProviderId(1),
        service: ServiceId(3),
        version: 7,
        fee: Amount(12_500_000_000_000_000_000),
        access_key: AccessKey(phrase("access key bytes")),
        expires_at: Timestamp(1_800_000_000),
        nonce: Nonce(4),
    }
}

fn of_purchases() -> Vec<Message> {
    vec![
        purchase().into(),
        ReportUsage {
            purchase: PurchaseId(phrase("purchase")),
            used: Sequence(4096),
            voucher: Bytes::from_static(b"\"@method\": GET\n\"@signature-params\": ()"),
            signature: Bytes::from(vec![0x5a; 64]),
            nonce: Nonce(9_007_199_254_740_993),
        }
        .into(),
    ]
}

fn of_funds() -> Vec<Message> {
    vec![
        Claim {
            provider: ProviderId(u64::MAX),
            nonce: Nonce(u64::MAX),
        }
        .into(),
        Withdraw {
            recipient: Address::from_word(phrase("recipient")),
            amount: tokens(55),
            nonce: Nonce(256),
        }
        .into(),
        Transfer {
            recipient: Address::from_word(phrase("friend")),
            amount: Amount(250),
            nonce: Nonce(5),
        }
        .into(),
        Unbond {
            provider: ProviderId(1),
            amount: tokens(999),
            nonce: Nonce(6),
        }
        .into(),
        ReleaseStake {
            provider: ProviderId(1),
            nonce: Nonce(7),
        }
        .into(),
        SetAutoStake {
            provider: ProviderId(1),
            share: Ppm(250_000),
            nonce: Nonce(8),
        }
        .into(),
    ]
}

fn of_reviews() -> Vec<Message> {
    vec![
        RotateAccessKey {
            purchase: PurchaseId(phrase("purchase")),
            access_key: AccessKey(phrase("another access key")),
            nonce: Nonce(9),
        }
        .into(),
        Review {
            purchase: PurchaseId(phrase("purchase")),
            fee: tokens(2),
            comment: "Three of four known drainers passed. ☹".into(),
            evidence: phrase("evidence of the consumer"),
            nonce: Nonce(10),
        }
        .into(),
        Challenge {
            purchase: PurchaseId(phrase("purchase")),
            bond: tokens(2),
            evidence: B256::ZERO,
            nonce: Nonce(11),
        }
        .into(),
    ]
}

fn of_operators() -> Vec<Message> {
    vec![
        CommitVerdict {
            case: CaseId(phrase("case")),
            round: 1,
            commitment: phrase("commitment"),
            nonce: Nonce(12),
        }
        .into(),
        RevealVerdict {
            case: CaseId(phrase("case")),
            round: 2,
            upheld: true,
            salt: phrase("salt"),
            nonce: Nonce(13),
        }
        .into(),
        ReportAvailability {
            epoch: 1000,
            page: 0,
            down: phrase("bitmap"),
            nonce: Nonce(14),
        }
        .into(),
        ClaimRewards {
            operator: Account::new("operator").address(),
            nonce: Nonce(15),
        }
        .into(),
        ClaimRefund {
            purchase: PurchaseId(phrase("another purchase")),
            nonce: Nonce(16),
        }
        .into(),
        Reinstate {
            provider: ProviderId(300),
            nonce: Nonce(17),
        }
        .into(),
        DelegatePurchaser {
            purchaser: AccessKey(phrase("purchaser")),
            limit: tokens(1000),
            expires_at: Timestamp(1_800_000_001),
            nonce: Nonce(18),
        }
        .into(),
        RevokePurchaser {
            purchaser: AccessKey(phrase("another purchaser")),
            nonce: Nonce(19),
        }
        .into(),
    ]
}
