//! The settlement's escape hatch (X2) and the roots that who is paid brings along, on a real EVM node with the real
//! contracts.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/world.rs"]
mod world;

use alloy::primitives::{Address, B256, Bytes};
use rampart_chain::Refusal;
use rampart_chain::bindings::SettlementContract::SettlementContractErrors as Contract;
use rampart_chain::events::MAX_RANGE;
use rampart_protocol::{Amount, Checkpoint, Roots, merkle};
use std::time::Duration;
use world::{HATCH, World, refusal};

/// Two accounts' exits under a checkpoint: their leaves, and who gets how much.
fn exits() -> (Vec<B256>, [(Address, Amount); 2]) {
    let exits = [
        (Address::repeat_byte(0xe1), Amount(300)),
        (Address::repeat_byte(0xe2), Amount(450)),
    ];
    let leaves = exits.map(|(account, amount)| merkle::exit_leaf(account, amount));
    (leaves.to_vec(), exits)
}

#[tokio::test]
async fn when_the_operators_are_silent_everyone_leaves_with_what_was_certified_last() {
    let world = World::start().await;
    let (settlement, anyone) = (world.settlement(0), world.settlement(2));
    let (depositor, late) = (Address::repeat_byte(1), Address::repeat_byte(2));
    settlement.deposit(depositor, Amount(1_000)).await.unwrap();
    settlement.deposit(late, Amount(77)).await.unwrap();
    let ((leaves, exits), withdrawn) = (exits(), Address::repeat_byte(0xa1));
    let withdrawal = merkle::withdrawal_leaf(0, withdrawn, Amount(250));
    let checkpoint = Checkpoint {
        withdrawals_root: withdrawal,
        exit_root: merkle::root(&leaves),
        inbox_count: 1,
        ..world.checkpoint(10)
    };
    let all = [0, 1, 2, 3];
    world
        .submit(&world.settlement(1), checkpoint, &all)
        .await
        .unwrap();

    let proof = |index: usize| merkle::proof(&leaves, index).unwrap();
    let exit = |index: usize| anyone.exit(exits[index].0, exits[index].1, proof(index));
    assert!(matches!(
        refusal(exit(0).await),
        Refusal::Settlement(Contract::NotFrozen(_))
    ));
    assert!(matches!(
        refusal(anyone.freeze().await),
        Refusal::Settlement(Contract::CheckpointNotOverdue(_))
    ));
    world.anvil.pass(HATCH.exit_delay.0).await;
    anyone.freeze().await.unwrap();
    assert!(anyone.is_frozen().await.unwrap());

    let frozen = |reason| assert!(matches!(reason, Refusal::Settlement(Contract::AlreadyFrozen(_))));
    frozen(refusal(anyone.freeze().await));
    frozen(refusal(settlement.deposit(depositor, Amount(1)).await));
    frozen(refusal(anyone.force(Bytes::new()).await));
    frozen(refusal(
        world
            .submit(&world.settlement(1), world.checkpoint(20), &all)
            .await,
    ));

    let wrong = refusal(anyone.exit(exits[0].0, Amount(301), proof(0)).await);
    assert!(matches!(
        wrong,
        Refusal::Settlement(Contract::InvalidExitProof(_))
    ));
    for (index, (account, amount)) in exits.into_iter().enumerate() {
        assert!(!anyone.has_exited(account).await.unwrap());
        exit(index).await.unwrap();
        assert!(anyone.has_exited(account).await.unwrap());
        assert_eq!(anyone.token_balance(account).await.unwrap(), amount);
        let again = refusal(exit(index).await);
        assert_eq!(
            again.to_string(),
            format!("the exit of {account} was paid already")
        );
    }
    let consumed = refusal(anyone.recover_deposit(0, depositor, Amount(1_000)).await);
    assert_eq!(
        consumed.to_string(),
        "the ledger has consumed entry 0 of the inbox: it consumed 1 entries"
    );
    anyone.recover_deposit(1, late, Amount(77)).await.unwrap();
    let again = refusal(anyone.recover_deposit(1, late, Amount(77)).await);
    assert!(matches!(again, Refusal::Settlement(Contract::UnknownDeposit(_))));
    anyone
        .withdraw(0, withdrawn, Amount(250), Vec::new())
        .await
        .unwrap();
    // 1,000 and 77 came in; 300, 450, 250 and 77 went out.
    let left = anyone.token_balance(world.contracts.settlement).await.unwrap();
    assert_eq!(left, Amount::ZERO);
}

#[tokio::test]
async fn a_forced_message_that_is_left_waiting_opens_the_hatch() {
    let world = World::start().await;
    let (settlement, forcer) = (world.settlement(0), world.settlement(2));
    settlement
        .deposit(Address::repeat_byte(1), Amount(5))
        .await
        .unwrap();
    let ignored = forcer.force(Bytes::from_static(b"hello")).await.unwrap().index;
    let deposit = refusal(forcer.freeze_over_ignored(0).await);
    assert_eq!(deposit.to_string(), "entry 0 of the inbox is no forced message");
    let early = refusal(forcer.freeze_over_ignored(ignored).await);
    assert!(matches!(
        early,
        Refusal::Settlement(Contract::MessageNotOverdue(_))
    ));
    world.anvil.pass(HATCH.force_delay.0).await;
    let before = Checkpoint {
        inbox_count: ignored,
        ..world.checkpoint(10)
    };
    let all = [0, 1, 2, 3];
    world.submit(&world.settlement(1), before, &all).await.unwrap();
    forcer.freeze_over_ignored(ignored).await.unwrap();
    assert!(forcer.is_frozen().await.unwrap());
}

#[tokio::test]
async fn a_forced_message_that_was_consumed_opens_nothing() {
    let world = World::start().await;
    let forcer = world.settlement(2);
    let consumed = forcer.force(Bytes::from_static(b"hello")).await.unwrap().index;
    world.anvil.pass(HATCH.force_delay.0).await;
    let checkpoint = Checkpoint {
        inbox_count: 1,
        ..world.checkpoint(10)
    };
    let all = [0, 1, 2, 3];
    world
        .submit(&world.settlement(1), checkpoint, &all)
        .await
        .unwrap();
    let reason = refusal(forcer.freeze_over_ignored(consumed).await);
    assert!(matches!(
        reason,
        Refusal::Settlement(Contract::AlreadyConsumed(_))
    ));
    assert!(!forcer.is_frozen().await.unwrap());
}

#[tokio::test]
async fn the_roots_of_the_latest_checkpoint_are_found_however_old_it_is() {
    let world = World::start().await;
    let (settlement, submitter) = (world.settlement(0), world.settlement(1));
    assert_eq!(settlement.roots().await.unwrap(), Roots::default());
    world.anvil.mine(300).await;
    let all = [0, 1, 2, 3];
    for height in [10, 20, 30] {
        let checkpoint = Checkpoint {
            exit_root: B256::repeat_byte(7),
            state_root: B256::with_last_byte(u8::try_from(height).unwrap()),
            ..world.checkpoint(height)
        };
        world.submit(&submitter, checkpoint, &all).await.unwrap();
        assert_eq!(settlement.roots().await.unwrap(), checkpoint.roots());
        world.anvil.mine(MAX_RANGE + 100).await;
        assert_eq!(settlement.roots().await.unwrap(), checkpoint.roots());
    }
}

#[tokio::test]
async fn a_payment_that_a_checkpoint_overtakes_is_tried_again_with_the_new_roots() {
    let world = World::start().await;
    let (settlement, submitter) = (world.settlement(0), world.settlement(1));
    settlement
        .deposit(Address::repeat_byte(1), Amount(5))
        .await
        .unwrap();
    let recipient = Address::repeat_byte(0xa1);
    let checkpoint = |height| Checkpoint {
        withdrawals_root: merkle::withdrawal_leaf(0, recipient, Amount(5)),
        state_root: B256::with_last_byte(u8::try_from(height).unwrap()),
        inbox_count: 1,
        ..world.checkpoint(height)
    };
    let all = [0, 1, 2, 3];
    world.submit(&submitter, checkpoint(10), &all).await.unwrap();

    // The node estimates on top of the checkpoint that waits for a block; its log is not there before the block is.
    world.anvil.set_automine(false).await;
    let overtaking = async { world.submit(&submitter, checkpoint(20), &all).await.unwrap() };
    let paying = async {
        world.anvil.waiting(1).await;
        let paid = settlement.withdraw(0, recipient, Amount(5), Vec::new()).await;
        paid.unwrap();
    };
    let mining = async {
        world.anvil.waiting(1).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        world.anvil.mine(1).await;
        world.anvil.set_automine(true).await;
    };
    let together = async { tokio::join!(overtaking, paying, mining) };
    tokio::time::timeout(Duration::from_secs(60), together)
        .await
        .unwrap();
    assert_eq!(settlement.accepted_height().await.unwrap(), 20);
    assert_eq!(settlement.token_balance(recipient).await.unwrap(), Amount(5));
}
