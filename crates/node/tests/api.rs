//! The API of a real operator at its real port: every wrong request has its own answer, and none disturbs the operator.
//!
//! All tests share one operator while they overlap; each uses accounts of its own.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "api/batch.rs"]
mod batch;
#[path = "operator/http.rs"]
mod http;
#[path = "api/limits.rs"]
mod limits;
#[allow(dead_code, reason = "other tests use the rest")]
mod operator;

use alloy::primitives::U256;
use http::{get, open, parse, post, request, rest};
use operator::{Running, Stage, access_key, account, eventually, now, sign, tokens};
use rampart_client::{OperatorChain, follow};
use rampart_node::api::MAX_BODY;
use rampart_protocol::api::Role;
use rampart_protocol::message::{Purchase, RegisterProvider, RegisterService, Withdraw};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Nonce, OperatorSet, ProviderId, Seconds, ServiceId,
    SignedTransaction, Timestamp, TrustedOperators,
};
use serde_json::{Value, json};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;

/// Accounts with a deposit.
const NONCES: u8 = 1;
const WAITS: u8 = 2;
const FORGED: u8 = 3;
const SELLER: u8 = 4;
const BATCHES: u8 = 5;
const FUNDED: [u8; 5] = [NONCES, WAITS, FORGED, SELLER, BATCHES];
/// Never had one.
const STRANGER: u8 = 9;

struct Market {
    // Stopped before the chain is.
    operator: Running,
    stage: Stage,
}

static SHARED: Mutex<Weak<Market>> = Mutex::const_new(Weak::new());

/// The shared operator; it ends with the last test that uses it.
async fn market() -> Arc<Market> {
    let mut shared = SHARED.lock().await;
    if let Some(market) = shared.upgrade() {
        return market;
    }
    let stage = Stage::new().await;
    let operator = stage.start().await;
    let funded = FUNDED.map(|n| (account(n).address(), tokens(10_000)));
    stage.fund(&operator, &funded).await;
    let market = Arc::new(Market { operator, stage });
    *shared = Arc::downgrade(&market);
    market
}

impl Market {
    async fn get(&self, path: &str) -> http::Answer {
        get(self.operator.api, path).await
    }

    async fn post(&self, body: impl AsRef<[u8]>) -> http::Answer {
        post(self.operator.api, "/v1/transactions", body).await
    }

    async fn submit(&self, transaction: &SignedTransaction) -> http::Answer {
        self.post(serde_json::to_vec(transaction).unwrap()).await
    }

    fn withdrawal(&self, n: u8, nonce: u64, amount: u128) -> SignedTransaction {
        sign(&account(n), withdraw(nonce, amount), self.stage.domain())
    }
}

fn withdraw(nonce: u64, amount: u128) -> Withdraw {
    Withdraw {
        recipient: Address::repeat_byte(0xdd),
        amount: Amount(amount),
        nonce: Nonce(nonce),
    }
}

fn order(consumer: Address, nonce: u64) -> Purchase {
    Purchase {
        consumer,
        provider: ProviderId(1),
        service: ServiceId(1),
        version: 1,
        fee: tokens(1),
        access_key: access_key(),
        expires_at: Timestamp(now() + 7_200),
        nonce: Nonce(nonce),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_transaction_is_malformed_json() {
    let market = market().await;
    let good = serde_json::to_string(&market.withdrawal(STRANGER, 0, 1)).unwrap();
    let change = |change: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_str(&good).unwrap();
        change(&mut json);
        json.to_string()
    };
    for (status, body) in [
        (400, String::new()),
        (400, "{".to_owned()),
        (400, good[..good.len() - 1].to_owned()),
        (400, format!("{good}x")),
        (400, "\0\0".to_owned()),
        (422, "null".to_owned()),
        (422, "[]".to_owned()),
        (422, "{}".to_owned()),
        (422, change(&|json| json["type"] = "Mint".into())),
        (422, change(&|json| json["message"]["amount"] = "-1".into())),
        (
            422,
            change(&|json| json["message"]["amount"] = "340282366920938463463374607431768211456".into()),
        ),
        (422, change(&|json| json["message"]["nonce"] = (-1).into())),
        (422, change(&|json| json["message"]["recipient"] = "0xdd".into())),
        (422, change(&|json| json["signature"] = "0x00".into())),
        (422, change(&|json| json["signature"] = Value::Null)),
    ] {
        let answer = market.post(&body).await;
        assert_eq!(
            (answer.status, answer.name()),
            (status, "malformed_json"),
            "{body}: {answer:?}"
        );
    }
    let deep = "[".repeat(MAX_BODY);
    market.post(&deep).await.is_error(422, "malformed_json");
    let not_utf8 = market.post([b'"', 0xff, 0xfe, b'"']).await;
    assert_eq!(not_utf8.name(), "malformed_json");
    market.operator.advances().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_nobody_knows_is_named() {
    let market = market().await;
    let mut json = serde_json::to_value(market.withdrawal(STRANGER, 0, 1)).unwrap();
    json["message"]["recipeint"] = "0x00".into();
    let answer = market.post(json.to_string()).await;
    answer.is_error(422, "malformed_json");
    assert!(answer.message().contains("recipeint"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_called_json_is_refused() {
    let market = market().await;
    let body = serde_json::to_vec(&market.withdrawal(STRANGER, 0, 1)).unwrap();
    for headers in [
        &[][..],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/octet-stream")],
    ] {
        let answer = request(market.operator.api, "POST", "/v1/transactions", headers, &body).await;
        answer.is_error(415, "not_json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused() {
    let market = market().await;
    let answer = market.post(vec![b' '; MAX_BODY + 1]).await;
    answer.is_error(413, "too_large");
    let answer = market.post(vec![b' '; MAX_BODY]).await;
    answer.is_error(400, "malformed_json");
    // The length alone is enough, and nothing is read.
    let head = "POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
    let mut stream = open(market.operator.api, head.as_bytes()).await;
    parse(&rest(&mut stream).await).is_error(413, "too_large");
    market.operator.advances().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_and_methods_that_do_not_exist_are_told_apart() {
    let market = market().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/status",
        "/v1/status/",
        "/v1/services/1/purchases",
        "/v1/%00",
        "//",
    ] {
        market.get(path).await.is_error(404, "unknown_route");
    }
    let api = market.operator.api;
    for (method, path) in [
        ("POST", "/v1/status"),
        ("DELETE", "/v1/services/1"),
        ("PUT", "/v1/transactions"),
        ("GET", "/v1/transactions"),
        ("BREW", "/v1/operators"),
    ] {
        request(api, method, path, &[], b"")
            .await
            .is_error(405, "method_not_allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_paths_and_queries_say_what_is_wrong() {
    let market = market().await;
    for path in [
        "/v1/providers/x",
        "/v1/providers/-1",
        "/v1/providers/18446744073709551616",
        "/v1/services/1.5",
        "/v1/accounts/0x12",
        "/v1/accounts/bob",
        "/v1/accounts/bob/exit",
        "/v1/purchases/1",
        "/v1/purchases/0xzz/confirmation",
        "/v1/transactions/0x",
        "/v1/withdrawals/first",
        "/v1/providers/%ff",
        "/v1/services/1/versions/x",
        "/v1/services/1/versions/4294967296",
        "/v1/purchases/1/review",
        "/v1/providers/x/reviews",
        "/v1/cases/1",
        "/v1/operators/bob",
        "/v1/operators/bob/investors/eve",
        "/v1/epochs/last",
        "/v1/epochs/-1",
    ] {
        market.get(path).await.is_error(400, "malformed_path");
    }
    for path in [
        "/v1/services?limit=many",
        "/v1/services?after=-1",
        "/v1/services?category=everything",
        "/v1/services?provder=1",
        "/v1/services?limit=1&limit=2",
        "/v1/providers/1/purchases?cursor=1",
        "/v1/withdrawals",
        "/v1/withdrawals?recipient=me",
        "/v1/cases?state=open",
        "/v1/cases?limit=-1",
        "/v1/providers/1/reviews?after=x",
    ] {
        market.get(path).await.is_error(400, "malformed_query");
    }
    let answer = post(market.operator.api, "/v1/transactions?wait=long", "{}").await;
    answer.is_error(400, "malformed_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_found() {
    let market = market().await;
    let nothing = B256::repeat_byte(0xee);
    for (path, name) in [
        ("/v1/providers/999".to_owned(), "unknown_provider"),
        ("/v1/providers/999/purchases".to_owned(), "unknown_provider"),
        ("/v1/providers/0".to_owned(), "unknown_provider"),
        ("/v1/services/999".to_owned(), "unknown_service"),
        (format!("/v1/services/{}", u64::MAX), "unknown_service"),
        (format!("/v1/purchases/{nothing}"), "unknown_purchase"),
        (
            format!("/v1/purchases/{nothing}/confirmation"),
            "unknown_purchase",
        ),
        (format!("/v1/withdrawals/{}", u64::MAX), "unknown_withdrawal"),
        ("/v1/services/999/versions/1".to_owned(), "unknown_version"),
        (format!("/v1/purchases/{nothing}/review"), "unknown_review"),
        ("/v1/providers/999/reviews".to_owned(), "unknown_provider"),
        (format!("/v1/cases/{nothing}"), "unknown_case"),
        (
            format!("/v1/operators/{}", Address::repeat_byte(0xee)),
            "unknown_operator",
        ),
        (
            format!("/v1/operators/{0}/investors/{0}", Address::repeat_byte(0xee)),
            "unknown_operator",
        ),
        (format!("/v1/epochs/{}", u64::MAX), "unknown_epoch"),
    ] {
        market.get(&path).await.is_error(404, name);
    }
    let nobody = market
        .get(&format!("/v1/accounts/{}", Address::repeat_byte(0xee)))
        .await;
    assert_eq!(
        (nobody.status, &nobody.body["balance"], &nobody.body["nonce"]),
        (200, &json!("0"), &json!(0))
    );
    let transaction = market.get(&format!("/v1/transactions/{nothing}")).await;
    assert_eq!(
        (transaction.status, &transaction.body["status"]),
        (200, &json!("unknown"))
    );
    let none = market
        .get(&format!(
            "/v1/withdrawals?recipient={}",
            Address::repeat_byte(0xee)
        ))
        .await;
    assert_eq!((none.status, none.body), (200, json!([])));
    let cases = market.get(&format!("/v1/cases?after={}", u64::MAX)).await;
    assert_eq!((cases.status, cases.body), (200, json!({"cases": []})));
    let services = market.get(&format!("/v1/services?after={}", u64::MAX)).await;
    assert_eq!((services.status, &services.body["services"]), (200, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_for_another_deployment_says_so() {
    let market = market().await;
    let ours = *market.stage.domain();
    let other_chain = Domain {
        chain_id: ours.chain_id + 1,
        ..ours
    };
    let other_contract = Domain {
        settlement: Address::repeat_byte(1),
        ..ours
    };
    for domain in [other_chain, other_contract] {
        let signer = account(FORGED);
        let purchase = sign(&signer, order(signer.address(), 0), &domain);
        let answer = market.submit(&purchase).await;
        answer.is_error(422, "bad_signature");
        assert!(
            answer.message().contains("wrong chain id or settlement contract"),
            "{answer:?}"
        );
        // Other messages do not name their account: they recover to a stranger, whatever their nonce.
        for nonce in [0, 1, 200, u64::MAX] {
            let answer = market.submit(&sign(&signer, withdraw(nonce, 1), &domain)).await;
            answer.is_rejection(2, "UnknownAccount");
            assert!(
                answer.message().contains("chain id and settlement contract"),
                "{answer:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_not_canonical_is_refused() {
    let market = market().await;
    let good = market.withdrawal(FORGED, 0, 1);
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    )
    .unwrap();
    let s = U256::from_be_slice(&good.signature[32..64]);
    let flipped = if good.signature[64] == 27 { 28 } else { 27 };
    let high_s: [u8; 32] = (order - s).to_be_bytes();
    type Change<'a> = &'a dyn Fn(&mut [u8]);
    let changes: [Change<'_>; 7] = [
        &|bytes| bytes[64] = 0,
        &|bytes| bytes[64] = 1,
        &|bytes| bytes[64] = 255,
        &|bytes| {
            bytes[32..64].copy_from_slice(&high_s);
            bytes[64] = flipped;
        },
        &|bytes| bytes[..64].fill(0),
        &|bytes| bytes[..32].fill(0xff),
        &|bytes| bytes[32..64].fill(0),
    ];
    for change in changes {
        let mut forged = good.clone();
        change(&mut forged.signature[..]);
        market.submit(&forged).await.is_error(422, "bad_signature");
    }
    // With any other bit changed it is a stranger's.
    let mut forged = good.clone();
    forged.signature[64] = flipped;
    market.submit(&forged).await.is_rejection(2, "UnknownAccount");
    let unchanged = market
        .get(&format!("/v1/accounts/{}", account(FORGED).address()))
        .await;
    assert_eq!(unchanged.body["nonce"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_deposit_gets_no_place_whatever_its_nonce() {
    let market = market().await;
    for nonce in [0, 1, 7, 255, u64::MAX] {
        let transaction = market.withdrawal(STRANGER, nonce, 1);
        market
            .submit(&transaction)
            .await
            .is_rejection(2, "UnknownAccount");
        let status = market
            .get(&format!("/v1/transactions/{}", transaction.hash()))
            .await;
        assert_eq!(status.body["status"], "unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonces_are_used_once_in_order_and_gaps_wait() {
    let market = market().await;
    let api = market.operator.api;
    let wait = |transaction: SignedTransaction| async move {
        let body = serde_json::to_vec(&transaction).unwrap();
        post(api, "/v1/transactions?wait=60", body).await
    };
    let second = market.withdrawal(NONCES, 1, 1);
    let answer = market.submit(&second).await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (202, &json!("pending")),
        "{answer:?}"
    );
    // The same again is the same; another one with its nonce is not.
    assert_eq!(market.submit(&second).await.status, 202);
    market
        .submit(&market.withdrawal(NONCES, 1, 2))
        .await
        .is_error(409, "nonce_taken");
    market
        .submit(&market.withdrawal(NONCES, 256, 1))
        .await
        .is_error(422, "far_nonce");
    let status = market.get(&format!("/v1/transactions/{}", second.hash())).await;
    assert_eq!(status.body["status"], "pending");

    let first = market.withdrawal(NONCES, 0, 1);
    let applied = wait(first.clone()).await;
    assert_eq!(
        (applied.status, &applied.body["status"]),
        (200, &json!("applied")),
        "{applied:?}"
    );
    let applied = wait(second.clone()).await;
    assert_eq!(
        (applied.status, &applied.body["status"]),
        (200, &json!("applied")),
        "{applied:?}"
    );

    // What is final is told again, not tried again.
    let again = market.submit(&first).await;
    assert_eq!(
        (again.status, &again.body["height"]),
        (200, &get_height(&market, &first).await)
    );
    market
        .submit(&market.withdrawal(NONCES, 0, 9))
        .await
        .is_rejection(3, "StaleNonce");
    // The same condition has the same name when others of the account wait.
    market.submit(&market.withdrawal(NONCES, 4, 1)).await;
    market
        .submit(&market.withdrawal(NONCES, 1, 9))
        .await
        .is_rejection(3, "StaleNonce");
    let account = market
        .get(&format!("/v1/accounts/{}", account(NONCES).address()))
        .await;
    assert_eq!(account.body["nonce"], 2);
}

async fn get_height(market: &Market, transaction: &SignedTransaction) -> Value {
    let status = market
        .get(&format!("/v1/transactions/{}", transaction.hash()))
        .await;
    assert!(status.body["height"].is_u64(), "{status:?}");
    status.body["height"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledgers_rejection_has_its_number_name_and_sentence() {
    let market = market().await;
    let address = account(FORGED).address();
    market
        .submit(&market.withdrawal(FORGED, 0, 0))
        .await
        .is_rejection(22, "ZeroAmount");
    let rich = market
        .submit(&market.withdrawal(FORGED, 0, tokens(10_001).0))
        .await;
    rich.is_rejection(100, "InsufficientBalance");
    assert!(
        rich.message().contains("10000 tokens") && rich.message().contains("10001.01 tokens"),
        "{rich:?}"
    );
    let to_contract = Withdraw {
        recipient: market.stage.contracts.settlement,
        ..withdraw(0, 1)
    };
    let to_contract = sign(&account(FORGED), to_contract, market.stage.domain());
    market.submit(&to_contract).await.is_rejection(23, "BadRecipient");
    let unknown = Purchase {
        provider: ProviderId(999),
        ..order(address, 0)
    };
    let unknown = sign(&account(FORGED), unknown, market.stage.domain());
    market.submit(&unknown).await.is_rejection(42, "UnknownProvider");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_too_long_is_refused_before_anything_else() {
    let market = market().await;
    let message = RegisterProvider {
        name: "n".repeat(65),
        endpoint: "https://a.example".into(),
        stake: tokens(1_000),
        nonce: Nonce(0),
    };
    let answer = market
        .submit(&sign(&account(STRANGER), message, market.stage.domain()))
        .await;
    answer.is_error(400, "field_too_long");
    assert!(
        answer.message().contains("name has 65 bytes, at most 64"),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_bounded_and_lead_to_the_next() {
    let market = market().await;
    let domain = market.stage.domain();
    let client = &market.operator.client();
    let seller = account(SELLER);
    let wait = Some(Duration::from_secs(60));
    let registration = RegisterProvider {
        name: "Pages".into(),
        endpoint: "https://pages.example".into(),
        stake: tokens(5_000),
        nonce: Nonce(0),
    };
    client
        .submit(&sign(&seller, registration, domain), wait)
        .await
        .unwrap();
    let provider = client.account(seller.address()).await.unwrap().provider.unwrap();
    for nonce in 1..=4 {
        let service = RegisterService {
            provider,
            category: Category::TransactionSecurity,
            description: format!("Service {nonce}"),
            requests: 10,
            fee: tokens(1),
            components: Vec::new(),
            upstream_key: AccessKey::default(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            min_duration: Seconds(3_600),
            max_duration: Seconds(86_400),
            nonce: Nonce(nonce),
        };
        client
            .submit(&sign(&seller, service, domain), wait)
            .await
            .unwrap();
    }
    let ids = |answer: &http::Answer| -> Vec<u64> {
        let services = answer.body["services"].as_array().unwrap();
        services
            .iter()
            .map(|service| service["id"].as_u64().unwrap())
            .collect()
    };
    let all = market.get(&format!("/v1/services?provider={provider}")).await;
    let expected = ids(&all);
    assert_eq!(expected.len(), 4);
    assert_eq!(all.body["next"], Value::Null);
    for (limit, page) in [
        ("0", 1),
        ("1", 1),
        ("3", 3),
        ("4", 4),
        ("200", 4),
        ("99999999", 4),
    ] {
        let answer = market
            .get(&format!("/v1/services?provider={provider}&limit={limit}"))
            .await;
        assert_eq!(ids(&answer), expected[..page], "limit {limit}");
    }
    let (mut seen, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let answer = market
            .get(&format!("/v1/services?provider={provider}&limit=3&after={after}"))
            .await;
        seen.extend(ids(&answer));
        match answer.body["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    let other = market
        .get(&format!("/v1/services?provider={provider}&category=general"))
        .await;
    assert_eq!(other.body["services"], json!([]), "{other:?}");
    let none = market
        .get(&format!("/v1/providers/{provider}/purchases?limit=99999999"))
        .await;
    assert_eq!((none.status, none.body), (200, json!({"purchases": []})));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_where_the_operator_stands() {
    let market = market().await;
    // The state that balances are read from may be a moment ahead of the header that the status tells.
    let status = eventually("the status of the deposits' block", || async {
        let status = market.operator.client().status().await.unwrap();
        (status.inbox_count == FUNDED.len() as u64).then_some(status)
    })
    .await;
    assert_eq!(status.chain_id, market.stage.domain().chain_id);
    assert_eq!(status.settlement, market.stage.contracts.settlement);
    assert_eq!(status.capacity, 20_000);
    assert_eq!(
        (status.role, status.seated, status.operator),
        (
            Role::Operator,
            true,
            Some(market.stage.operators.operators[0].public_key)
        )
    );
    assert!(status.timestamp_ms / 1_000 <= now() + 5);
    assert_eq!(
        market.operator.client().operator_set().await.unwrap(),
        market.stage.operators
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_of_each_epoch_are_proved_by_those_before() {
    let market = market().await;
    let client = market.operator.client();
    let trusted = TrustedOperators::new(0, market.stage.operators.clone());
    let chain = eventually("the second epoch's operators are proved", || async {
        let mut chain = OperatorChain::new(&trusted).unwrap();
        let learned = follow::catch_up(&mut chain, &client).await.unwrap();
        (learned > 0).then_some(chain)
    })
    .await;
    // The same single operator; its weight is its stake from now on.
    let keys = |set: &OperatorSet| set.operators[0].public_key;
    assert_eq!(keys(chain.newest()), keys(&market.stage.operators));
    assert_eq!(client.operator_sets(1 << 40).await.unwrap().handovers, []);
    for query in ["from=x", "form=0", "from=-1"] {
        let answer = market.get(&format!("/v1/operator-sets?{query}")).await;
        answer.is_error(400, "malformed_query");
    }
    let operator = client.operators().await.unwrap().operators.remove(0);
    assert_eq!(operator.keys.unwrap().consensus_key, keys(chain.newest()));
    assert_eq!(operator.seats.len(), 2);
}
