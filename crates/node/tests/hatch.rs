//! What operators cannot keep from an account (X2): a message forced in through the L2 is executed by real operators, and
//! when they stop for good, everyone leaves with exactly what is due.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod operator;

use operator::node::funded;
use operator::{HATCH, INTERVAL, Stage, account, eventually, tokens};
use rampart_protocol::message::Transfer;
use rampart_protocol::{Amount, Message, Nonce, merkle};

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
    let height = eventually("the inbox to be consumed", || async {
        let status = running.client().status().await.unwrap();
        (status.inbox_count == 6).then_some(status.height)
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
    eventually("a checkpoint of it", || async {
        let accepted = forcer.accepted_height().await.unwrap();
        (accepted >= height).then_some(())
    })
    .await;
    running.stop().await;

    // Nobody consumes this one.
    let late = tokens(9);
    stage.settlement(0).deposit(bob, late).await.unwrap();
    assert!(forcer.freeze().await.is_err());
    stage.anvil.pass(HATCH.exit_delay.0).await;
    forcer.freeze().await.unwrap();

    let leaves = due.map(|(account, amount)| merkle::exit_leaf(account, amount));
    assert_eq!(forcer.roots().await.unwrap().exit_root, merkle::root(&leaves));
    for (index, (account, amount)) in due.into_iter().enumerate() {
        let proof = merkle::proof(&leaves, index).unwrap();
        forcer.exit(account, amount, proof).await.unwrap();
        assert_eq!(forcer.token_balance(account).await.unwrap(), amount);
    }
    forcer.recover_deposit(6, bob, late).await.unwrap();
    let held = forcer.token_balance(stage.contracts.settlement).await.unwrap();
    assert_eq!(held, Amount::ZERO);
    assert_eq!(forcer.accepted_height().await.unwrap() % INTERVAL, 0);
}
