//! The chain's clients against a real EVM node with the real contracts.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/world.rs"]
mod world;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder};
use rampart_chain::bindings::SettlementContract::SettlementContractErrors as Contract;
use rampart_chain::bindings::UtilityTokenContract::UtilityTokenContractErrors as Token;
use rampart_chain::events::MAX_RANGE;
use rampart_chain::{ChainError, EventReader, Refusal, Settlement};
use rampart_protocol::observation::{Deposit, MAX_FORCED, Observation};
use rampart_protocol::{Amount, Checkpoint, SignedCheckpoint, merkle};
use world::node::{Anvil, funded};
use world::{CHAIN, TOKEN, World, refusal};

#[tokio::test]
async fn a_deposit_is_reported_once_and_only_when_it_is_final() {
    let world = World::start().await;
    let (reader, mut cursor) = (world.reader(), world.cursor());
    reader.check_chain(CHAIN).await.unwrap();
    let account = Address::repeat_byte(0xaa);
    let (_, block_number) = world.settlement(0).deposit(account, Amount(5)).await.unwrap();

    assert_eq!(reader.read(&mut cursor).await.unwrap(), []);
    world.anvil.mine(1).await;
    assert_eq!(reader.read(&mut cursor).await.unwrap(), [], "one block on top");
    world.anvil.mine(1).await;
    let seen = reader.read(&mut cursor).await.unwrap();
    let provider = ProviderBuilder::new().connect_http(world.anvil.url.parse().unwrap());
    let block = provider
        .get_block_by_number(block_number.into())
        .await
        .unwrap()
        .unwrap();
    let expected = Observation::Deposit(Deposit {
        index: 0,
        account,
        amount: Amount(5),
        block_number,
        block_hash: block.header.hash,
    });
    assert_eq!(seen, [expected]);
    assert_eq!((cursor.next_index, cursor.next_block), (1, block_number + 1));
    world.anvil.mine(5).await;
    assert_eq!(reader.read(&mut cursor).await.unwrap(), []);
}

#[tokio::test]
async fn deposits_and_forced_messages_are_read_as_one_sequence() {
    let world = World::start().await;
    let (depositor, forcer) = (world.settlement(0), world.settlement(1));
    let longest = Bytes::from(vec![9; MAX_FORCED]);
    let mut blocks = Vec::new();
    for (index, message) in (0u64..).zip([
        None,
        Some(Bytes::new()),
        None,
        Some(longest.clone()),
        Some(Bytes::from_static(&[1])),
        None,
    ]) {
        let block = match message {
            None => {
                let deposited = depositor.deposit(Address::repeat_byte(0xaa), Amount(u128::from(index) + 1));
                deposited.await.unwrap().1
            }
            Some(message) => {
                let forced = forcer.force(message).await.unwrap();
                assert_eq!(forced.index, index);
                forced.block
            }
        };
        blocks.push(block);
    }
    let long = refusal(forcer.force(vec![9; MAX_FORCED + 1].into()).await);
    assert_eq!(
        long.to_string(),
        "the message has 2049 bytes, at most 2048 can be forced"
    );
    world.anvil.mine(2).await;
    let (reader, mut cursor) = (world.reader(), world.cursor());
    let seen = reader.read(&mut cursor).await.unwrap();

    assert_eq!(
        seen.iter().map(Observation::index).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    for (seen, block) in seen.iter().zip(blocks) {
        match seen {
            Observation::Deposit(seen) => {
                assert_eq!(seen.account, Address::repeat_byte(0xaa));
                assert_eq!(
                    (seen.amount.0, seen.block_number),
                    (u128::from(seen.index) + 1, block)
                );
            }
            Observation::Forced(seen) => {
                assert_eq!(seen.account, funded(1).address());
                let message = match seen.index {
                    1 => Bytes::new(),
                    3 => longest.clone(),
                    _ => Bytes::from_static(&[1]),
                };
                assert_eq!((&seen.message, seen.block_number), (&message, block));
            }
            other => panic!("{other:?} is not of the inbox"),
        }
        assert_eq!(
            Observation::from_bytes(&seen.to_bytes()),
            Ok(seen.clone()),
            "what is read can be proposed"
        );
    }
    assert_eq!(cursor.next_index, 6);
}

#[tokio::test]
async fn another_chain_is_told_apart() {
    let anvil = Anvil::start(31_337);
    let reader = EventReader::inbox(&anvil.url, Address::repeat_byte(1)).unwrap();
    let error = reader.check_chain(CHAIN).await.unwrap_err();
    assert!(matches!(
        error,
        ChainError::WrongChain {
            expected: CHAIN,
            actual: 31_337
        }
    ));
    assert_eq!(
        error.to_string(),
        "the RPC serves chain 31337, 59144 is configured"
    );
}

#[tokio::test]
async fn a_node_that_is_gone_is_an_error_and_the_cursor_stays() {
    let mut world = World::start().await;
    world
        .settlement(0)
        .deposit(Address::repeat_byte(1), Amount(5))
        .await
        .unwrap();
    world.anvil.mine(3).await;
    let (reader, mut cursor) = (world.reader(), world.cursor());
    world.anvil.kill();
    for _ in 0..2 {
        assert!(matches!(reader.read(&mut cursor).await, Err(ChainError::Rpc(_))));
        assert_eq!(cursor, world.cursor());
    }
    assert!(matches!(reader.check_chain(CHAIN).await, Err(ChainError::Rpc(_))));
    assert!(matches!(
        world.settlement(0).accepted_height().await,
        Err(ChainError::Rpc(_))
    ));
    let checkpoint = world.checkpoint(10);
    let submitted = world.submit(&world.settlement(0), checkpoint, &[0, 1, 2]).await;
    assert!(matches!(submitted, Err(ChainError::Rpc(_))), "{submitted:?}");
}

#[tokio::test]
async fn a_contract_that_is_not_there_is_an_error() {
    let anvil = Anvil::start(CHAIN);
    let nobody = Settlement::new(&anvil.url, Address::repeat_byte(0x77), Some(funded(0))).unwrap();
    assert!(matches!(
        nobody.accepted_height().await,
        Err(ChainError::Contract(_))
    ));
    assert!(matches!(
        nobody.deposit(Address::repeat_byte(1), Amount(1)).await,
        Err(ChainError::Contract(_))
    ));
}

#[tokio::test]
async fn a_long_history_is_read_in_bounded_ranges_without_losing_a_deposit() {
    let world = World::start().await;
    let depositor = world.settlement(0);
    for n in 0..3u8 {
        depositor
            .deposit(Address::repeat_byte(n + 1), Amount(u128::from(n) + 1))
            .await
            .unwrap();
        world.anvil.mine(MAX_RANGE + 200).await;
    }
    let (reader, mut cursor) = (world.reader(), world.cursor());
    let (mut seen, mut reads) = (Vec::new(), 0);
    loop {
        let before = cursor.next_block;
        seen.extend(reader.read(&mut cursor).await.unwrap());
        let read = cursor.next_block - before;
        assert!(read <= MAX_RANGE, "{read} blocks at a time");
        if read == 0 {
            break;
        }
        reads += 1;
    }
    assert_eq!(seen.iter().map(Observation::index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(reads, 4);
    assert_eq!(cursor.next_block, reader.head().await.unwrap().number + 1);
}

#[tokio::test]
async fn a_checkpoint_needs_more_than_two_thirds_of_the_weight() {
    let world = World::start().await;
    let settlement = world.settlement(1);
    let checkpoint = world.checkpoint(10);
    let short = refusal(world.submit(&settlement, checkpoint, &[0, 3]).await);
    assert!(matches!(
        &short,
        Refusal::Settlement(Contract::QuorumNotReached(e))
            if e.signedWeight == U256::from(200) && e.totalWeight == U256::from(400)
    ));
    assert_eq!(settlement.accepted_height().await.unwrap(), 0);
    world.submit(&settlement, checkpoint, &[3, 0, 1]).await.unwrap();
    assert_eq!(settlement.accepted_height().await.unwrap(), 10);
}

#[tokio::test]
async fn each_way_to_submit_a_wrong_checkpoint_is_told_by_its_reason() {
    let world = World::start().await;
    let settlement = world.settlement(1);
    let all = [0, 1, 2, 3];
    world
        .submit(&settlement, world.checkpoint(10), &all)
        .await
        .unwrap();

    let again = refusal(world.submit(&settlement, world.checkpoint(10), &all).await);
    assert_eq!(
        again.to_string(),
        "the checkpoint is of height 10, one of height 10 was accepted already"
    );
    let ahead = Checkpoint {
        inbox_count: 1,
        ..world.checkpoint(20)
    };
    let ahead = refusal(world.submit(&settlement, ahead, &all).await);
    assert!(matches!(ahead, Refusal::Settlement(Contract::InboxCountAhead(_))));
    let mut strangers = world.operators.clone();
    strangers.operators.pop();
    let checkpoint = world.checkpoint(20);
    let signatures = world.sign(checkpoint, &[0, 1, 2]);
    let strangers = settlement
        .submit_checkpoint(&checkpoint, &strangers, &signatures)
        .await;
    assert!(matches!(
        refusal(strangers),
        Refusal::Settlement(Contract::OperatorSetMismatch(_))
    ));
    let mut forged = world.sign(checkpoint, &[0, 1]);
    // A signature over something else recovers to a stranger, and is left out.
    forged.push(SignedCheckpoint {
        checkpoint,
        ..world.sign(world.checkpoint(30), &[2])[0]
    });
    let forged = settlement
        .submit_checkpoint(&checkpoint, &world.operators, &forged)
        .await;
    assert!(matches!(
        refusal(forged),
        Refusal::Settlement(Contract::QuorumNotReached(_))
    ));
    // After all these refusals the sender's nonce has no gap.
    world.submit(&settlement, checkpoint, &all).await.unwrap();
    assert_eq!(settlement.accepted_height().await.unwrap(), 20);
}

#[tokio::test]
async fn a_withdrawal_is_paid_once_to_whom_the_operators_certified() {
    let world = World::start().await;
    let settlement = world.settlement(0);
    settlement
        .deposit(Address::repeat_byte(1), Amount(1_000))
        .await
        .unwrap();
    let (ann, bob) = (Address::repeat_byte(0xa1), Address::repeat_byte(0xb0));
    let paid = [(ann, 100), (bob, 250), (ann, 50)];
    let leaves: Vec<B256> = (0u64..)
        .zip(paid)
        .map(|(index, (who, amount))| merkle::withdrawal_leaf(index, who, Amount(amount)))
        .collect();
    let proof = |index: usize| merkle::proof(&leaves, index).unwrap();

    let early = settlement.withdraw(0, ann, Amount(100), proof(0)).await;
    assert!(matches!(
        refusal(early),
        Refusal::Settlement(Contract::NoWithdrawals(_))
    ));
    let checkpoint = Checkpoint {
        withdrawals_root: merkle::root(&leaves),
        inbox_count: 1,
        ..world.checkpoint(10)
    };
    world
        .submit(&world.settlement(1), checkpoint, &[1, 2, 3])
        .await
        .unwrap();
    assert_eq!(settlement.roots().await.unwrap(), checkpoint.roots());

    // Anyone may have it paid, here somebody without tokens.
    let stranger = world.settlement(2);
    for (index, (who, amount)) in paid.into_iter().enumerate() {
        let index64 = index as u64;
        assert!(!stranger.is_withdrawn(index64).await.unwrap());
        stranger
            .withdraw(index64, who, Amount(amount), proof(index))
            .await
            .unwrap();
        assert!(stranger.is_withdrawn(index64).await.unwrap());
        let again = refusal(
            stranger
                .withdraw(index64, who, Amount(amount), proof(index))
                .await,
        );
        assert_eq!(again.to_string(), format!("withdrawal {index} was paid already"));
    }
    assert_eq!(settlement.token_balance(ann).await.unwrap(), Amount(150));
    assert_eq!(settlement.token_balance(bob).await.unwrap(), Amount(250));
    assert_eq!(
        settlement
            .token_balance(world.contracts.settlement)
            .await
            .unwrap(),
        Amount(600)
    );
    let other = refusal(stranger.withdraw(3, ann, Amount(100), proof(0)).await);
    assert!(matches!(other, Refusal::Settlement(Contract::InvalidProof(e)) if e.index == 3));
    let to_itself = stranger
        .withdraw(3, world.contracts.settlement, Amount(100), proof(0))
        .await;
    assert!(matches!(
        refusal(to_itself),
        Refusal::Settlement(Contract::InvalidRecipient(_))
    ));
}

#[tokio::test]
async fn deposits_that_the_contracts_refuse_say_why_and_reading_needs_no_key() {
    let world = World::start().await;
    let poor = world.settlement(3);
    let account = Address::repeat_byte(1);
    let short = refusal(poor.deposit(account, Amount(TOKEN)).await);
    assert!(matches!(
        short,
        Refusal::Token(Token::ERC20InsufficientBalance(_))
    ));
    assert!(
        short
            .to_string()
            .contains("holds 0 tokens on this chain, 1 are needed")
    );
    let nothing = refusal(world.settlement(0).deposit(account, Amount::ZERO).await);
    assert!(matches!(nothing, Refusal::Settlement(Contract::ZeroAmount(_))));
    let nobody = refusal(world.settlement(0).deposit(Address::ZERO, Amount(1)).await);
    assert!(matches!(nobody, Refusal::Settlement(Contract::ZeroAccount(_))));

    let reading = Settlement::new(&world.anvil.url, world.contracts.settlement, None).unwrap();
    assert_eq!(reading.sender(), None);
    assert_eq!(reading.token().await.unwrap(), world.contracts.utility_token);
    let supply = Amount(1_000_000 * TOKEN);
    assert_eq!(reading.token_balance(funded(0).address()).await.unwrap(), supply);
    assert!(reading.deposit(account, Amount(1)).await.is_err());
}
