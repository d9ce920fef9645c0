//! The life of an operator: deposits are credited, a purchase is confirmed for anyone to verify, a restart changes
//! nothing, checkpoints reach the chain, and what is withdrawn is paid there.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod operator;

use alloy::signers::local::PrivateKeySigner;
use operator::{CHAIN, INTERVAL, Running, Stage, access_key, account, eventually, now, sign, tokens};
use rampart_chain::bindings::SettlementContract::SettlementContractErrors as Contract;
use rampart_chain::{ChainError, Refusal};
use rampart_client::verify_confirmation;
use rampart_node::backup::{self, BackupError};
use rampart_node::{KeyError, Keys, NodeConfig, NodeError};
use rampart_protocol::api::{TransactionStatus, TransactionView, WithdrawalView};
use rampart_protocol::message::{Purchase, RegisterProvider, RegisterService, Withdraw};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Confirmation, Message, Nonce, ProviderId, PurchaseId,
    Seconds, ServiceId, Timestamp, merkle,
};
use std::net::TcpListener;
use std::time::Duration;

const CONSUMER: u8 = 1;
const OWNER: u8 = 2;

fn address(n: u8) -> Address {
    account(n).address()
}

async fn submit(stage: &Stage, running: &Running, n: u8, message: impl Into<Message>) -> TransactionView {
    let signer: PrivateKeySigner = account(n);
    let transaction = sign(&signer, message, stage.domain());
    let wait = Some(Duration::from_secs(60));
    let view = running.client().submit(&transaction, wait).await.unwrap();
    assert_eq!(view.status, TransactionStatus::Applied);
    view
}

async fn nonce(running: &Running, n: u8) -> Nonce {
    running.client().account(address(n)).await.unwrap().nonce
}

/// A provider, a service, and a purchase of it.
async fn trade(stage: &Stage, running: &Running) -> PurchaseId {
    let registration = RegisterProvider {
        name: "Watch".into(),
        endpoint: "https://watch.example".into(),
        stake: tokens(2_000),
        nonce: Nonce(0),
    };
    submit(stage, running, OWNER, registration).await;
    let service = RegisterService {
        provider: ProviderId(1),
        category: Category::TransactionSecurity,
        description: "Screens transactions".into(),
        requests: 100,
        fee: tokens(10),
        components: Vec::new(),
        upstream_key: AccessKey::default(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        min_duration: Seconds(3_600),
        max_duration: Seconds(86_400),
        nonce: Nonce(1),
    };
    submit(stage, running, OWNER, service).await;
    let service = running.client().service(ServiceId(1)).await.unwrap();
    assert_eq!(
        (service.fee, service.requests, service.active),
        (tokens(10), 100, true)
    );
    let purchase = Purchase {
        consumer: address(CONSUMER),
        provider: service.provider,
        service: service.id,
        version: service.version,
        fee: service.fee,
        access_key: access_key(),
        expires_at: Timestamp(now() + 7_200),
        nonce: nonce(running, CONSUMER).await,
    };
    let id = purchase.id(stage.domain());
    submit(stage, running, CONSUMER, purchase).await;
    id
}

async fn confirmed(stage: &Stage, running: &Running, id: PurchaseId) -> Confirmation {
    let confirmation = running.client().confirmation(id).await.unwrap();
    verify_confirmation(&confirmation, &stage.operators).unwrap();
    assert_eq!(confirmation.record.id, id);
    confirmation
}

/// Has a withdrawal made, and waits until a checkpoint on the chain certifies it.
async fn certified(stage: &Stage, running: &Running, index: u64, amount: Amount) -> WithdrawalView {
    let withdrawal = Withdraw {
        recipient: Address::repeat_byte(0xcc),
        amount,
        nonce: nonce(running, CONSUMER).await,
    };
    let applied = submit(stage, running, CONSUMER, withdrawal).await;
    let view = eventually("the withdrawal to be certified", || async {
        Some(running.client().withdrawal(index).await.unwrap()).filter(|view| view.certified)
    })
    .await;
    let settlement = stage.settlement(2);
    assert!(settlement.accepted_height().await.unwrap() >= applied.height.unwrap());
    assert_eq!(
        (view.recipient, view.amount),
        (Address::repeat_byte(0xcc), amount)
    );
    let leaf = merkle::withdrawal_leaf(index, view.recipient, view.amount);
    assert!(merkle::verify(view.root, leaf, &view.proof));
    view
}

/// Has a certified withdrawal paid. Its proof is for the checkpoint that was the latest when it was asked for, and a
/// newer one may have come.
async fn pay(stage: &Stage, running: &Running, index: u64) {
    let settlement = stage.settlement(2);
    eventually("the withdrawal to be paid", || async {
        let view = running.client().withdrawal(index).await.unwrap();
        match settlement
            .withdraw(index, view.recipient, view.amount, view.proof)
            .await
        {
            Ok(_) => Some(()),
            Err(ChainError::Refused(refusal)) => {
                let newer = matches!(
                    *refusal,
                    Refusal::Settlement(Contract::InvalidProof(_) | Contract::StaleRoots(_))
                );
                assert!(newer, "{refusal}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    })
    .await;
}

/// Every unit deposited is somewhere.
async fn reconcile(running: &Running) {
    let totals = running.client().totals().await.unwrap();
    let held = [
        totals.balances,
        totals.deposits,
        totals.escrow,
        totals.stakes,
        totals.unbonding,
        totals.bonds,
        totals.compensation,
        totals.pool,
        totals.rewards,
        totals.treasury,
    ];
    let held: u128 = held.iter().map(|amount| amount.0).sum();
    assert_eq!(held + totals.withdrawn.0, totals.deposited.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_deposit_over_a_restart_to_a_payment_on_the_chain() {
    let mut stage = Stage::new().await;
    let running = stage.start().await;
    let deposits = [(address(CONSUMER), tokens(500)), (address(OWNER), tokens(3_000))];
    stage.fund(&running, &deposits).await;
    let id = trade(&stage, &running).await;

    let confirmation = confirmed(&stage, &running, id).await;
    let mut forged = confirmation.clone();
    forged.record.requests += 1;
    assert!(verify_confirmation(&forged, &stage.operators).is_err());
    let mut forged = confirmation.clone();
    forged.header.state_root = B256::ZERO;
    assert!(verify_confirmation(&forged, &stage.operators).is_err());
    let listed = running
        .client()
        .purchases_of(ProviderId(1), None, 10)
        .await
        .unwrap();
    assert_eq!(listed.purchases.len(), 1);
    assert_eq!(listed.purchases[0].record, confirmation.record);

    certified(&stage, &running, 0, tokens(40)).await;
    pay(&stage, &running, 0).await;
    let settlement = stage.settlement(2);
    assert_eq!(
        settlement
            .token_balance(Address::repeat_byte(0xcc))
            .await
            .unwrap(),
        tokens(40)
    );
    let view = running.client().withdrawal(0).await.unwrap();
    let again = settlement
        .withdraw(0, view.recipient, view.amount, view.proof)
        .await
        .unwrap_err();
    assert_eq!(
        again.to_string(),
        "the contract refused: withdrawal 0 was paid already"
    );
    reconcile(&running).await;

    let before = Seen::of(&running, id).await;
    running.stop().await;
    let running = stage.start().await;
    let after = Seen::of(&running, id).await;
    assert_eq!(after.accounts, before.accounts);
    assert_eq!(after.purchase, before.purchase);
    assert_eq!(
        after.confirmation, before.confirmation,
        "the same block with the same state root"
    );
    assert_eq!(after.withdrawals, before.withdrawals);
    assert!(
        after.height >= before.height,
        "{} after {}",
        after.height,
        before.height
    );
    verify_confirmation(&after.confirmation, &stage.operators).unwrap();
    // The inbox is read again from its start, and nothing is credited twice.
    running.advances().await;
    assert_eq!(running.client().status().await.unwrap().inbox_count, 2);
    assert_eq!(Seen::of(&running, id).await.accounts, before.accounts);

    // It goes on: credits, certifies, pays.
    stage.fund(&running, &[(address(CONSUMER), tokens(1))]).await;
    let accepted = settlement.accepted_height().await.unwrap();
    certified(&stage, &running, 1, tokens(7)).await;
    assert!(settlement.accepted_height().await.unwrap() > accepted);
    assert_eq!(settlement.accepted_height().await.unwrap() % INTERVAL, 0);
    pay(&stage, &running, 1).await;
    assert_eq!(
        settlement
            .token_balance(Address::repeat_byte(0xcc))
            .await
            .unwrap(),
        tokens(47)
    );
    reconcile(&running).await;

    // Without the chain nothing new is credited, and everything else goes on.
    stage.anvil.kill();
    running.advances().await;
    let withdrawal = Withdraw {
        recipient: address(CONSUMER),
        amount: tokens(1),
        nonce: nonce(&running, CONSUMER).await,
    };
    submit(&stage, &running, CONSUMER, withdrawal).await;
    running.stop().await;
}

/// What clients see.
#[derive(Debug)]
struct Seen {
    height: u64,
    accounts: Vec<String>,
    purchase: String,
    confirmation: Confirmation,
    withdrawals: usize,
}

impl Seen {
    async fn of(running: &Running, id: PurchaseId) -> Self {
        let client = &running.client();
        let mut accounts = Vec::new();
        for n in [CONSUMER, OWNER] {
            accounts.push(format!("{:?}", client.account(address(n)).await.unwrap()));
        }
        Self {
            height: client.status().await.unwrap().height,
            accounts,
            purchase: format!("{:?}", client.purchase(id).await.unwrap()),
            confirmation: client.confirmation(id).await.unwrap(),
            withdrawals: client
                .withdrawals_of(Address::repeat_byte(0xcc))
                .await
                .unwrap()
                .len(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_its_chain_makes_blocks_and_waits() {
    let mut stage = Stage::new().await;
    stage.anvil.kill();
    let running = stage.start().await;
    running.advances().await;
    let status = running.client().status().await.unwrap();
    assert_eq!((status.inbox_count, status.checkpoint_height), (0, 0));
    // It has signed, and has a quorum, but nowhere to take it.
    let checkpoint = eventually("a checkpoint", || async {
        running.client().latest_checkpoint().await.ok()
    })
    .await;
    assert!(checkpoint.quorum && !checkpoint.accepted);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why_and_a_running_operator_is_not_disturbed() {
    let stage = Stage::new().await;
    let running = stage.start().await;
    let fails = |config: NodeConfig| async {
        let mut second = Running::spawn(config);
        let ended = tokio::task::spawn_blocking(move || second.join());
        let ended = tokio::time::timeout(Duration::from_secs(60), ended)
            .await
            .unwrap()
            .unwrap();
        ended.unwrap_err()
    };
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let same_directory = NodeConfig {
        listen: free(),
        api_listen: free(),
        metrics_listen: None,
        ..stage.config.clone()
    };
    let error = fails(same_directory).await;
    assert!(matches!(error, NodeError::Busy { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(stage.config.state_dir.to_str().unwrap()),
        "{error}"
    );

    let folder = tempfile::TempDir::new().unwrap();
    let same_port = NodeConfig {
        listen: free(),
        state_dir: folder.path().join("state"),
        ..stage.config.clone()
    };
    let error = fails(same_port).await;
    assert!(matches!(error, NodeError::Listen { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&stage.config.api_listen.to_string()),
        "{error}"
    );

    let path = folder.path().join("password");
    std::fs::write(&path, "wrong").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let wrong_password = NodeConfig {
        checkpoint_password_file: Some(path),
        ..stage.config.clone()
    };
    let error = Keys::from_files(&wrong_password).unwrap_err();
    assert!(matches!(error, KeyError::Keystore { .. }), "{error:?}");
    assert!(error.to_string().contains("checkpoint.json"), "{error}");
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");

    let other_network = NodeConfig {
        listen: free(),
        api_listen: free(),
        metrics_listen: None,
        network_file: other_network(&stage, folder.path()),
        ..stage.config.clone()
    };
    running.advances().await;
    running.stop().await;
    let error = fails(other_network).await;
    assert!(error.to_string().contains("another network"), "{error}");
}

/// The same operators on another chain.
fn other_network(stage: &Stage, folder: &std::path::Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(&stage.config.network_file).unwrap();
    let changed = text.replace(
        &format!("\"chainId\":{CHAIN}"),
        &format!("\"chainId\":{}", CHAIN + 1),
    );
    assert_ne!(text, changed);
    let path = folder.join("network.json");
    std::fs::write(&path, changed).unwrap();
    path
}

/// A record of votes cannot come from a copy: whoever votes after an older one may contradict itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_state_keeps_what_was_sealed_and_never_votes_with_the_old_key() {
    let stage = Stage::new().await;
    let running = stage.start().await;
    let folder = tempfile::tempdir().unwrap();
    let (state, copy) = (&stage.config.state_dir, folder.path().join("copy"));
    let refused = backup::backup(state, &copy).unwrap_err();
    assert!(matches!(refused, BackupError::Busy(_)), "{refused}");
    eventually("a checkpoint's exits", || async {
        let exits = std::fs::read_dir(state.join("exits")).unwrap();
        (exits.count() > 0).then_some(())
    })
    .await;
    running.stop().await;

    let exits = |of: &std::path::Path| {
        let entries = std::fs::read_dir(of.join("exits")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    backup::backup(state, &copy).unwrap();
    let kept = exits(state);
    std::fs::remove_dir_all(state).unwrap();
    let lost = Keys::from_files(&stage.config).unwrap().consensus_key();
    backup::restore(&copy, state, lost).unwrap();
    assert_eq!(exits(state), kept);
    assert!(!state.join("engine").exists());

    let ended = Running::spawn(stage.config.clone()).join();
    assert!(
        matches!(ended, Err(NodeError::Retired(key)) if key == lost),
        "{ended:?}"
    );
    assert!(!state.join("engine").exists(), "it voted nowhere");
}
