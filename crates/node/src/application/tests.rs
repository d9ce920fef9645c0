//! Building and judging blocks on a real state database, one rule at a time.

#![allow(clippy::unwrap_used)]

mod economy;

use super::*;
use crate::block::{Block, BlockContext, key_bytes};
use crate::engine::{Committees, EngineConfig, Timeouts};
use crate::storage::{self, SharedState, StorageConfig};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use commonware_consensus::{
    simplex::types::Context,
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Digestible as _, Signer as _, ed25519::PrivateKey};
use commonware_glue::stateful::{
    Finality,
    db::{DatabaseSet, Merkleized as _},
};
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use commonware_utils::NZUsize;
use judge::Invalid;
use rampart_ledger::{Changeset, Params, Reject};
use rampart_protocol::{
    Address, Amount, B256, Body, Domain, Header, Nonce, Observation, Operator, OperatorSet,
    SignedTransaction, message::Withdraw, observation, observation::Deposit,
};
use std::{
    collections::BTreeSet,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

type Runtime = deterministic::Context;
type Change = fn(&mut Header);

/// One thing that plays source, feed and sink.
#[derive(Clone, Default)]
struct World {
    candidates: Candidates,
    /// What is final on the chain.
    chain: Vec<Observation>,
    refused: Arc<Mutex<Vec<Refused>>>,
}

impl Source for World {
    async fn ready(&self, _: &Request) {
        if self.candidates.observations.is_empty() && self.candidates.transactions.is_empty() {
            pending().await
        }
    }

    async fn candidates(&self, _: &Request) -> Candidates {
        self.candidates.clone()
    }

    async fn refused(&self, refused: Vec<Refused>) {
        self.refused.lock().unwrap().extend(refused);
    }
}

impl Feed for World {
    async fn check(&self, observation: &Observation) -> Verdict {
        match self
            .chain
            .iter()
            .find(|seen| (seen.source(), seen.index()) == (observation.source(), observation.index()))
        {
            Some(seen) if seen == observation => Verdict::Confirmed,
            Some(_) => Verdict::Refuted,
            None => pending().await,
        }
    }
}

impl Sink for World {
    async fn finalized(&self, _: Finalized) {}
}

fn domain() -> Domain {
    Domain {
        chain_id: 5,
        settlement: Address::repeat_byte(5),
    }
}

fn account() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
}

fn deposit(index: u64, amount: u128) -> Observation {
    Observation::Deposit(Deposit {
        index,
        account: account().address(),
        amount: Amount(amount * Amount::TOKEN.0),
        block_number: 1,
        block_hash: B256::repeat_byte(1),
    })
}

fn withdrawal(nonce: u64, amount: u128) -> SignedTransaction {
    let message = rampart_protocol::Message::from(Withdraw {
        recipient: Address::repeat_byte(2),
        amount: Amount(amount * Amount::TOKEN.0),
        nonce: Nonce(nonce),
    });
    let signature = account()
        .sign_hash_sync(&message.signing_hash(&domain()))
        .unwrap();
    SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    }
}

fn leader() -> PrivateKey {
    PrivateKey::from_seed(1)
}

fn config() -> EngineConfig {
    let seat = Operator {
        public_key: key_bytes(&leader().public_key()),
        checkpoint_key: Address::repeat_byte(1),
        weight: 1,
    };
    EngineConfig {
        operators: OperatorSet {
            domain: domain(),
            operators: vec![seat],
        },
        genesis_timestamp_ms: 0,
        params: Params::default(),
        genesis_operators: Vec::new(),
        epoch_blocks: 1_000,
        limits: crate::block::BlockLimits { max_bytes: 4096 },
        pacing: Pacing::default(),
        timeouts: Timeouts::default(),
        storage: StorageConfig {
            cache_pages: NZUsize!(16),
            index_cache: NZUsize!(16),
            ..StorageConfig::new("test")
        },
        state_sync: false,
    }
}

/// The records of an empty ledger.
fn founding() -> Changeset {
    rampart_ledger::genesis(&Params::default(), &[]).unwrap()
}

/// A chain of genesis only, and someone to build and judge on it.
struct Bench {
    runtime: Runtime,
    state: SharedState<Runtime>,
    genesis: Block,
    world: World,
    tip: watch::Sender<Header>,
    records: Changeset,
}

impl Bench {
    /// On a chain that starts at a time, Unix milliseconds, with these records.
    async fn new(runtime: Runtime, world: World, start_ms: u64, records: Changeset) -> Self {
        let (config, empty) = (
            config(),
            <SharedState<Runtime> as DatabaseSet<Runtime>>::initial_sync_targets(),
        );
        let genesis = Block::genesis(&config.operators, &records, start_ms, &empty).unwrap();
        let cache = storage::page_cache(&config.storage);
        let state_config = storage::state_config(&config.storage, cache);
        let state = SharedState::init(runtime.child("state"), state_config, None).await;
        let tip = watch::Sender::new(genesis.header().clone());
        Self {
            runtime,
            state,
            genesis,
            world,
            tip,
            records,
        }
    }

    fn app(&self) -> LedgerApplication<World, World, World> {
        let config = config();
        let seams = Seams {
            source: self.world.clone(),
            feed: self.world.clone(),
            sink: self.world.clone(),
            senders: Senders::new(domain(), 8),
        };
        LedgerApplication::new(
            &self.genesis,
            self.records.clone(),
            &config,
            seams,
            self.tip.clone(),
            Committees::new(leader(), 0, &config.operators).unwrap(),
        )
    }

    fn context(&self, view: u64) -> BlockContext {
        Context {
            round: Round::new(Epoch::zero(), View::new(view)),
            leader: leader().public_key(),
            parent: (View::zero(), self.genesis.digest()),
        }
    }

    async fn build(&self, in_flight: BTreeSet<B256>) -> Block {
        let proposal = propose::Proposal {
            parent: &self.genesis,
            context: self.context(1),
            in_flight,
        };
        let batch = DatabaseSet::<Runtime>::new_batches(&self.state).await;
        let (block, sealed) = propose::propose(&self.app(), &self.runtime, proposal, batch, &self.world)
            .await
            .unwrap();
        assert_eq!(sealed.root().0, block.header().state_root.0);
        block
    }

    async fn judge(&self, block: &Block, finality: Finality) -> Result<B256, Invalid> {
        let candidate = judge::Candidate {
            block,
            parent: self.genesis.header(),
            context: self.context(1),
            finality,
        };
        let batch = DatabaseSet::<Runtime>::new_batches(&self.state).await;
        let sealed = judge::judge(&self.app(), &self.runtime, candidate, batch).await?;
        Ok(B256::new(sealed.root().0))
    }

    /// Judges the block that differs in its header only.
    async fn judge_header(&self, block: &Block, change: impl FnOnce(&mut Header)) -> Result<B256, Invalid> {
        let mut header = block.header().clone();
        change(&mut header);
        self.judge(
            &Block::new(header, block.body().clone()).unwrap(),
            Finality::Candidate,
        )
        .await
    }

    /// Judges the block that has another body, and commits to it.
    async fn judge_body(&self, block: &Block, body: Body) -> Result<B256, Invalid> {
        let header = Header {
            transactions_root: body.root(),
            ..block.header().clone()
        };
        self.judge(&Block::new(header, body).unwrap(), Finality::Candidate)
            .await
    }
}

fn with_bench<F, Fut>(world: World, test: F)
where
    F: FnOnce(Bench) -> Fut,
    Fut: Future<Output = ()>,
{
    deterministic::Runner::default()
        .start(|runtime| async move { test(Bench::new(runtime, world, 0, founding()).await).await });
}

/// Two deposits and a withdrawal.
fn busy() -> World {
    let chain = vec![deposit(0, 100), deposit(1, 50)];
    let transactions = vec![Senders::new(domain(), 1).verify(withdrawal(0, 30)).unwrap()];
    World {
        candidates: Candidates {
            observations: chain.clone(),
            transactions,
        },
        chain,
        ..World::default()
    }
}

#[test]
fn a_built_block_carries_its_work_and_is_judged_valid() {
    with_bench(busy(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        let header = block.header();
        assert_eq!((header.height, header.view, header.inbox_count), (1, 1, 2));
        assert_eq!(
            (block.body().observations.len(), block.body().transactions.len()),
            (2, 1)
        );
        assert_ne!(header.withdrawals_root, B256::ZERO);
        assert_eq!(
            bench.judge(&block, Finality::Candidate).await.unwrap(),
            header.state_root
        );
        assert_eq!(
            bench.judge(&block, Finality::Finalized).await.unwrap(),
            header.state_root
        );
    });
}

#[test]
fn an_idle_proposer_waits_and_builds_an_empty_block() {
    with_bench(World::default(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        assert_eq!(block.body(), &Body::default());
        let idle = u64::try_from(Pacing::default().idle_interval.as_millis()).unwrap();
        assert!((idle..idle + 50).contains(&block.header().timestamp_ms));
        bench.judge(&block, Finality::Candidate).await.unwrap();
    });
}

#[test]
fn a_proposer_leaves_out_what_is_in_flight_and_reports_what_is_refused() {
    let mut world = busy();
    let senders = Senders::new(domain(), 1);
    let too_much = senders.verify(withdrawal(1, 1_000)).unwrap();
    world.candidates.transactions.push(too_much.clone());
    with_bench(world, |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        assert_eq!(block.body().transactions, [withdrawal(0, 30)]);
        let refused = bench.world.refused.lock().unwrap().pop().unwrap();
        assert_eq!(refused.hash, too_much.hash());
        assert!(
            matches!(refused.reject, Reject::InsufficientBalance { .. }),
            "{:?}",
            refused.reject
        );

        let block = bench.build(BTreeSet::from([withdrawal(0, 30).hash()])).await;
        assert_eq!(block.body().transactions, []);
    });
}

#[test]
fn a_proposer_stops_at_the_size_limit() {
    let mut world = busy();
    let senders = Senders::new(domain(), 1);
    world.candidates.transactions = (0..60)
        .map(|nonce| senders.verify(withdrawal(nonce, 1)).unwrap())
        .collect();
    with_bench(world, |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        let (bytes, taken) = (block.to_bytes().len(), block.body().transactions.len());
        assert!(
            bytes <= config().limits.max_bytes && (10..60).contains(&taken),
            "{taken} in {bytes} bytes"
        );
        bench.judge(&block, Finality::Candidate).await.unwrap();
    });
}

#[test]
fn refuses_a_block_that_is_not_its_parent_s_child_in_this_round() {
    with_bench(busy(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        for change in [
            |h: &mut Header| h.parent = B256::ZERO,
            |h: &mut Header| h.height += 1,
            |h: &mut Header| h.view += 1,
            |h: &mut Header| h.epoch += 1,
            |h: &mut Header| h.parent_view += 1,
            |h: &mut Header| h.leader = key_bytes(&PrivateKey::from_seed(2).public_key()),
        ] {
            assert!(matches!(
                bench.judge_header(&block, change).await,
                Err(Invalid::Link)
            ));
        }
    });
}

#[test]
fn refuses_a_time_that_is_no_step_and_waits_for_one_that_is_ahead() {
    with_bench(busy(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        for time in [0, 60_001, u64::MAX] {
            let result = bench.judge_header(&block, |h| h.timestamp_ms = time).await;
            assert!(matches!(result, Err(Invalid::Step { child, .. }) if child == time));
        }
        let ahead = clock::now_ms(&bench.runtime) + 20_000;
        // The ledger's time is in the records of withdrawals, so only the wait is looked at.
        let _ = bench.judge_header(&block, |h| h.timestamp_ms = ahead).await;
        assert!(clock::now_ms(&bench.runtime) >= ahead);
    });
}

#[test]
fn refuses_every_commitment_that_execution_does_not_give() {
    with_bench(busy(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        let changes: [(&str, Change); 5] = [
            ("confirmations", |h| h.confirmations_root = B256::repeat_byte(1)),
            ("withdrawals", |h| h.withdrawals_root = B256::ZERO),
            ("inbox", |h| h.inbox_count += 1),
            ("operators", |h| h.next_operators = B256::repeat_byte(1)),
            ("state", |h| h.state_root = B256::repeat_byte(1)),
        ];
        for (expected, change) in changes {
            let result = bench.judge_header(&block, change).await;
            assert!(
                matches!(result, Err(Invalid::Commitment(what)) if what == expected),
                "{expected}: {result:?}"
            );
        }
    });
}

#[test]
fn refuses_items_that_the_ledger_refuses_or_that_nobody_signed() {
    with_bench(busy(), |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        let mut twice = block.body().clone();
        twice.transactions.push(withdrawal(0, 30));
        assert!(matches!(
            bench.judge_body(&block, twice).await,
            Err(Invalid::Rejected {
                reject: Reject::StaleNonce { .. },
                ..
            })
        ));
        let mut out_of_order = block.body().clone();
        out_of_order.observations.swap(0, 1);
        assert!(matches!(
            bench.judge_body(&block, out_of_order).await,
            Err(Invalid::Rejected {
                subject: Subject::Observation(observation::Source::Inbox, 1),
                ..
            })
        ));
        let mut forged = block.body().clone();
        forged.transactions[0].signature[64] = 9;
        assert!(matches!(
            bench.judge_body(&block, forged).await,
            Err(Invalid::Signature(_))
        ));
    });
}

#[test]
fn refuses_observations_that_the_chain_refutes_or_does_not_confirm_in_time() {
    let mut world = busy();
    world.chain = vec![deposit(0, 100), deposit(1, 51)];
    with_bench(world, |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        assert!(matches!(
            bench.judge(&block, Finality::Candidate).await,
            Err(Invalid::Refuted(observation::Source::Inbox, 1))
        ));
        // The quorum that made a block final has looked; a lagging operator follows it.
        bench.judge(&block, Finality::Finalized).await.unwrap();
    });
    let mut world = busy();
    world.chain.pop();
    with_bench(world, |bench| async move {
        let block = bench.build(BTreeSet::new()).await;
        // However long it lags: what is not known yet is never voted against.
        let judged = std::pin::pin!(bench.judge(&block, Finality::Candidate));
        let hour = std::pin::pin!(bench.runtime.sleep(Duration::from_secs(3600)));
        assert!(matches!(
            futures::future::select(judged, hour).await,
            futures::future::Either::Right(_)
        ));
    });
}
