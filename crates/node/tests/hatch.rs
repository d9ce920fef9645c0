//! What operators cannot keep from an account (X2): a message forced in through the L2 is executed by real operators, and
//! when they stop for good, everyone leaves with exactly what is due, by what was kept of their answers. What an operator
//! does about a hatch that opens.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "operator/http.rs"]
mod http;
mod operator;

use operator::node::funded;
use operator::{HATCH, INTERVAL, Running, Stage, account, eventually, sign, tokens};
use rampart_client::{ClientError, verify_archive, verify_proof, verify_roots, verify_signatures};
use rampart_protocol::api::TransactionStatus;
use rampart_protocol::message::Transfer;
use rampart_protocol::{Address, Amount, ExitArchive, Message, Nonce, ProvableExits};
use std::path::PathBuf;
use std::time::Duration;

/// Waits until a checkpoint on the chain gives an account so much, and the operator tells so.
async fn gives(running: &Running, account: Address, amount: Amount) {
    eventually("a checkpoint of it", || async {
        let exit = running.client().exit(account).await.ok()?;
        verify_proof(&exit).unwrap();
        (exit.amount == amount).then_some(())
    })
    .await;
}

/// What somebody keeps who fetches the archive now: bytes.
async fn kept(stage: &Stage, running: &Running) -> Vec<u8> {
    let archive = running.client().exits().await.unwrap();
    verify_signatures(&archive.checkpoint, &archive.signatures, &stage.operators).unwrap();
    archive.to_bytes()
}

fn provable(stage: &Stage, bytes: &[u8]) -> ProvableExits {
    let archive = ExitArchive::from_bytes(bytes.to_vec().into()).unwrap();
    verify_archive(archive, &stage.operators).unwrap()
}

fn transfer_to(recipient: Address, amount: Amount) -> Transfer {
    Transfer {
        recipient,
        amount,
        nonce: Nonce(0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_transfer_is_executed_and_when_the_operators_stop_everyone_leaves_with_what_is_due() {
    let stage = Stage::new().await;
    let running = stage.start().await;
    // The forcer's account on the L2 is its account in the ledger.
    let (ann, bob) = (funded(2).address(), account(1).address());
    let (ann_funds, bob_funds) = (tokens(100), tokens(50));
    stage.fund(&running, &[(ann, ann_funds), (bob, bob_funds)]).await;

    let forcer = stage.settlement(2);
    let transfer = |amount| {
        Message::from(Transfer {
            recipient: bob,
            amount,
            nonce: Nonce(0),
        })
        .to_bytes()
    };
    let messages = [
        b"noise".to_vec(),
        transfer(tokens(30)),
        transfer(tokens(1_000)),
        transfer(tokens(5)),
    ];
    for (index, message) in (2u64..).zip(messages) {
        assert_eq!(forcer.force(message.into()).await.unwrap().index, index);
    }
    stage.anvil.mine(2).await;
    eventually("the inbox to be consumed", || async {
        let status = running.client().status().await.unwrap();
        (status.inbox_count == 6).then_some(())
    })
    .await;
    // What is no message, and what ann cannot pay, was consumed without effect; it held nothing up.
    let due = [
        // The operator has an account from the start, which is the first.
        (funded(1).address(), Amount::ZERO),
        (ann, tokens(65)),
        (bob, tokens(85)),
    ];
    for (account, amount) in due {
        let view = running.client().account(account).await.unwrap();
        assert_eq!(view.balance, amount);
    }
    assert_eq!(running.client().account(ann).await.unwrap().nonce, Nonce(2));
    gives(&running, bob, tokens(85)).await;
    let bytes = kept(&stage, &running).await;
    running.stop().await;

    // Nobody consumes this one.
    let late = tokens(9);
    stage.settlement(0).deposit(bob, late).await.unwrap();
    assert!(forcer.freeze().await.is_err());
    stage.anvil.pass(HATCH.exit_delay.0).await;
    forcer.freeze().await.unwrap();

    let exits = provable(&stage, &bytes);
    assert_eq!(exits.archive().exits().collect::<Vec<_>>(), due);
    for (account, amount) in due {
        let exit = exits.of(account).unwrap();
        assert!(exit.is_under(&forcer.roots().await.unwrap()));
        forcer.exit(account, exit.amount, exit.proof).await.unwrap();
        assert_eq!(forcer.token_balance(account).await.unwrap(), amount);
    }
    forcer.recover_deposit(6, bob, late).await.unwrap();
    let held = forcer.token_balance(stage.contracts.settlement).await.unwrap();
    assert_eq!(held, Amount::ZERO);
    assert_eq!(forcer.accepted_height().await.unwrap() % INTERVAL, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_outlive_a_restart_and_the_chain_and_damaged_ones_are_not_told() {
    let mut stage = Stage::new().await;
    let running = stage.start().await;
    let (ann, bob) = (account(1).address(), account(2).address());
    stage.fund(&running, &[(ann, tokens(7)), (bob, tokens(5))]).await;
    gives(&running, bob, tokens(5)).await;
    let exit = running.client().exit(ann).await.unwrap();
    assert_eq!((exit.account, exit.amount), (ann, tokens(7)));
    verify_signatures(&exit.checkpoint, &exit.signatures, &stage.operators).unwrap();
    let nobody = running.client().exit(Address::repeat_byte(9)).await.unwrap_err();
    assert!(nobody.is_not_found(), "{nobody}");
    assert!(nobody.to_string().contains("knows no account"), "{nobody}");
    running.stop().await;
    let roots = stage.settlement(2).roots().await.unwrap();

    // The chain is gone as well, so that nothing but the disk can tell.
    stage.anvil.kill();
    let running = stage.start().await;
    let exit = running.client().exit(ann).await.unwrap();
    assert_eq!(exit.amount, tokens(7));
    verify_proof(&exit).unwrap();
    verify_roots(&exit.checkpoint, &roots).unwrap();
    verify_signatures(&exit.checkpoint, &exit.signatures, &stage.operators).unwrap();
    let bytes = kept(&stage, &running).await;
    assert_eq!(provable(&stage, &bytes).of(bob).unwrap().amount, tokens(5));
    running.stop().await;

    let file = file_of(&stage, exit.checkpoint.height);
    let sound = std::fs::read(&file).unwrap();
    let mut forged = sound.clone();
    let last = sound.len() - 120;
    forged[last] ^= 1;
    std::fs::write(&file, forged).unwrap();
    let running = stage.start().await;
    refused(&running, ann, "damaged_exits").await;
    running.stop().await;
    std::fs::remove_file(&file).unwrap();
    let running = stage.start().await;
    refused(&running, ann, "unknown_exits").await;
    running.stop().await;
}

fn file_of(stage: &Stage, height: u64) -> PathBuf {
    stage.config.state_dir.join(format!("exits/{height:020}.exits"))
}

async fn refused(running: &Running, account: Address, name: &str) {
    for path in [format!("/v1/accounts/{account}/exit"), "/v1/exits".to_owned()] {
        let answer = http::get(running.api, &path).await;
        answer.is_error(503, name);
        assert!(answer.message().contains("ask another"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_tells_of_messages_that_wait_and_takes_nothing_once_the_settlement_is_frozen() {
    let stage = Stage::new().await;
    let running = stage.start().await;
    let (ann, bob) = (account(1), account(2).address());
    stage
        .fund(&running, &[(ann.address(), tokens(7)), (bob, tokens(5))])
        .await;
    let status = running.client().status().await.unwrap();
    assert_eq!((status.frozen, status.oldest_forced), (false, None));
    waits_and_is_consumed(&stage, &running).await;
    let pay = sign(&ann, transfer_to(bob, tokens(1)), stage.domain());
    let wait = Some(Duration::from_secs(60));
    let paid = running.client().submit(&pay, wait).await.unwrap();
    assert_eq!(paid.status, TransactionStatus::Applied);
    gives(&running, bob, tokens(6)).await;

    let settlement = stage.settlement(2);
    eventually("a moment without a checkpoint", || async {
        stage.anvil.pass(HATCH.exit_delay.0).await;
        settlement.freeze().await.ok()
    })
    .await;
    let frozen = || async { Some(running.client().status().await.unwrap()).filter(|status| status.frozen) };
    let status = eventually("the operator to notice", frozen).await;
    let last = settlement.accepted_height().await.unwrap();
    let again = transfer_to(bob, tokens(1));
    let again = Transfer {
        nonce: Nonce(1),
        ..again
    };
    let refused = running
        .client()
        .submit(&sign(&ann, again, stage.domain()), None)
        .await;
    match refused.unwrap_err() {
        ClientError::Refused { status, error } => {
            assert_eq!((status, error.name.as_str()), (410, "settlement_frozen"));
            assert!(
                error
                    .message
                    .contains("nothing that the ledger still does is ever paid out")
            );
        }
        other => panic!("{other}"),
    }
    // What was applied before is still told, and blocks still made.
    let known = running.client().submit(&pay, None).await.unwrap();
    assert_eq!(known.status, TransactionStatus::Applied);
    eventually("later blocks than the next checkpoint's", || async {
        let now = running.client().status().await.unwrap();
        (now.height > status.height + 2 * INTERVAL).then_some(())
    })
    .await;
    let files = std::fs::read_dir(stage.config.state_dir.join("exits"))
        .unwrap()
        .count();
    assert!(files < 12, "{files} files of exits though nothing more is signed");
    assert_eq!(settlement.accepted_height().await.unwrap(), last);
    // It still serves whoever leaves.
    for (account, amount) in [(ann.address(), tokens(6)), (bob, tokens(6))] {
        let exit = running.client().exit(account).await.unwrap();
        assert_eq!((exit.amount, exit.checkpoint.height), (amount, last));
        settlement.exit(account, exit.amount, exit.proof).await.unwrap();
        assert_eq!(settlement.token_balance(account).await.unwrap(), amount);
    }
    running.stop().await;
}

/// A forced message that no checkpoint can consume, since no block is mined but when the test says so.
async fn waits_and_is_consumed(stage: &Stage, running: &Running) {
    let oldest = || async { running.client().status().await.unwrap().oldest_forced };
    stage.anvil.set_automine(false).await;
    let forcer = stage.settlement(2);
    let forced = tokio::spawn(async move { forcer.force(b"late".to_vec().into()).await });
    while !forced.is_finished() {
        stage.anvil.mine(1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let index = forced.await.unwrap().unwrap().index;
    let waiting = eventually("the message to be seen", oldest).await;
    assert_eq!(waiting.index, index);
    let delay = waiting.freezable_at.0 - waiting.forced_at.0;
    assert_eq!(delay, HATCH.force_delay.0);
    stage.anvil.set_automine(true).await;
    stage.anvil.mine(3).await;
    eventually("a checkpoint that consumes it", || async {
        oldest().await.is_none().then_some(())
    })
    .await;
}
