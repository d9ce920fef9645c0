#![allow(clippy::unwrap_used)]
use super::*;
use crate::application::{Executed, Receipt};
use crate::block::Block;
use crate::index::PurchaseRow;
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use rampart_ledger::{
    Account, AccountAt, BlockEnv, Globals, Input, Key, MemoryState, Params, Prepared, Provider, apply,
    exit_amount, genesis, read,
};
use rampart_protocol::message::{
    AddStake, Challenge, Purchase, RegisterProvider, RegisterService, Review, Unbond, Withdraw,
};
use rampart_protocol::observation::{Deposit, Observation, Source};
use rampart_protocol::verdict::review;
use rampart_protocol::{
    AccessKey, Address, Amount, Body, Category, Domain, Header, Message, Nonce, ProviderId, PurchaseId,
    PurchaseRecord, Seconds, ServiceId, Timestamp, keccak256, merkle,
};
use tempfile::TempDir;

pub(in crate::index) const ALICE: Address = Address::repeat_byte(0xa1);
pub(in crate::index) const BOB: Address = Address::repeat_byte(0xb0);
pub(in crate::index) const OWNER: Address = Address::repeat_byte(0x0e);
pub(in crate::index) const RIVAL: Address = Address::repeat_byte(0x17);
const NETWORK: B256 = B256::repeat_byte(9);
pub(in crate::index) const DAY: u64 = 86_400;

pub(in crate::index) const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

fn domain() -> Domain {
    Domain {
        chain_id: 5,
        settlement: Address::repeat_byte(5),
    }
}

fn public(seed: u64) -> B256 {
    B256::from_slice(PrivateKey::from_seed(seed).public_key().as_ref())
}

/// The real ledger, making the blocks that an index is fed with.
pub(in crate::index) struct World {
    state: MemoryState,
    height: u64,
    /// Seconds on top of one for each block.
    time: u64,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            state: MemoryState::new(genesis(&Params::default(), &[]).unwrap()),
            height: 0,
            time: 0,
            folder: TempDir::new().unwrap(),
        }
    }

    fn open(&self) -> Index {
        Index::open(&self.folder.path().join("index.redb"), NETWORK).unwrap()
    }

    /// Two consumers, and two providers with a service each: after three blocks.
    pub(in crate::index) fn market(index: &mut Option<Index>) -> Self {
        let mut world = Self::new();
        let opened = world.open();
        opened
            .apply(&world.deposits(&[ALICE, BOB, OWNER, RIVAL]))
            .unwrap();
        let registrations = [OWNER, RIVAL].map(|owner| (owner, world.registration(owner)));
        opened.apply(&world.block(registrations)).unwrap();
        let services =
            [(OWNER, 1), (RIVAL, 2)].map(|(owner, provider)| (owner, world.service(owner, provider)));
        opened.apply(&world.block(services)).unwrap();
        *index = Some(opened);
        world
    }

    fn read<T: rampart_ledger::Stored>(&self, key: Key) -> Option<T> {
        read(&self.state, &key).unwrap().map(Arc::unwrap_or_clone)
    }

    pub(in crate::index) fn nonce(&self, who: Address) -> Nonce {
        let account: Option<Account> = self.read(Key::account(&who));
        account.map_or(Nonce(0), |account| account.nonce)
    }

    fn execute(&mut self, items: Vec<(Subject, Input)>) -> Finalized {
        self.height += 1;
        let env = BlockEnv {
            domain: domain(),
            height: self.height,
            timestamp: Timestamp(1_800_000_000 + self.time + self.height),
            epoch: 0,
        };
        let mut executed = Executed::default();
        for (subject, input) in items {
            let changes = apply(&self.state, &env, &input).unwrap();
            executed.writes.extend(changes.writes.clone());
            executed.receipts.push(Receipt {
                subject,
                events: changes.events.clone(),
            });
            self.state.commit(changes);
        }
        let header = Header {
            height: self.height,
            leader: public(1),
            state_end: 1,
            ..Header::default()
        };
        let block = Block::new(header, Body::default()).unwrap();
        Finalized {
            digest: block.header().digest(),
            block: Arc::new(block),
            executed: Arc::new(executed),
        }
    }

    pub(in crate::index) fn block(
        &mut self,
        messages: impl IntoIterator<Item = (Address, Message)>,
    ) -> Finalized {
        let item = |(signer, message): (Address, Message)| {
            let id = keccak256(message.to_bytes());
            let prepared = Prepared::new(&domain(), signer, id, message);
            (Subject::Transaction(id), Input::Transaction(prepared))
        };
        let items = messages.into_iter().map(item).collect();
        self.execute(items)
    }

    fn deposits(&mut self, accounts: &[Address]) -> Finalized {
        let first = self.read::<Globals>(Key::globals()).unwrap().inbox_count;
        let deposit = |(index, account): (u64, &Address)| {
            let deposit = Deposit {
                index,
                account: *account,
                amount: tokens(100_000),
                block_number: 1,
                block_hash: B256::ZERO,
            };
            (
                Subject::Observation(Source::Inbox, index),
                Input::Observation(Observation::Deposit(deposit)),
            )
        };
        let items = (first..).zip(accounts).map(deposit).collect();
        self.execute(items)
    }

    fn registration(&self, owner: Address) -> Message {
        RegisterProvider {
            name: "Watch".into(),
            endpoint: "https://watch.example".into(),
            stake: tokens(50_000),
            nonce: self.nonce(owner),
        }
        .into()
    }

    fn service(&self, owner: Address, provider: u64) -> Message {
        RegisterService {
            provider: ProviderId(provider),
            category: Category::TransactionSecurity,
            description: "Screens".into(),
            requests: 10,
            fee: tokens(100),
            components: Vec::new(),
            upstream_key: AccessKey::default(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            min_duration: Seconds(3_600),
            max_duration: Seconds(90 * DAY),
            nonce: self.nonce(owner),
        }
        .into()
    }

    pub(in crate::index) fn order(&self, consumer: Address, provider: u64, more: u64) -> Message {
        Purchase {
            consumer,
            provider: ProviderId(provider),
            service: ServiceId(provider),
            version: 1,
            fee: tokens(100),
            access_key: AccessKey(public(2)),
            expires_at: Timestamp(1_800_000_000 + 30 * DAY),
            nonce: Nonce(self.nonce(consumer).0 + more),
        }
        .into()
    }

    fn withdrawal(&self, who: Address, recipient: Address, amount: u128) -> Message {
        Withdraw {
            recipient,
            amount: Amount(amount),
            nonce: self.nonce(who),
        }
        .into()
    }

    /// What the ledger itself says that each account could take, in the order of account indices.
    fn exits(&self) -> Vec<(Address, Amount)> {
        let at = (0..).map_while(|index| self.read::<AccountAt>(Key::account_at(index)));
        at.map(|at| {
            let account: Account = self.read(Key::account(&at.address)).unwrap();
            let provider = account.owned_provider();
            let provider = provider.and_then(|id| self.read::<Provider>(Key::provider(id)));
            (at.address, exit_amount(&account, provider.as_ref()))
        })
        .collect()
    }
}

pub(in crate::index) fn purchases(finalized: &Finalized) -> Vec<PurchaseRecord> {
    finalized.executed.purchases().copied().collect()
}

fn ids(rows: &[PurchaseRow]) -> Vec<(u64, PurchaseId)> {
    rows.iter().map(|row| (row.cursor, row.id)).collect()
}

#[test]
fn a_new_index_is_empty_and_knows_nothing() {
    let index = World::new().open();
    assert_eq!(index.height().unwrap(), 0);
    assert!(!index.has_gap().unwrap());
    assert_eq!(index.transaction(&B256::ZERO).unwrap(), None);
    assert_eq!(index.purchase(&PurchaseId(B256::ZERO)).unwrap(), None);
    assert_eq!(index.purchases_of(ProviderId(1), 0, 10).unwrap(), []);
    assert_eq!(index.withdrawals_to(ALICE, 10).unwrap(), [0u64; 0]);
    let tree = index.withdrawal_tree(0).unwrap().unwrap();
    assert_eq!((tree.root(), tree.proof(0)), (B256::ZERO, None));
    assert_eq!(index.exits().unwrap().root(), B256::ZERO);
}

#[test]
fn a_purchase_is_found_with_all_purchases_of_its_block_in_order() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let orders = [
        (BOB, world.order(BOB, 1, 0)),
        (ALICE, world.order(ALICE, 2, 0)),
        (BOB, world.order(BOB, 2, 1)),
    ];
    let block = world.block(orders);
    index.apply(&block).unwrap();
    let records = purchases(&block);
    assert_eq!(records.len(), 3);
    for (position, record) in records.iter().enumerate() {
        let place = index.purchase(&record.id).unwrap().unwrap();
        assert_eq!((place.height, place.position), (4, position));
        assert_eq!(place.records, records);
    }
    let later = world.block([(ALICE, world.order(ALICE, 1, 0))]);
    index.apply(&later).unwrap();
    let place = index.purchase(&purchases(&later)[0].id).unwrap().unwrap();
    assert_eq!((place.height, place.position, place.records.len()), (5, 0, 1));
}

#[test]
fn a_provider_pages_through_its_own_purchases_in_order_of_execution() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let mut own = Vec::new();
    for _ in 0..3 {
        let orders = [
            (ALICE, world.order(ALICE, 1, 0)),
            (BOB, world.order(BOB, 2, 0)),
            (ALICE, world.order(ALICE, 1, 1)),
        ];
        let block = world.block(orders);
        index.apply(&block).unwrap();
        own.extend(
            purchases(&block)
                .iter()
                .filter(|r| r.provider.0 == 1)
                .map(|r| r.id),
        );
    }
    let expected: Vec<(u64, PurchaseId)> = (1..).zip(own).collect();
    let page = |after, limit| ids(&index.purchases_of(ProviderId(1), after, limit).unwrap());
    assert_eq!(page(0, 100), expected);
    assert_eq!(page(0, 4), expected[..4]);
    assert_eq!(page(4, 4), expected[4..]);
    assert_eq!(page(6, 4), []);
    assert_eq!(page(u64::MAX, 4), []);
    assert_eq!(page(0, 0), []);
    assert_eq!(index.purchases_of(ProviderId(2), 0, 100).unwrap().len(), 3);
    assert_eq!(index.purchases_of(ProviderId(3), 0, 100).unwrap(), []);
}

#[test]
fn a_providers_reviews_are_listed_in_order_and_a_case_while_it_is_open() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let orders = [
        (ALICE, world.order(ALICE, 1, 0)),
        (BOB, world.order(BOB, 1, 0)),
        (ALICE, world.order(ALICE, 1, 1)),
        (BOB, world.order(BOB, 1, 1)),
    ];
    let block = world.block(orders);
    index.apply(&block).unwrap();
    let bought: Vec<PurchaseId> = purchases(&block).iter().take(2).map(|record| record.id).collect();
    for (who, purchase) in [ALICE, BOB].into_iter().zip(&bought) {
        let review = Review {
            purchase: *purchase,
            fee: tokens(20),
            comment: "Nothing came".into(),
            evidence: B256::ZERO,
            nonce: world.nonce(who),
        };
        index.apply(&world.block([(who, review.into())])).unwrap();
    }
    let reviews = |after, limit| {
        let rows = index.reviews_of(ProviderId(1), after, limit).unwrap();
        rows.iter().map(|row| (row.cursor, row.id)).collect::<Vec<_>>()
    };
    let expected: Vec<(u64, PurchaseId)> = (1..).zip(bought.clone()).collect();
    assert_eq!(reviews(0, 10), expected);
    assert_eq!(reviews(1, 1), expected[1..2]);
    assert_eq!(reviews(u64::MAX, 10), []);
    assert_eq!(index.reviews_of(ProviderId(2), 0, 10).unwrap(), []);

    assert_eq!(index.open_cases(0, 10).unwrap(), []);
    for purchase in &bought {
        let challenge = Challenge {
            purchase: *purchase,
            bond: tokens(20),
            evidence: B256::ZERO,
            nonce: world.nonce(OWNER),
        };
        index.apply(&world.block([(OWNER, challenge.into())])).unwrap();
    }
    let cases = |after, limit| {
        let rows = index.open_cases(after, limit).unwrap();
        rows.iter().map(|row| (row.cursor, row.id)).collect::<Vec<_>>()
    };
    let expected: Vec<_> = (1..).zip(bought.iter().map(|id| review(*id))).collect();
    assert_eq!(cases(0, 10), expected);
    assert_eq!(cases(1, 1), expected[1..2]);
    // Nobody has stake, so two rounds end without a verdict, then governance's time runs out.
    let mut seen = 2;
    for _ in 0..8 {
        world.time += 10 * DAY;
        index
            .apply(&world.execute(vec![(Subject::Begin, Input::Begin)]))
            .unwrap();
        let open = cases(0, 10);
        assert!(open.len() <= seen && open.iter().all(|row| expected.contains(row)));
        seen = open.len();
        assert_eq!(index.exits().unwrap().exits, world.exits());
    }
    assert_eq!(seen, 0);
}

#[test]
fn deposits_bonds_and_unbonding_stake_are_in_the_exits() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let before = index.exits().unwrap().exits;
    let block = world.block([(ALICE, world.order(ALICE, 1, 0))]);
    index.apply(&block).unwrap();
    let purchase = purchases(&block)[0].id;
    let filed = Review {
        purchase,
        fee: tokens(20),
        comment: "Nothing came".into(),
        evidence: B256::ZERO,
        nonce: world.nonce(ALICE),
    };
    index.apply(&world.block([(ALICE, filed.into())])).unwrap();
    let challenge = Challenge {
        purchase,
        bond: tokens(20),
        evidence: B256::ZERO,
        nonce: world.nonce(OWNER),
    };
    index.apply(&world.block([(OWNER, challenge.into())])).unwrap();
    let unbond = Unbond {
        provider: ProviderId(1),
        amount: tokens(7),
        nonce: world.nonce(OWNER),
    };
    index.apply(&world.block([(OWNER, unbond.into())])).unwrap();
    let after = index.exits().unwrap().exits;
    assert_eq!(after, world.exits());
    let of = |exits: &[(Address, Amount)], who| exits.iter().find(|(of, _)| *of == who).unwrap().1;
    // The fee left for the escrow and the pool; all deposits are still their depositors'.
    assert_eq!(of(&after, ALICE).0, of(&before, ALICE).0 - tokens(100).0);
    assert_eq!(of(&after, OWNER).0, of(&before, OWNER).0 + tokens(95).0);
}

#[test]
fn a_block_that_comes_again_changes_nothing() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let purchase = world.block([(ALICE, world.order(ALICE, 1, 0))]);
    let exit = world.block([(ALICE, world.withdrawal(ALICE, BOB, 5))]);
    for block in [&purchase, &exit, &purchase, &exit, &purchase] {
        index.apply(block).unwrap();
    }
    assert_eq!(index.height().unwrap(), 5);
    assert!(!index.has_gap().unwrap());
    assert_eq!(index.purchases_of(ProviderId(1), 0, 10).unwrap().len(), 1);
    assert_eq!(index.withdrawals_to(BOB, 10).unwrap(), [0]);
    assert_eq!(index.exits().unwrap().exits, world.exits());
}

#[test]
fn each_transaction_is_found_at_its_height_and_nothing_else_is() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    for height in 4..7 {
        let message = world.withdrawal(BOB, BOB, 1);
        let hash = keccak256(message.to_bytes());
        assert_eq!(index.transaction(&hash).unwrap(), None);
        index.apply(&world.block([(BOB, message)])).unwrap();
        assert_eq!(index.transaction(&hash).unwrap(), Some(height));
    }
}

#[test]
fn withdrawals_are_leaves_up_to_a_height_and_their_root_is_the_ledgers() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let mut roots = vec![(3, 0, B256::ZERO)];
    for (n, (who, to)) in [
        (ALICE, BOB),
        (BOB, ALICE),
        (ALICE, RIVAL),
        (ALICE, BOB),
        (BOB, BOB),
    ]
    .into_iter()
    .enumerate()
    {
        let block = world.block([(who, world.withdrawal(who, to, n as u128 + 1))]);
        index.apply(&block).unwrap();
        let globals: Globals = world.read(Key::globals()).unwrap();
        roots.push((world.height, n + 1, globals.withdrawals_root()));
        index.apply(&world.block([])).unwrap();
        roots.push((world.height, n + 1, globals.withdrawals_root()));
    }
    for (height, count, root) in &roots {
        let leaves = index.withdrawal_leaves(*height).unwrap();
        assert_eq!((leaves.len(), merkle::root(&leaves)), (*count, *root), "{height}");
        for _ in 0..2 {
            let tree = index.withdrawal_tree(*height).unwrap().unwrap();
            assert_eq!(tree.root(), *root);
            assert_eq!(tree.proof(*count), None);
        }
    }
    assert_eq!(
        index.withdrawal_tree(world.height + 1).unwrap(),
        None,
        "not known yet"
    );
    assert_eq!(index.withdrawals_to(BOB, 10).unwrap(), [0, 3, 4]);
    assert_eq!(index.withdrawals_to(BOB, 2).unwrap(), [3, 4], "the newest ones");
    assert_eq!(index.withdrawals_to(OWNER, 2).unwrap(), [0u64; 0]);
}

#[test]
fn exits_are_the_ledgers_after_every_block() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let check = |world: &World| {
        let exits = index.exits().unwrap();
        assert_eq!(exits.exits, world.exits(), "at height {}", world.height);
        let leaves: Vec<B256> = world
            .exits()
            .iter()
            .map(|(who, much)| merkle::exit_leaf(*who, *much))
            .collect();
        assert_eq!(exits.root(), merkle::root(&leaves));
    };
    check(&world);
    // The provider changes without its owner's account, the account without the provider, and both together.
    let add = |world: &World| AddStake {
        provider: ProviderId(1),
        amount: tokens(7),
        nonce: world.nonce(OWNER),
    };
    type Step = fn(&World) -> (Address, Message);
    let steps: [Step; 4] = [
        |world| (ALICE, world.order(ALICE, 1, 0)),
        |world| (OWNER, world.withdrawal(OWNER, BOB, 12_345)),
        |world| (RIVAL, world.order(RIVAL, 2, 0)),
        |world| (OWNER, world.order(OWNER, 2, 0)),
    ];
    for step in steps {
        let message = step(&world);
        index.apply(&world.block([message])).unwrap();
        check(&world);
        let message = (OWNER, add(&world).into());
        index.apply(&world.block([message])).unwrap();
        check(&world);
    }
    index
        .apply(&world.deposits(&[Address::repeat_byte(0x77), OWNER]))
        .unwrap();
    check(&world);
    assert_eq!(world.exits().len(), 5);
    let total: u128 = world.exits().iter().map(|(_, amount)| amount.0).sum();
    let globals: Globals = world.read(Key::globals()).unwrap();
    assert!(total <= globals.deposited.0 - globals.withdrawn.0);
}

#[test]
fn a_skipped_block_is_remembered_and_what_depends_on_all_of_them_is_not_answered() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let _skipped = world.deposits(&[Address::repeat_byte(0x66)]);
    let owner = Address::repeat_byte(0x66);
    // A provider whose owner's account is not known here does not stop the operator.
    let block = world.block([(owner, world.registration(owner))]);
    let mut writes = block.executed.writes.clone();
    writes.retain(|_, record| matches!(record, Some(Record::Provider(_))));
    let executed = Executed {
        writes,
        ..Executed::clone(&block.executed)
    };
    index
        .apply(&Finalized {
            executed: Arc::new(executed),
            ..block
        })
        .unwrap();
    index
        .apply(&world.block([(ALICE, world.withdrawal(ALICE, BOB, 1))]))
        .unwrap();
    assert_eq!(index.height().unwrap(), world.height);
    assert!(index.has_gap().unwrap());
    assert!(matches!(index.withdrawal_tree(1), Err(IndexError::Incomplete)));
    assert!(matches!(index.open_cases(0, 1), Err(IndexError::Incomplete)));
    assert!(matches!(
        index.reviews_of(ProviderId(1), 0, 1),
        Err(IndexError::Incomplete)
    ));
    drop(index);
    assert!(world.open().has_gap().unwrap());
}

#[test]
fn a_provider_without_an_owner_is_a_fault_while_all_blocks_are_known() {
    let mut world = World::new();
    let index = world.open();
    index.apply(&world.block([])).unwrap();
    let mut other = World::new();
    other.deposits(&[OWNER]);
    let block = other.block([(OWNER, other.registration(OWNER))]);
    let mut writes = block.executed.writes.clone();
    writes.retain(|_, record| matches!(record, Some(Record::Provider(_))));
    let executed = Arc::new(Executed {
        writes,
        ..Executed::clone(&block.executed)
    });
    assert!(matches!(
        index.apply(&Finalized { executed, ..block }),
        Err(IndexError::Corrupt)
    ));
    assert_eq!(index.height().unwrap(), 1, "nothing of the block was kept");
}

#[test]
fn everything_is_there_after_reopening_and_only_one_may_hold_the_file() {
    let mut index = None;
    let mut world = World::market(&mut index);
    let index = index.unwrap();
    let block = world.block([
        (ALICE, world.order(ALICE, 1, 0)),
        (BOB, world.withdrawal(BOB, ALICE, 9)),
    ]);
    index.apply(&block).unwrap();
    let path = world.folder.path().join("index.redb");
    assert!(matches!(Index::open(&path, NETWORK), Err(IndexError::Open(_))));
    let exits = index.exits().unwrap();
    drop(index);

    let index = world.open();
    assert_eq!(index.height().unwrap(), world.height);
    assert_eq!(index.exits().unwrap(), exits);
    let record = purchases(&block)[0];
    assert_eq!(index.purchase(&record.id).unwrap().unwrap().records, [record]);
    assert_eq!(index.withdrawal_leaves(world.height).unwrap().len(), 1);
    index.apply(&world.block([])).unwrap();
    assert!(!index.has_gap().unwrap());
}

#[test]
fn the_index_of_another_network_is_refused() {
    let world = World::new();
    drop(world.open());
    let path = world.folder.path().join("index.redb");
    let error = Index::open(&path, B256::repeat_byte(8)).unwrap_err();
    assert!(
        matches!(error, IndexError::OtherDeployment { found: NETWORK, .. }),
        "{error:?}"
    );
    assert_eq!(world.open().height().unwrap(), 0);
}

#[test]
fn a_file_that_is_no_index_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index.redb");
    std::fs::write(&path, vec![7; 8192]).unwrap();
    assert!(matches!(Index::open(&path, NETWORK), Err(IndexError::Open(_))));
}
