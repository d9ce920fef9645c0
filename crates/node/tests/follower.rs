//! A follower of real operators, over real HTTP: it has what they have, believes nothing of it unproved, and goes on where it was.
#![allow(clippy::result_large_err, reason = "a test fails once")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "operator/http.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod http;
#[path = "operator/layer1.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod layer1;
#[path = "follower/liar.rs"]
mod liar;
#[allow(dead_code, reason = "other tests use the rest")]
mod operator;

use layer1::Layer1;
use liar::{LIES, Liar, Manner};
use operator::{
    INTERVAL, Running, Stage, access_key, account, eventually, free_addresses, now, sign, tokens,
};
use rampart_chain::Finality;
use rampart_client::follow::catch_up;
use rampart_client::{ClientError, OperatorChain, Start, verify_confirmation};
use rampart_ledger::Count;
use rampart_node::{FollowerConfig, Params};
use rampart_protocol::api::{EventFilter, Role, TransactionStatus};
use rampart_protocol::message::{Purchase, RegisterProvider, RegisterService, Withdraw};
use rampart_protocol::{
    Amount, B256, Category, Message, Nonce, ProviderId, PurchaseId, Seconds, ServiceId, SignedTransaction,
    Timestamp, TrustedOperators,
};
use serde_json::Value;
use std::net::TcpListener;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

const OPERATORS: u8 = 4;
/// Blocks of an epoch: as few as checkpoints permit.
const EPOCH: u64 = 2 * INTERVAL;
const SELLER: u8 = 4;
const BUYER: u8 = 6;
const WAIT: Option<Duration> = Some(Duration::from_secs(60));

/// One network at a time: two would take each other's ports and processors.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A network of four.
struct Network {
    // Stopped before the chain is.
    operators: Vec<Running>,
    stage: Stage,
    _alone: MutexGuard<'static, ()>,
}

impl Network {
    async fn start() -> Self {
        Self::with(Params::default(), None).await
    }

    /// With an L1 that tells stakes, perhaps.
    async fn with(params: Params, l1: Option<&Layer1>) -> Self {
        let alone = ALONE.lock().await;
        let mut stage = Stage::of(OPERATORS, params, EPOCH).await;
        if let Some(l1) = l1 {
            let configs = std::iter::once(&mut stage.config).chain(&mut stage.others);
            configs.for_each(|config| l1.tells(config, &l1.anvil.url));
        }
        let others = stage.others.iter().cloned().map(Running::spawn);
        let mut operators: Vec<Running> = others.collect();
        operators.insert(0, stage.start().await);
        Self {
            _alone: alone,
            operators,
            stage,
        }
    }

    fn urls(&self) -> Vec<String> {
        self.operators
            .iter()
            .map(|one| format!("http://{}", one.api))
            .collect()
    }

    /// A follower's configuration, in a folder of its own.
    fn follower(&self, name: &str, operators: Vec<String>) -> FollowerConfig {
        let [api_listen, metrics_listen, _] = free_addresses();
        FollowerConfig {
            state_dir: self.stage.folder.path().join(name),
            network_file: self.stage.config.network_file.clone(),
            operators,
            api_listen,
            metrics_listen: Some(metrics_listen),
            l2_rpc: Some(self.stage.anvil.url.clone().into()),
            l2_quorum: None,
            l2_finality: Finality::Finalized,
            poll_ms: 50,
            min_free_mib: 64,
            retain_blocks: None,
            telemetry: None,
            threads: 2,
            cache_pages: 1 << 10,
            index_cache: 1 << 12,
        }
    }

    async fn send<M: Into<Message>>(
        &self,
        to: &Running,
        n: u8,
        message: impl FnOnce(Nonce) -> M,
    ) -> SignedTransaction {
        let signer = account(n);
        let nonce = to.client().account(signer.address()).await.unwrap().nonce;
        let transaction = sign(&signer, message(nonce), self.stage.domain());
        let sent = to.client().submit(&transaction, WAIT).await.unwrap();
        assert_eq!(sent.status, TransactionStatus::Applied);
        transaction
    }

    /// Opens a shop.
    async fn open(&self) {
        let one = &self.operators[0];
        let funds = [SELLER, BUYER].map(|n| (account(n).address(), tokens(10_000)));
        self.stage.fund(one, &funds).await;
        let registration = |nonce| RegisterProvider {
            name: "Phishing watch".into(),
            endpoint: "https://watch.example".into(),
            stake: tokens(5_000),
            nonce,
        };
        self.send(one, SELLER, registration).await;
        let service = |nonce| RegisterService {
            provider: ProviderId(1),
            category: Category::General,
            description: "screens".into(),
            endpoint: "https://watch.example/v1".into(),
            openapi: B256::repeat_byte(7),
            fee: tokens(10),
            requests: 100,
            min_duration: Seconds(3_600),
            max_duration: Seconds(36_000),
            components: Vec::new(),
            upstream_key: Default::default(),
            nonce,
        };
        self.send(one, SELLER, service).await;
    }

    async fn buy(&self, to: &Running) -> PurchaseId {
        let domain = *self.stage.domain();
        let purchase = |nonce| Purchase {
            consumer: account(BUYER).address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: tokens(10),
            access_key: access_key(),
            expires_at: Timestamp(now() + 7_200),
            nonce,
        };
        let sent = self.send(to, BUYER, purchase).await;
        match sent.message {
            Message::Purchase(purchase) => purchase.id(&domain),
            other => panic!("{other:?}"),
        }
    }
}

/// Starts a follower and waits until it is as far as an operator.
async fn follow(config: &FollowerConfig, operator: &Running) -> Running {
    let follower = Running::following(config.clone());
    catches_up(&follower, operator).await;
    follower
}

/// Waits until one node is as far as another is now.
async fn catches_up(follower: &Running, operator: &Running) {
    let height = operator.client().status().await.unwrap().height;
    eventually("the follower's blocks", || async {
        assert!(!follower.has_ended(), "the follower ended");
        let status = follower.client().status().await.ok()?;
        (status.height >= height).then_some(())
    })
    .await;
}

/// Every read answers alike, word for word but for certificates: a quorum is of some operators here and of others there.
async fn same(follower: &Running, operator: &Running, paths: &[String]) {
    for path in paths {
        eventually(path, || async {
            let (one, other) = (
                http::get(follower.api, path).await,
                http::get(operator.api, path).await,
            );
            assert!([200, 404].contains(&other.status), "{path}: {other:?}");
            let alike = uncertified(one.body) == uncertified(other.body);
            (one.status == other.status && alike).then_some(())
        })
        .await;
    }
}

/// Every block that both have is the same.
async fn same_blocks(follower: &Running, operator: &Running) {
    let height = follower.client().status().await.unwrap().height;
    catches_up(operator, follower).await;
    for height in 1..=height {
        let one = follower.client().block(height).await.unwrap();
        let other = operator.client().block(height).await.unwrap();
        assert_eq!(
            (one.header, one.body),
            (other.header, other.body),
            "block {height}"
        );
    }
}

fn uncertified(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            fields.remove("finalization");
            fields.remove("descendants");
            fields
                .values_mut()
                .for_each(|field| *field = uncertified(field.take()));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| *one = uncertified(one.take())),
        _ => {}
    }
    answer
}

fn reads(purchases: &[PurchaseId]) -> Vec<String> {
    let (buyer, seller) = (account(BUYER).address(), account(SELLER).address());
    let mut paths: Vec<String> = [
        "/v1/totals",
        "/v1/params",
        "/v1/operator-set",
        "/v1/operator-sets?from=0",
        "/v1/operators",
        "/v1/services",
        "/v1/services?text=watch&sort=score",
        "/v1/services/1/versions/1",
        "/v1/providers/1",
        "/v1/providers/1/purchases",
        "/v1/providers/1/reviews",
        "/v1/epochs/current",
        "/v1/cases",
        "/v1/withdrawals/0",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend([
        format!("/v1/accounts/{buyer}"),
        format!("/v1/accounts/{seller}"),
        format!("/v1/purchases?consumer={buyer}"),
    ]);
    for id in purchases {
        paths.push(format!("/v1/purchases/{id}"));
        paths.push(format!("/v1/purchases/{id}/confirmation"));
    }
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_answers_as_operators_do_over_epochs_and_restarts() {
    let mut network = Network::start().await;
    network.open().await;
    let first = network.buy(&network.operators[0]).await;
    // One endpoint takes connections and never answers, which holds nothing up.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let urls = [network.urls(), vec![silent_url]].concat();
    let mut config = network.follower("follower", urls);
    let follower = follow(&config, &network.operators[0]).await;
    same(&follower, &network.operators[0], &reads(&[first])).await;

    // What it is, and what it is not.
    let status = follower.client().status().await.unwrap();
    assert_eq!(
        (status.role, status.seated, status.operator),
        (Role::Follower, false, None)
    );
    let services = http::get(follower.api, "/eigen/node/services").await;
    assert!(!services.body.to_string().contains("mempool"), "{services:?}");

    // A buyer that knows the follower only.
    let second = network.buy(&follower).await;
    let confirmation = follower.client().confirmation(second).await.unwrap();
    verify_confirmation(&confirmation, &network.stage.operators).unwrap();
    let bought = follower
        .client()
        .purchases_of(ProviderId(1), None, 10)
        .await
        .unwrap();
    assert_eq!(
        bought.purchases.len(),
        2,
        "what was told as final is read at once"
    );
    let withdraw = |nonce| Withdraw {
        recipient: account(BUYER).address(),
        amount: Amount(u128::MAX),
        nonce,
    };
    let nonce = follower
        .client()
        .account(account(BUYER).address())
        .await
        .unwrap()
        .nonce;
    let much = sign(&account(BUYER), withdraw(nonce), network.stage.domain());
    let refused = follower.client().submit(&much, WAIT).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { status: 422, error } if error.code.is_some()),
        "{refused:?}"
    );
    http::post(follower.api, "/v1/transactions", "{")
        .await
        .is_error(400, "malformed_json");
    let withdrawn = network
        .send(&follower, BUYER, |nonce| Withdraw {
            amount: tokens(3),
            ..withdraw(nonce)
        })
        .await;
    let told = follower.client().transaction(withdrawn.hash()).await.unwrap();
    assert_eq!(told.status, TransactionStatus::Applied);

    // An operator dies, the follower is stopped, the others go on into the next epochs.
    network.operators.pop().unwrap().stop().await;
    catches_up(&network.operators[1], &follower).await;
    follower.stop().await;
    let epoch = network.operators[0].client().status().await.unwrap().epoch;
    let third = network.buy(&network.operators[1]).await;
    eventually("two epochs more", || async {
        let status = network.operators[0].client().status().await.unwrap();
        (status.epoch >= epoch + 2).then_some(())
    })
    .await;
    let follower = follow(&config, &network.operators[0]).await;
    same(&follower, &network.operators[0], &reads(&[first, second, third])).await;
    for id in [first, third] {
        let confirmation = follower.client().confirmation(id).await.unwrap();
        verify_confirmation(&confirmation, &network.stage.operators).unwrap();
    }

    // The chain accepts a checkpoint: a withdrawal and an exit are proved by the follower as well.
    let exit = format!("/v1/accounts/{}/exit", account(BUYER).address());
    eventually("the proofs", || async {
        network.stage.anvil.mine(1).await;
        let (one, other) = (
            http::get(follower.api, &exit).await,
            http::get(network.operators[0].api, &exit).await,
        );
        let proved = follower.client().withdrawal(0).await.ok()?.certified;
        let same = |name: &str| one.body[name] == other.body[name];
        let alike = one.status == 200 && ["account", "amount", "proof", "checkpoint"].into_iter().all(same);
        (alike && proved).then_some(())
    })
    .await;

    // Blocks and events are the same from the first on.
    same_blocks(&follower, &network.operators[1]).await;
    let events = |client: rampart_client::NodeClient| async move {
        let mut events = client.events(EventFilter::default(), Start::Height(1));
        let mut told = Vec::new();
        while told.len() < 40 {
            told.push(events.next().await.unwrap());
        }
        told
    };
    assert_eq!(
        events(follower.client()).await,
        events(network.operators[0].client()).await
    );

    // A follower follows a follower, and nobody at all stops no reads.
    config.operators = vec![format!("http://{}", follower.api)];
    config.state_dir = network.stage.folder.path().join("second");
    [config.api_listen, _, _] = free_addresses();
    config.metrics_listen = None;
    let behind = follow(&config, &network.operators[0]).await;
    follower.stop().await;
    same(
        &behind,
        &network.operators[0],
        &reads(&[first, second, third])[3..4],
    )
    .await;
    let post = http::post(behind.api, "/v1/transactions", serde_json::to_vec(&much).unwrap()).await;
    post.is_error(503, "no_operator");
    behind.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_goes_on_when_other_operators_certify() {
    let l1 = Layer1::new().await;
    let params = Params {
        seats_min: Count(3),
        ..Params::default()
    };
    let mut network = Network::with(params, Some(&l1)).await;
    network.open().await;
    let first = network.buy(&network.operators[0]).await;
    let config = network.follower("follower", network.urls());
    let follower = follow(&config, &network.operators[0]).await;

    // One loses its stake, and with it the seat; another follower has not been there before.
    let left = network.stage.operators.operators[3].checkpoint_key;
    l1.tell_stake(left, 0).await;
    l1.anvil.mine(2).await;
    let (epoch, three) = eventually("a committee of three", || async {
        let trusted = TrustedOperators::new(0, network.stage.operators.clone());
        let mut chain = OperatorChain::new(&trusted).unwrap();
        catch_up(&mut chain, &follower.client()).await.unwrap();
        let newest = chain.newest().clone();
        (newest.operators.len() == 3).then_some((*chain.epochs().end(), newest))
    })
    .await;
    assert!(three.operators.iter().all(|seat| seat.checkpoint_key != left));
    eventually("its epoch", || async {
        let status = network.operators[0].client().status().await.unwrap();
        (status.epoch >= epoch).then_some(())
    })
    .await;
    network.operators.pop().unwrap().stop().await;
    let second = network.buy(&network.operators[1]).await;
    catches_up(&follower, &network.operators[0]).await;
    let late = follow(&network.follower("late", network.urls()), &network.operators[0]).await;
    for follower in [&follower, &late] {
        same(follower, &network.operators[0], &reads(&[first, second])).await;
        same_blocks(follower, &network.operators[0]).await;
        let confirmation = follower.client().confirmation(second).await.unwrap();
        assert!(confirmation.certified().unwrap().epoch >= epoch);
        verify_confirmation(&confirmation, &three).unwrap();
        assert!(verify_confirmation(&confirmation, &network.stage.operators).is_err());
    }
    follower.stop().await;
    late.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_lie_are_refused_each_in_its_own_way_and_nothing_of_it_stays() {
    let network = Network::start().await;
    network.operators[0].advances().await;
    let mut liars = Vec::new();
    for lie in LIES {
        liars.push(Liar::start(&network.stage, lie).await);
    }
    let urls = |liars: &[Liar]| liars.iter().map(|liar| liar.url.clone()).collect::<Vec<_>>();
    let config = network.follower("deceived", urls(&liars));
    let follower = Running::following(config.clone());
    eventually("every lie", || async {
        liars.iter().all(|liar| liar.told() > 0).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = follower.client().status().await.unwrap();
    assert_eq!(status.height, 0, "nothing was taken");
    assert!(follower.client().block(1).await.unwrap_err().is_not_found());
    // They are asked seldom from now on.
    let told: usize = liars.iter().map(Liar::told).sum();
    assert!(told < 8 * LIES.len(), "{told} blocks were asked for");

    // An honest endpoint among liars is enough, and what is stored is right: the follower goes on from it.
    follower.stop().await;
    let honest = Liar::start(&network.stage, Manner::Honest).await;
    let config = FollowerConfig {
        operators: [urls(&liars), vec![honest.url.clone()]].concat(),
        ..config
    };
    let follower = follow(&config, &network.operators[0]).await;
    same(
        &follower,
        &network.operators[0],
        &["/v1/operator-sets?from=0".to_owned()],
    )
    .await;

    // Liars may repent.
    follower.stop().await;
    liars.iter().for_each(Liar::repents);
    let config = FollowerConfig {
        operators: urls(&liars),
        ..config
    };
    let follower = follow(&config, &network.operators[0]).await;
    same_blocks(&follower, &network.operators[1]).await;
    follower.stop().await;
}
