//! Two providers with a service each, and a consumer: what there is to watch and to judge.

use super::sidecar::Sidecar;
use crate::operator::{Running, Stage, access_key, account, now, sign, tokens};
use rampart_node::{DutiesConfig, Params};
use rampart_protocol::api::TransactionStatus;
use rampart_protocol::message::{Challenge, Purchase, RegisterProvider, RegisterService, Review};
use rampart_protocol::{
    AccessKey, Address, B256, CaseId, Category, Message, Nonce, ProviderId, PurchaseId, Seconds, ServiceId,
    Timestamp, verdict,
};
use std::time::Duration;

pub const CONSUMER: u8 = 1;
/// Owners of the providers 1 and 2, which offer the services 1 and 2.
pub const OWNERS: [u8; 2] = [2, 3];

pub fn address(n: u8) -> Address {
    account(n).address()
}

/// Epochs and rounds of seconds.
pub fn params(epoch: u64, commit: u64, reveal: u64) -> Params {
    Params {
        wait_min: Seconds(2),
        wait_max: Seconds(10),
        escrow_bucket: Seconds(1),
        duration_min: Seconds(1),
        challenge_window: Seconds(30),
        commit_window: Seconds(commit),
        reveal_window: Seconds(reveal),
        unbond_period: Seconds(400),
        epoch_length: Seconds(epoch),
        ..Params::default()
    }
}

/// Duties at a pace for tests.
pub fn duties() -> DutiesConfig {
    DutiesConfig {
        probe_interval_ms: 500,
        probe_timeout_ms: 2_000,
        retry_after_ms: 50,
        min_probes: 3,
        grace_s: 0,
        ..DutiesConfig::default()
    }
}

pub async fn submit(stage: &Stage, running: &Running, n: u8, message: impl FnOnce(Nonce) -> Message) {
    let nonce = running.client().account(address(n)).await.unwrap().nonce;
    let transaction = sign(&account(n), message(nonce), stage.domain());
    let wait = Some(Duration::from_secs(60));
    let view = running.client().submit(&transaction, wait).await.unwrap();
    assert_eq!(view.status, TransactionStatus::Applied);
}

/// Registers both providers with their services; returns their sidecars.
pub async fn open(stage: &Stage, running: &Running) -> [Sidecar; 2] {
    let accounts = [CONSUMER, OWNERS[0], OWNERS[1]].map(|n| (address(n), tokens(5_000)));
    stage.fund(running, &accounts).await;
    let mut sidecars = Vec::new();
    for (id, owner) in (1..).zip(OWNERS) {
        let sidecar = Sidecar::start(stage.domain(), ProviderId(id), ServiceId(id)).await;
        let endpoint = format!("http://{}/screen", sidecar.address);
        submit(stage, running, owner, |nonce| {
            RegisterProvider {
                name: format!("Provider {id}"),
                endpoint,
                stake: tokens(2_000),
                nonce,
            }
            .into()
        })
        .await;
        submit(stage, running, owner, |nonce| {
            RegisterService {
                provider: ProviderId(id),
                category: Category::TransactionSecurity,
                description: "Screens transactions".into(),
                requests: 100,
                fee: tokens(10),
                components: Vec::new(),
                upstream_key: AccessKey::default(),
                endpoint: String::new(),
                openapi: B256::ZERO,
                min_duration: Seconds(1),
                max_duration: Seconds(86_400),
                nonce,
            }
            .into()
        })
        .await;
        sidecars.push(sidecar);
    }
    sidecars.try_into().unwrap_or_else(|_| unreachable!())
}

pub async fn buy(stage: &Stage, running: &Running, service: u64) -> PurchaseId {
    let view = running.client().service(ServiceId(service)).await.unwrap();
    let nonce = running.client().account(address(CONSUMER)).await.unwrap().nonce;
    let purchase = Purchase {
        consumer: address(CONSUMER),
        provider: view.provider,
        service: view.id,
        version: view.version,
        fee: view.fee,
        access_key: access_key(),
        expires_at: Timestamp(now() + 3_600),
        nonce,
    };
    let id = purchase.id(stage.domain());
    submit(stage, running, CONSUMER, |_| purchase.into()).await;
    id
}

/// Has the consumer review a purchase, and its provider challenge that.
pub async fn dispute(stage: &Stage, running: &Running, purchase: PurchaseId) -> CaseId {
    let bought = running.client().purchase(purchase).await.unwrap();
    let fee = bought.review_fee;
    submit(stage, running, CONSUMER, |nonce| {
        Review {
            purchase,
            fee,
            comment: "It never answered".into(),
            evidence: B256::ZERO,
            nonce,
        }
        .into()
    })
    .await;
    let owner = OWNERS[usize::try_from(bought.record.provider.0 - 1).unwrap()];
    submit(stage, running, owner, |nonce| {
        Challenge {
            purchase,
            bond: fee,
            evidence: B256::ZERO,
            nonce,
        }
        .into()
    })
    .await;
    verdict::review(purchase)
}
