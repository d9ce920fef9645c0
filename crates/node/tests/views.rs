//! Every view of the economy, told by a real operator at its real port while its market lives through it: a review and its
//! verdict, unbonding, new terms, an outage, epochs.
#![allow(clippy::result_large_err, reason = "a test fails once")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "views/delegated.rs"]
mod delegated;
#[path = "views/document.rs"]
mod document;
#[path = "operator/http.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod http;
#[allow(dead_code, reason = "other tests use the rest")]
mod operator;
#[path = "views/schema.rs"]
mod schema;

use alloy::signers::local::PrivateKeySigner;
use operator::node::funded;
use operator::{Running, Stage, access_key, account, eventually, now, sign, tokens};
use rampart_client::{ClientError, Events, ServiceQuery, ServiceSort, Start};
use rampart_node::Params;
use rampart_protocol::api::{
    CasePhase, CaseSubject, EventFilter, EventId, EventKind, EventView, Quantity, ReviewStage,
    TransactionStatus,
};
use rampart_protocol::message::{
    Challenge, CommitVerdict, Component, Purchase, RegisterProvider, RegisterService, ReportAvailability,
    RevealVerdict, Review, RotateAccessKey, SetAutoStake, Unbond, UpdateService, Withdraw,
};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, CaseId, Category, Message, Nonce, Ppm, ProviderId, PurchaseId, Seconds,
    ServiceId, Timestamp, verdict,
};
use std::collections::BTreeSet;
use std::time::Duration;

const SELLER: u8 = 4;
const BUNDLER: u8 = 5;
const BUYER: u8 = 6;

/// The economy in seconds.
fn params() -> Params {
    Params {
        epoch_length: Seconds(3),
        commit_window: Seconds(8),
        reveal_window: Seconds(8),
        ..Params::default()
    }
}

/// A network whose market is open.
struct Market {
    // Stopped before the chain is.
    operator: Running,
    stage: Stage,
}

impl Market {
    async fn open() -> Self {
        let stage = Stage::with(params()).await;
        let operator = stage.start().await;
        let funds = [SELLER, BUNDLER, BUYER].map(|n| (account(n).address(), tokens(10_000)));
        stage.fund(&operator, &funds).await;
        let market = Self { operator, stage };
        for n in [SELLER, BUNDLER] {
            let registration = |nonce| RegisterProvider {
                name: format!("Provider {n}"),
                endpoint: format!("https://provider-{n}.example"),
                stake: tokens(5_000),
                nonce,
            };
            market.send(&account(n), registration).await;
        }
        market.send(&account(SELLER), |nonce| service(1, nonce)).await;
        let bundle = |nonce| RegisterService {
            endpoint: "https://bundle.example".into(),
            openapi: B256::repeat_byte(7),
            fee: tokens(15),
            components: vec![component()],
            upstream_key: access_key(),
            ..service(2, nonce)
        };
        market.send(&account(BUNDLER), bundle).await;
        market
    }

    async fn try_send<M: Into<Message>>(
        &self,
        signer: &PrivateKeySigner,
        message: impl FnOnce(Nonce) -> M,
    ) -> Result<(), ClientError> {
        let client = self.operator.client();
        let nonce = client.account(signer.address()).await?.nonce;
        let transaction = sign(signer, message(nonce), self.stage.domain());
        let sent = client.submit(&transaction, Some(Duration::from_secs(60))).await?;
        assert_eq!(sent.status, TransactionStatus::Applied);
        Ok(())
    }

    async fn send<M: Into<Message>>(&self, signer: &PrivateKeySigner, message: impl FnOnce(Nonce) -> M) {
        self.try_send(signer, message).await.unwrap();
    }

    async fn buy(&self) -> PurchaseId {
        let consumer = account(BUYER);
        let nonce = self
            .operator
            .client()
            .account(consumer.address())
            .await
            .unwrap()
            .nonce;
        let purchase = Purchase {
            consumer: consumer.address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: tokens(10),
            access_key: access_key(),
            expires_at: Timestamp(now() + 7_200),
            nonce,
        };
        let id = purchase.id(self.stage.domain());
        self.send(&consumer, |_| purchase).await;
        id
    }

    async fn review(&self, purchase: PurchaseId) {
        let fee = self
            .operator
            .client()
            .purchase(purchase)
            .await
            .unwrap()
            .review_fee;
        let review = |nonce| Review {
            purchase,
            fee,
            comment: "It let a drainer through".into(),
            evidence: B256::repeat_byte(3),
            nonce,
        };
        self.send(&account(BUYER), review).await;
    }
}

/// The ledger's account of the one operator is that of its checkpoint key.
fn judge() -> PrivateKeySigner {
    funded(1)
}

fn service(provider: u64, nonce: Nonce) -> RegisterService {
    RegisterService {
        provider: ProviderId(provider),
        category: Category::TransactionSecurity,
        description: "Screens transactions".into(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        requests: 100,
        fee: tokens(10),
        min_duration: Seconds(3_600),
        max_duration: Seconds(86_400),
        components: Vec::new(),
        upstream_key: AccessKey::default(),
        nonce,
    }
}

const fn component() -> Component {
    Component {
        service: ServiceId(1),
        version: 1,
        packages: 1,
        uses: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_its_challenge_and_its_verdict_are_seen_at_every_step() {
    let market = Market::open().await;
    let client = &market.operator.client();
    let (first, second) = (market.buy().await, market.buy().await);
    let bought = client.purchase(first).await.unwrap();
    assert_eq!(
        (bought.reviewed, bought.closed, bought.refunded),
        (false, false, Amount::ZERO)
    );
    assert_eq!(
        (bought.review_fee, bought.current_access_key),
        (tokens(2), access_key())
    );
    assert!(bought.evidence > Quantity(0) && bought.height > 0);

    market.review(first).await;
    market.review(second).await;
    let review = client.review(first).await.unwrap();
    assert_eq!(
        (review.stage, review.fee, review.case),
        (ReviewStage::Open, tokens(2), None)
    );
    assert_eq!(review.consumer_evidence, Some(B256::repeat_byte(3)));
    assert!(client.purchase(first).await.unwrap().reviewed);
    assert_eq!(
        client.account(account(BUYER).address()).await.unwrap().deposits,
        tokens(4)
    );
    assert_eq!(client.totals().await.unwrap().deposits, tokens(4));
    let page = client.reviews_of(ProviderId(1), None, 1).await.unwrap();
    assert_eq!((page.reviews[0].purchase, page.next), (first, Some(1)));
    let page = client.reviews_of(ProviderId(1), page.next, 9).await.unwrap();
    assert_eq!(
        (page.reviews.len(), page.reviews[0].purchase, page.next),
        (1, second, None)
    );

    let challenge = |nonce| Challenge {
        purchase: first,
        bond: tokens(2),
        evidence: B256::ZERO,
        nonce,
    };
    market.send(&account(SELLER), challenge).await;
    let case = verdict::review(first);
    assert_eq!(client.review(first).await.unwrap().case, Some(case));
    assert_eq!(client.provider(ProviderId(1)).await.unwrap().bonds, tokens(2));
    let open = client.cases(None, 9).await.unwrap();
    assert_eq!((open.cases.len(), open.next), (1, None));
    let seen = client.case(case).await.unwrap();
    assert_eq!(
        (seen.subject, seen.purchase, seen.round),
        (CaseSubject::Review, Some(first), 1)
    );
    assert_eq!((seen.phase, seen.total_stake), (CasePhase::Commit, Quantity(100)));
    assert_eq!((seen.votes.len(), seen.votes[0].committed), (1, false));

    every_answer_is_as_documented(&market, first, case).await;

    let (operator, salt) = (judge().address(), B256::repeat_byte(9));
    let commit = |nonce| CommitVerdict {
        case,
        round: 1,
        commitment: verdict::commitment(case, 1, operator, true, salt),
        nonce,
    };
    market.send(&judge(), commit).await;
    assert!(client.case(case).await.unwrap().votes[0].committed);
    eventually("the reveals", || async {
        (client.case(case).await.unwrap().phase == CasePhase::Reveal).then_some(())
    })
    .await;
    eventually("the reveal to be taken", || async {
        let reveal = |nonce| RevealVerdict {
            case,
            round: 1,
            upheld: true,
            salt,
            nonce,
        };
        market.try_send(&judge(), reveal).await.ok()
    })
    .await;
    assert_eq!(client.case(case).await.unwrap().votes[0].upheld, Some(true));
    // A block without transactions counts it.
    eventually("the verdict", || async {
        (client.review(first).await.unwrap().stage == ReviewStage::Upheld).then_some(())
    })
    .await;
    assert!(client.case(case).await.unwrap_err().is_not_found());
    assert_eq!(client.cases(None, 9).await.unwrap().cases, []);
    let closed = client.purchase(first).await.unwrap();
    assert_eq!((closed.closed, closed.refunded), (true, tokens(10)));
    assert_eq!(client.provider(ProviderId(1)).await.unwrap().bonds, Amount::ZERO);
    assert!(client.provider(ProviderId(1)).await.unwrap().negative_evidence > Quantity(0));
    market.operator.stop().await;
}

/// The board and the alerts of `deploy` read only what an operator serves.
fn are_served(text: &str) {
    let word = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    for file in [
        include_str!("../../../deploy/prometheus/alerts.yml"),
        include_str!("../../../deploy/grafana/rampart.json"),
    ] {
        let names = file.split(|byte| !word(byte));
        let names: BTreeSet<&str> = names
            .filter(|word| word.starts_with("rampart_") || word.starts_with("eigen_"))
            .collect();
        assert!(names.len() > 8, "{names:?}");
        for name in names {
            let served = text.contains(&format!("\n{name}{{")) || text.contains(&format!("\n{name} "));
            assert!(served, "no {name} in {text}");
        }
    }
}

/// The port of metrics, after requests of every kind.
async fn watched(market: &Market) {
    let port = market.stage.config.metrics_listen.unwrap();
    let mut stream = http::open(
        port,
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    let text = String::from_utf8(http::rest(&mut stream).await).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("# EOF\n"),
        "{text}"
    );
    assert_eq!(text.matches("# EOF").count(), 1);
    are_served(&text);
    let value = |name: &str| -> f64 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .parse()
            .unwrap()
    };
    assert!(value("rampart_block_height") > 0.0 && value("rampart_index_complete") == 1.0);
    assert_eq!(
        value("eigen_registered_stakes{quorum_number=\"0\",quorum_name=\"rampart\"}"),
        100.0
    );
    assert_eq!(value("eigen_performance_score"), 100.0);
    assert_eq!(
        (value("rampart_seated"), value("rampart_seated_next")),
        (1.0, 1.0)
    );
    assert!(value("rampart_disk_free_bytes") > value("rampart_disk_least_free_bytes"));
    assert_eq!(value("rampart_feed_endpoints{source=\"inbox\"}"), 1.0);
    assert_eq!(value("rampart_feed_endpoints_distrusted{source=\"inbox\"}"), 0.0);
    let route = "rampart_api_requests_total{route=\"/v1/providers/{id}\",status=\"200\"}";
    assert!(value(route) >= 1.0);
    // The engine's own.
    assert!(text.contains("runtime_tasks_spawned"), "{text}");
    // Nothing that the client wrote is a label.
    assert!(!text.contains(&account(BUYER).address().to_string()));
    let services = http::get(port, "/eigen/node/services").await;
    assert_eq!(
        (services.status, &services.body["services"][0]["status"]),
        (200, &"Up".into())
    );
    http::get(port, "/v1/status").await.is_error(404, "unknown_route");
    let answer = http::get(port, "/eigen/node?version=v9.9.9").await;
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (404, &"API version not found".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_goes_on_behind_the_last_one_through_a_restart() {
    let Market { operator, stage } = Market::open().await;
    let market = Market { operator, stage };
    let purchases = EventFilter {
        kinds: vec![EventKind::Purchase],
        provider: Some(ProviderId(1)),
        consumer: None,
    };
    let mut live = market
        .operator
        .client()
        .events(purchases.clone(), Start::Height(1));
    let first = market.buy().await;
    let (_, event) = next(&mut live).await;
    assert!(matches!(event, EventView::Purchase(event) if event.record.id == first));
    let mut everything = market
        .operator
        .client()
        .events(EventFilter::default(), Start::Height(1));
    let mut told = vec![next(&mut everything).await];
    while told
        .last()
        .is_none_or(|(_, event)| !matches!(event, EventView::Purchase(_)))
    {
        told.push(next(&mut everything).await);
    }

    // What happens while nobody listens, and a restart.
    let second = market.buy().await;
    let (position, position_of_all) = (live.position(), everything.position());
    drop((live, everything));
    let Market { operator, stage } = market;
    operator.stop().await;
    let operator = stage.start().await;
    let market = Market { operator, stage };
    let third = market.buy().await;
    let client = market.operator.client();
    let mut live = client.events(purchases, position);
    for expected in [second, third] {
        let (_, event) = next(&mut live).await;
        assert!(matches!(event, EventView::Purchase(event) if event.record.id == expected));
    }

    let mut everything = client.events(EventFilter::default(), position_of_all);
    let last = client.purchase(third).await.unwrap().height;
    while told.last().is_none_or(|(id, _)| id.height <= last) {
        told.push(next(&mut everything).await);
    }
    let mut again = client.events(EventFilter::default(), Start::Height(1));
    for event in told {
        assert_eq!(next(&mut again).await, event);
    }
    let gone = http::get(market.operator.api, "/v1/events?kinds=nothing").await;
    gone.is_error(400, "malformed_query");
    market.operator.stop().await;
}

async fn next(events: &mut Events) -> (EventId, EventView) {
    let next = tokio::time::timeout(Duration::from_secs(60), events.next());
    next.await.expect("an event comes").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_purchases_are_found_by_what_they_are() {
    let market = Market::open().await;
    let client = &market.operator.client();
    let (first, second) = (market.buy().await, market.buy().await);
    let find = async |query: ServiceQuery| -> Vec<u64> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = client.find_services(&query, after.as_deref(), 1).await.unwrap();
            found.extend(page.services.iter().map(|service| service.id.0));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    };
    let all = ServiceQuery::default;
    assert_eq!(find(all()).await, [1, 2]);
    let sort = ServiceSort::Price;
    assert_eq!(find(ServiceQuery { sort, ..all() }).await, [1, 2]);
    // Only the first provider has sold anything.
    let sort = ServiceSort::Score;
    assert_eq!(find(ServiceQuery { sort, ..all() }).await, [1, 2]);
    let score = client.service(ServiceId(1)).await.unwrap().score;
    let min_score = Some(Ppm(score.0.saturating_sub(1_000)));
    assert_eq!(find(ServiceQuery { min_score, ..all() }).await, [1]);
    let max_price = Some(tokens(12));
    assert_eq!(find(ServiceQuery { max_price, ..all() }).await, [1]);
    let text = Some("PROVIDER 5".to_owned());
    assert_eq!(find(ServiceQuery { text, ..all() }).await, [2]);
    let active = Some(false);
    assert_eq!(find(ServiceQuery { active, ..all() }).await, [] as [u64; 0]);

    let consumer = account(BUYER).address();
    let page = client.purchases_by(consumer, None, 1).await.unwrap();
    assert_eq!(page.purchases[0].record.id, first);
    let page = client
        .purchases_by(consumer, page.next.as_deref(), 9)
        .await
        .unwrap();
    assert_eq!((page.purchases.len(), page.next), (1, None));
    assert_eq!(page.purchases[0].record.id, second);
    let page = client.purchases_of_service(ServiceId(1), None, 9).await.unwrap();
    assert_eq!(page.purchases.len(), 2);
    for query in ["", "?provider=1", "?consumer=me", "?service=1&after=3"] {
        let answer = http::get(market.operator.api, &format!("/v1/purchases{query}")).await;
        answer.is_error(400, "malformed_query");
    }
    let long = format!("/v1/services?text={}", "x".repeat(65));
    http::get(market.operator.api, &long)
        .await
        .is_error(400, "malformed_query");
    market.operator.stop().await;
}

/// Everything that can be asked exists by now, but for withdrawals, exits and checkpoints.
async fn every_answer_is_as_documented(market: &Market, purchase: PurchaseId, case: CaseId) {
    let nonce = market
        .operator
        .client()
        .account(account(BUYER).address())
        .await
        .unwrap()
        .nonce;
    let message = Withdraw {
        recipient: account(BUYER).address(),
        amount: tokens(1),
        nonce,
    };
    let withdrawal = sign(&account(BUYER), message, market.stage.domain());
    let document = document::document(market.operator.api).await;
    let body = serde_json::to_value(&withdrawal).unwrap();
    assert_eq!(
        document::takes(&document, "/v1/transactions", &body),
        Vec::<String>::new()
    );
    let mut wrong = body;
    wrong["message"]["amount"] = 1.into();
    assert_ne!(
        document::takes(&document, "/v1/transactions", &wrong),
        Vec::<String>::new()
    );
    let wait = Some(Duration::from_secs(60));
    market.operator.client().submit(&withdrawal, wait).await.unwrap();

    let values = document::Values::from([
        (("/v1/transactions", "hash"), withdrawal.hash().to_string()),
        (("/v1/blocks", "height"), "1".to_owned()),
        (("/eigen/node/services", "id"), "index".to_owned()),
        (("/v1/accounts", "address"), account(BUYER).address().to_string()),
        (("/v1/operators", "address"), judge().address().to_string()),
        (("/v1/operators", "investor"), judge().address().to_string()),
        (("/v1/epochs", "number"), "0".to_owned()),
        (("/v1/providers", "id"), "1".to_owned()),
        (("/v1/services", "id"), "2".to_owned()),
        (("/v1/services", "version"), "1".to_owned()),
        (("/v1/purchases", "id"), purchase.to_string()),
        (("/v1/withdrawals", "index"), "0".to_owned()),
        (("/v1/cases", "id"), case.to_string()),
    ]);
    let answered = document::answers_match(market.operator.api, &values).await;
    watched(market).await;
    for path in [
        "/eigen/node",
        "/eigen/node/health",
        "/eigen/node/services/{id}/health",
        "/openapi.json",
        "/v1/blocks/{height}",
        "/v1/cases/{id}",
        "/v1/providers/{id}",
        "/v1/providers/{id}/purchases",
        "/v1/providers/{id}/reviews",
        "/v1/purchases/{id}/confirmation",
        "/v1/services",
        "/v1/services/{id}/versions/{version}",
        "/v1/transactions/{hash}",
        "/v1/withdrawals",
    ] {
        assert!(
            answered.iter().any(|found| found == path),
            "{path} is not among {answered:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_keys_stakes_operators_and_epochs_are_told_as_they_are() {
    let market = Market::open().await;
    let client = &market.operator.client();
    let purchase = market.buy().await;

    let bundle = client.service(ServiceId(2)).await.unwrap();
    assert_eq!(
        (&bundle.endpoint[..], &bundle.components[..]),
        ("https://bundle.example", &[component()][..])
    );
    assert_eq!(
        (bundle.openapi, bundle.upstream_key),
        (Some(B256::repeat_byte(7)), Some(access_key()))
    );
    let plain = client.service(ServiceId(1)).await.unwrap();
    assert_eq!(
        (&plain.endpoint[..], plain.openapi),
        ("https://provider-4.example", None)
    );
    let update = |nonce| UpdateService {
        service: ServiceId(1),
        category: Category::General,
        description: "Screens more".into(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        requests: 200,
        fee: tokens(12),
        min_duration: Seconds(3_600),
        max_duration: Seconds(86_400),
        components: Vec::new(),
        upstream_key: AccessKey::default(),
        active: true,
        nonce,
    };
    market.send(&account(SELLER), update).await;
    let old = client.terms(ServiceId(1), 1).await.unwrap();
    let new = client.terms(ServiceId(1), 2).await.unwrap();
    assert_eq!(
        (old.requests, old.fee, old.category),
        (100, tokens(10), Category::TransactionSecurity)
    );
    assert_eq!(
        (new.requests, new.fee, &new.description[..]),
        (200, tokens(12), "Screens more")
    );
    assert!(client.terms(ServiceId(1), 3).await.unwrap_err().is_not_found());

    let key = AccessKey(market.stage.operators.operators[0].public_key);
    let rotate = |nonce| RotateAccessKey {
        purchase,
        access_key: key,
        nonce,
    };
    market.send(&account(BUYER), rotate).await;
    let rotated = client.purchase(purchase).await.unwrap();
    assert_eq!(
        (rotated.record.access_key, rotated.current_access_key),
        (access_key(), key)
    );

    let share = |nonce| SetAutoStake {
        provider: ProviderId(1),
        share: Ppm(250_000),
        nonce,
    };
    market.send(&account(SELLER), share).await;
    let unbond = |nonce| Unbond {
        provider: ProviderId(1),
        amount: tokens(100),
        nonce,
    };
    market.send(&account(SELLER), unbond).await;
    let provider = client.provider(ProviderId(1)).await.unwrap();
    assert_eq!((provider.auto_stake, provider.active_services), (Ppm(250_000), 1));
    assert_eq!(
        (provider.unbonding.len(), provider.unbonding[0].amount),
        (1, tokens(100))
    );
    assert!(provider.unbonding[0].release_at.0 > now() && provider.obliged_until.is_some());
    assert_eq!((provider.status_since, provider.open_case), (None, None));
    assert!(provider.positive_evidence > Quantity(0) && provider.negative_evidence == Quantity(0));
    assert_eq!(client.totals().await.unwrap().unbonding, tokens(100));

    parameters(&market).await;
    operators(&market).await;
    outage(&market).await;
    market.operator.stop().await;
}

async fn parameters(market: &Market) {
    let told = market.operator.client().params().await.unwrap().params;
    assert_eq!(told.len(), Params::SPECS.len());
    let length = told.iter().find(|param| param.name == "epoch_length").unwrap();
    assert_eq!((length.value, length.default), (Quantity(3), Quantity(86_400)));
    assert_eq!((&length.unit[..], length.min), ("seconds", Quantity(1)));
    assert!(length.value < length.max && !length.reason.is_empty());
}

async fn operators(market: &Market) {
    let client = &market.operator.client();
    let (address, nobody) = (judge().address(), Address::repeat_byte(0xee));
    let operators = client.operators().await.unwrap();
    assert_eq!(
        (operators.total_stake, operators.operators.len()),
        (Quantity(100), 1)
    );
    assert_eq!(operators.operators[0].address, address);
    let paid = eventually("rewards", || async {
        let operator = client.operator(address).await.unwrap();
        Some(operator).filter(|operator| operator.owed > Amount::ZERO)
    })
    .await;
    assert_eq!((paid.commission, paid.weight), (Ppm(100_000), Quantity(0)));
    assert!(!paid.participation.missed_vote);
    assert!(client.operator(nobody).await.unwrap_err().is_not_found());
    assert!(client.investor(address, nobody).await.unwrap_err().is_not_found());

    let running = client.current_epoch().await.unwrap();
    assert!(running.number > 0);
    assert_eq!(running.ends_at.0, running.started_at.0 + 3);
    let ended = client.epoch(0).await.unwrap();
    assert_eq!(ended.paid.0 + ended.treasury.0, ended.pool.0);
    assert!(ended.ended_at.0 >= ended.started_at.0 + 3);
    assert!(
        client
            .epoch(running.number + 1_000)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

/// The operator, who has all the stake, finds the first service down.
async fn outage(market: &Market) {
    let client = &market.operator.client();
    let mut down = B256::ZERO;
    down[0] = 1;
    // The epoch may end on the way.
    eventually("a report in time", || async {
        let epoch = client.current_epoch().await.unwrap();
        let report = |nonce| ReportAvailability {
            epoch: epoch.number - 1,
            page: 0,
            down,
            nonce,
        };
        market.try_send(&judge(), report).await.ok()
    })
    .await;
    let provider = client.provider(ProviderId(1)).await.unwrap();
    assert!(provider.negative_evidence > Quantity(0));
    let service = client.service(ServiceId(1)).await.unwrap();
    let current = client.current_epoch().await.unwrap();
    assert!(
        service.outages == 1 || current.number > 2,
        "{service:?} in {current:?}"
    );
}
