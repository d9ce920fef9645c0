//! What happens on the simulated network: deposits seen on a chain, and signed transactions that spend them.
//!
//! Everything derives from a seed. Each operator gets its own source, feed and sink over the same script, as if
//! mempools and chain feeds had converged.

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use rampart_ledger::{Changeset, GenesisOperator, GenesisSeat, MemoryState, Params, Record};
use rampart_node::application::{
    Candidates, Feed, Finalized, Refused, Request, Senders, Sink, Source, Verdict, Verified,
};
use rampart_node::{engine::Chain, handovers, index::Unproved};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Handover, Header, Message, Nonce, Observation,
    OperatorSet, Ppm, ProviderId, PurchaseId, Seconds, ServiceId, SignedTransaction, Timestamp, message,
    observation::{Deposit, InvestorWeight, OperatorKeys, OperatorStake, Source as ChainOf},
    verdict,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    iter::repeat,
    sync::{Arc, Mutex},
};

/// Fee of the one service.
const FEE: Amount = Amount(Amount::TOKEN.0 * 2);

/// The deployment that the simulation plays.
pub fn domain() -> Domain {
    Domain {
        chain_id: 59_144,
        settlement: Address::repeat_byte(0x5e),
    }
}

/// The economy in seconds: epochs end and cases are decided within a run.
pub fn params() -> Params {
    Params {
        epoch_length: Seconds(4),
        challenge_window: Seconds(60),
        commit_window: Seconds(3),
        reveal_window: Seconds(6),
        ..Params::default()
    }
}

/// The ledger accounts of the operators, who judge.
pub fn judges() -> [PrivateKeySigner; 4] {
    [201, 202, 203, 204].map(signer)
}

/// The judges, who have the seats of a set.
pub fn operators(set: &OperatorSet) -> Vec<GenesisOperator> {
    let seats = set.operators.iter().map(|operator| GenesisSeat {
        consensus_key: operator.public_key,
        checkpoint_key: operator.checkpoint_key,
        weight: operator.weight,
    });
    let seats = seats.map(Some).chain(repeat(None));
    let stakes = judges()
        .into_iter()
        .zip(seats)
        .map(|(judge, seat)| GenesisOperator {
            address: judge.address(),
            stake: 10,
            commission: Ppm(100_000),
            seat,
        });
    stakes.collect()
}

/// Who reviews its purchase.
const REVIEWER: u8 = 9;

/// Deposits and transactions, in the order in which they may happen.
pub struct Script {
    pub deposits: Vec<Observation>,
    /// What the L1 tells.
    pub restaking: Vec<Observation>,
    /// The height from which on each of it is offered.
    restaking_from: Vec<u64>,
    pub transactions: Vec<Verified>,
}

impl Script {
    /// A provider with one service, and `consumers` who buy `purchases` packages each within an hour of `start`; one more
    /// reviews its purchase, and the operators judge the provider's challenge.
    pub fn new(consumers: u8, purchases: u64, start: Timestamp) -> Arc<Self> {
        let senders = Senders::new(domain(), 16);
        let provider = signer(1);
        let buyers: Vec<PrivateKeySigner> = (0..consumers).map(|i| signer(10 + i)).collect();
        let reviewer = signer(REVIEWER);
        let deposits = [&provider, &reviewer]
            .into_iter()
            .chain(&buyers)
            .zip(0u64..)
            .map(|(account, index)| deposit(index, account.address(), DEPOSIT))
            .collect();

        let mut transactions = vec![sign(
            &provider,
            message::RegisterProvider {
                name: "Screening".into(),
                endpoint: "https://screening.example".into(),
                stake: Amount(Amount::TOKEN.0 * 5_000),
                nonce: Nonce(0),
            },
        )];
        transactions.push(sign(
            &provider,
            message::RegisterService {
                provider: ProviderId(1),
                category: Category::General,
                description: "Screens transactions".into(),
                requests: 100,
                fee: FEE,
                components: Vec::new(),
                upstream_key: AccessKey::default(),
                endpoint: String::new(),
                openapi: B256::ZERO,
                min_duration: Seconds(3_600),
                max_duration: Seconds(86_400),
                nonce: Nonce(1),
            },
        ));
        let reviewed = reviewed(start);
        transactions.push(sign(&reviewer, purchase(reviewer.address(), 0, start)));
        transactions.extend(complaint(&reviewer, &provider, reviewed));
        transactions.extend(judges().iter().map(|judge| commit(judge, reviewed)));
        // Reveals are refused until the commitments are over, and are offered again until then.
        let mut reveals: Vec<_> = judges().iter().map(|judge| reveal(judge, reviewed)).collect();
        for nonce in 0..purchases {
            for buyer in &buyers {
                transactions.push(sign(buyer, purchase(buyer.address(), nonce, start)));
            }
            transactions.append(&mut reveals);
        }
        let transactions = transactions
            .into_iter()
            .map(|tx| senders.verify(tx).unwrap())
            .collect();
        Arc::new(Self {
            deposits,
            restaking: restaking(),
            restaking_from: vec![0; 2],
            transactions,
        })
    }
}

/// A change among the operators, told by the L1.
pub enum Change {
    /// An operator gets this stake, zero to leave.
    Stake(Address, u128),
    /// An operator proves a consensus key; the checkpoint key goes with it.
    Key(Address, B256),
}

impl Script {
    /// The same with changes among the operators, each from a height on, ascending.
    pub fn with(self: Arc<Self>, changes: Vec<(u64, Change)>) -> Arc<Self> {
        let mut script = Arc::into_inner(self).unwrap();
        let (block_number, block_hash) = (60, B256::repeat_byte(8));
        for (height, change) in changes {
            let index = script.restaking.len() as u64;
            script.restaking.push(match change {
                Change::Stake(operator, stake) => Observation::OperatorStake(OperatorStake {
                    index,
                    operator,
                    stake,
                    commission: Ppm(50_000),
                    block_number,
                    block_hash,
                }),
                Change::Key(operator, consensus_key) => Observation::OperatorKeys(OperatorKeys {
                    index,
                    operator,
                    consensus_key,
                    checkpoint_key: Address::from_word(consensus_key),
                    proven: true,
                    block_number,
                    block_hash,
                }),
            });
            script.restaking_from.push(height);
        }
        Arc::new(script)
    }
}

/// Who joins the operators.
pub const NEWCOMER: Address = Address::repeat_byte(0x2e);

/// What the script deposits for each account, tokens.
pub const DEPOSIT: u128 = 10_000;

fn signer(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(seed)).unwrap()
}

fn sign(signer: &PrivateKeySigner, message: impl Into<Message>) -> SignedTransaction {
    let message = message.into();
    let signature = signer.sign_hash_sync(&message.signing_hash(&domain())).unwrap();
    SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    }
}

fn deposit(index: u64, account: Address, tokens: u128) -> Observation {
    Observation::Deposit(Deposit {
        index,
        account,
        amount: Amount(Amount::TOKEN.0 * tokens),
        block_number: 100 + index,
        block_hash: B256::repeat_byte(7),
    })
}

fn purchase(consumer: Address, nonce: u64, start: Timestamp) -> message::Purchase {
    message::Purchase {
        consumer,
        provider: ProviderId(1),
        service: ServiceId(1),
        version: 1,
        fee: FEE,
        access_key: AccessKey(B256::repeat_byte(0x11)),
        expires_at: Timestamp(start.0 + 7_200),
        nonce: Nonce(nonce),
    }
}

/// Who restakes to the first of the judges.
pub const INVESTOR: Address = Address::repeat_byte(0x1f);

/// An investor comes, and the last of the judges gets more stake.
fn restaking() -> Vec<Observation> {
    let [first, .., last] = judges();
    let (block_number, block_hash) = (50, B256::repeat_byte(8));
    vec![
        Observation::InvestorWeight(InvestorWeight {
            index: 0,
            operator: first.address(),
            investor: INVESTOR,
            weight: 5,
            block_number,
            block_hash,
        }),
        Observation::OperatorStake(OperatorStake {
            index: 1,
            operator: last.address(),
            stake: 11,
            commission: Ppm(50_000),
            block_number,
            block_hash,
        }),
    ]
}

/// The purchase that is reviewed.
pub fn reviewed(start: Timestamp) -> PurchaseId {
    purchase(signer(REVIEWER).address(), 0, start).id(&domain())
}

/// A review, and its challenge.
fn complaint(
    reviewer: &PrivateKeySigner,
    provider: &PrivateKeySigner,
    purchase: PurchaseId,
) -> [SignedTransaction; 2] {
    let fee = Amount::TOKEN;
    [
        sign(
            reviewer,
            message::Review {
                purchase,
                fee,
                comment: "It let a drainer through".into(),
                evidence: B256::repeat_byte(0xe1),
                nonce: Nonce(1),
            },
        ),
        sign(
            provider,
            message::Challenge {
                purchase,
                bond: fee,
                evidence: B256::ZERO,
                nonce: Nonce(2),
            },
        ),
    ]
}

/// An operator's salt.
fn salt(judge: &PrivateKeySigner) -> B256 {
    judge.address().into_word()
}

fn commit(judge: &PrivateKeySigner, purchase: PurchaseId) -> SignedTransaction {
    let case = verdict::review(purchase);
    sign(
        judge,
        message::CommitVerdict {
            case,
            round: 1,
            commitment: verdict::commitment(case, 1, judge.address(), true, salt(judge)),
            nonce: Nonce(0),
        },
    )
}

fn reveal(judge: &PrivateKeySigner, purchase: PurchaseId) -> SignedTransaction {
    sign(
        judge,
        message::RevealVerdict {
            case: verdict::review(purchase),
            round: 1,
            upheld: true,
            salt: salt(judge),
            nonce: Nonce(1),
        },
    )
}

/// What an operator offers to blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// What there is.
    Honest,
    /// Every transaction but the first: of two engines with one key, one does this so that they propose two blocks.
    Withholds,
    /// Deposits that nobody made.
    Forges,
    /// No deposits, because its view of the chain never gets anywhere; it confirms none either.
    Blind,
}

/// One operator's view of the script, and what it saw become final.
#[derive(Clone)]
pub struct Operator {
    script: Arc<Script>,
    /// A transaction is offered once the chain is this many blocks long for each before it.
    pace: u64,
    conduct: Conduct,
    seen: Arc<Mutex<Seen>>,
}

/// What one operator saw become final.
#[derive(Default)]
pub struct Seen {
    pub headers: BTreeMap<u64, Header>,
    pub applied: BTreeSet<B256>,
    pub state: MemoryState,
    /// Heights that came twice, as they may after a crash.
    pub repeated: u64,
    /// For each parent, the transactions that the operator last thought of putting on top.
    pub proposed: BTreeMap<B256, Vec<B256>>,
    /// The first height, which is more than one after a state sync.
    pub first: Option<u64>,
    /// Committees that were settled and are not proved yet, and the proofs of others.
    unproved: Vec<Unproved>,
    proofs: BTreeMap<u64, Handover>,
}

impl Operator {
    pub fn new(script: Arc<Script>, pace: u64, conduct: Conduct) -> Self {
        Self {
            script,
            pace,
            conduct,
            seen: Arc::default(),
        }
    }

    pub fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().unwrap())
    }

    fn offered(&self, request: &Request) -> Candidates {
        let next = usize::try_from(request.parent.inbox_count).unwrap();
        let offered = usize::try_from(request.parent.height / self.pace.max(1)).unwrap();
        let seen = self.seen.lock().unwrap();
        let mut transactions: Vec<Verified> = self
            .script
            .transactions
            .iter()
            .take(offered)
            .filter(|tx| !seen.applied.contains(&tx.hash()) && !request.in_flight.contains(&tx.hash()))
            .cloned()
            .collect();
        if self.conduct == Conduct::Withholds && !transactions.is_empty() {
            transactions.remove(0);
        }
        let observations = match self.conduct {
            Conduct::Forges => vec![deposit(
                request.parent.inbox_count,
                Address::repeat_byte(0xee),
                1_000_000,
            )],
            Conduct::Blind => Vec::new(),
            _ => {
                let restaked = usize::try_from(request.restaking_count).unwrap();
                let deposits = self.script.deposits.iter().skip(next).take(2);
                let from = &self.script.restaking_from;
                let due = from
                    .get(restaked)
                    .is_some_and(|from| *from <= request.parent.height);
                let restaking = self.script.restaking.iter().skip(restaked).take(usize::from(due));
                deposits.chain(restaking).cloned().collect()
            }
        };
        Candidates {
            observations,
            transactions,
        }
    }
}

impl Source for Operator {
    async fn ready(&self, request: &Request) {
        let Candidates {
            observations,
            transactions,
        } = self.offered(request);
        if observations.is_empty() && transactions.is_empty() {
            pending::<()>().await;
        }
    }

    async fn candidates(&self, request: &Request) -> Candidates {
        let candidates = self.offered(request);
        let hashes = candidates.transactions.iter().map(Verified::hash).collect();
        self.seen
            .lock()
            .unwrap()
            .proposed
            .insert(request.parent.digest(), hashes);
        candidates
    }

    async fn refused(&self, _: Vec<Refused>) {}
}

impl Feed for Operator {
    async fn check(&self, observation: &Observation) -> Verdict {
        if self.conduct == Conduct::Blind {
            return pending().await;
        }
        let seen = match observation.source() {
            ChainOf::Inbox => &self.script.deposits,
            ChainOf::Restaking => &self.script.restaking,
        };
        match seen.get(usize::try_from(observation.index()).unwrap()) {
            Some(deposit) if deposit == observation => Verdict::Confirmed,
            Some(_) => Verdict::Refuted,
            None => pending().await,
        }
    }
}

impl Operator {
    /// Keeps a proof of each committee, as the process around the engine does.
    pub async fn keep_proofs(self, chain: Chain) {
        let mut tip = chain.watch();
        while tip.changed().await.is_ok() {
            let waiting = self.seen(|seen| seen.unproved.clone());
            for unproved in waiting {
                let Some(outcome) = handovers::prove(&chain, &unproved, domain()).await else {
                    break;
                };
                let mut seen = self.seen.lock().unwrap();
                seen.unproved.retain(|other| *other != unproved);
                if let Some(proof) = outcome {
                    seen.proofs.insert(proof.header.epoch, proof);
                }
            }
        }
    }
}

impl Sink for Operator {
    fn handover(&self, epoch: u64) -> Option<Handover> {
        self.seen(|seen| seen.proofs.get(&epoch).cloned())
    }

    async fn finalized(&self, block: Finalized) {
        let mut seen = self.seen.lock().unwrap();
        let header = block.block.header().clone();
        assert_eq!(header.digest(), block.digest);
        seen.first.get_or_insert(header.height);
        if let Some(before) = seen.headers.insert(header.height, header.clone()) {
            assert_eq!(
                before, header,
                "a height was finalised twice with different blocks"
            );
            seen.repeated += 1;
        }
        seen.applied.extend(
            block
                .block
                .body()
                .transactions
                .iter()
                .map(SignedTransaction::hash),
        );
        let height = header.height;
        let committees = block.executed.writes.values().filter_map(|record| match record {
            Some(Record::Committee(committee)) => Some(committee.clone()),
            _ => None,
        });
        seen.unproved.extend(
            committees
                .filter(|committee| committee.epoch > 0)
                .map(|committee| Unproved { height, committee }),
        );
        seen.state.commit(Changeset {
            writes: block.executed.writes.clone().into_iter().collect(),
            events: Vec::new(),
        });
    }
}
