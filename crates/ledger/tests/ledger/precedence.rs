//! Precedence: a message with every fault is told the lowest code, and each repair uncovers the next.

use crate::court::upstream;
use crate::world::*;
use rampart_ledger::{Count, Fault, Key, Params, Reject, Status};
use rampart_protocol::message::Component;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Bytes, Message, Nonce, ProviderId, PurchaseId, Seconds, Sequence,
    ServiceId, Timestamp, message,
};

/// A message under repair in its world.
pub struct Repair<M> {
    pub world: World,
    pub signer: Address,
    pub message: M,
}

pub type Step<M> = (u16, fn(&mut Repair<M>));

/// Sends the message, expects the code, and repairs what it names; at the end the message succeeds.
pub fn uncover<M: Clone + Into<Message>>(mut repair: Repair<M>, steps: &[Step<M>]) {
    // Some faults are planted, so the records need not add up while they last.
    repair.world.scans = false;
    let mut last = 0;
    for (code, fix) in steps {
        assert!(*code > last, "the table must ascend");
        last = *code;
        let input = World::transaction(repair.signer, repair.message.clone());
        match repair.world.apply(input) {
            Err(Fault::Reject(reject)) => assert_eq!(reject.code(), *code, "{reject}"),
            other => panic!("expected {code}, got {other:?}"),
        }
        fix(&mut repair);
    }
    repair.world.ok(repair.signer, repair.message);
}

/// An account that is unknown at first, and later has used nonce 0.
pub const LATECOMER: Address = Address::repeat_byte(0x1a);

pub fn arrive<M>(repair: &mut Repair<M>) {
    repair.world.deposit(LATECOMER, Amount(1));
    repair
        .world
        .edit_account(LATECOMER, |account| account.nonce = Nonce(1));
}

pub fn enrich<M>(repair: &mut Repair<M>) {
    repair.world.deposit(LATECOMER, tokens(100_000));
}

#[test]
fn of_a_registration() {
    let mut world = World::market();
    world.edit_params(|params| params.deposit_fixed = tokens(10));
    let message = message::RegisterProvider {
        name: "x".repeat(65),
        endpoint: "no url".into(),
        stake: tokens(9),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world,
            signer: LATECOMER,
            message,
        },
        &[
            (1, |r| r.message.name.clear()),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (20, |r| r.message.name.push('x')),
            (21, |r| {
                r.message.endpoint = "http://x".into();
                r.world
                    .edit_account(LATECOMER, |account| account.provider = PROVIDER);
            }),
            (41, |r| {
                r.world
                    .edit_account(LATECOMER, |account| account.provider = ProviderId(0))
            }),
            (100, enrich),
            (101, |r| r.message.stake = tokens(10)),
        ],
    );
}

#[test]
fn of_an_update_of_a_provider() {
    let message = message::UpdateProvider {
        provider: ProviderId(9),
        name: "\0".repeat(65),
        endpoint: String::new(),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world: World::market(),
            signer: LATECOMER,
            message,
        },
        &[
            (1, |r| r.message.name = "\0".into()),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (20, |r| r.message.name = "x".into()),
            (21, |r| r.message.endpoint = "http://x".into()),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
        ],
    );
}

#[test]
fn of_added_stake() {
    let message = message::AddStake {
        provider: ProviderId(9),
        amount: Amount::ZERO,
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world: World::market(),
            signer: LATECOMER,
            message,
        },
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (22, |r| r.message.amount = tokens(60_000)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (100, |r| r.message.amount = tokens(50_000)),
        ],
    );
}

#[test]
fn of_an_offer() {
    let mut world = World::market();
    let params = Params {
        services_max: Count(1),
        components_max: Count(0),
        ..world.params()
    };
    world.plant(params);
    let message = message::RegisterService {
        provider: ProviderId(9),
        category: Default::default(),
        description: " ".repeat(1_025),
        endpoint: "no url".into(),
        openapi: B256::ZERO,
        components: vec![Component {
            service: ServiceId(77),
            ..world.component(SERVICE)
        }],
        upstream_key: AccessKey(B256::ZERO),
        requests: 0,
        fee: Amount::ZERO,
        min_duration: Seconds(9),
        max_duration: Seconds(8),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world,
            signer: LATECOMER,
            message,
        },
        &[
            (1, |r| r.message.description.truncate(9)),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (20, |r| r.message.description.push('x')),
            (21, |r| r.message.endpoint.clear()),
            (24, |r| r.message.requests = 1),
            (25, |r| r.message.fee = tokens(100)),
            (26, |r| {
                (r.message.min_duration, r.message.max_duration) = (Seconds(HOUR), Seconds(HOUR))
            }),
            (27, |r| r.message.upstream_key = public(&upstream())),
            (29, |r| r.message.components[0].service = SERVICE),
            (30, |r| r.world.edit_params(|params| params.components_max.0 = 1)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (48, |r| r.world.edit_params(|params| params.services_max.0 = 2)),
        ],
    );
}

#[test]
fn of_new_terms() {
    let message = message::UpdateService {
        service: ServiceId(9),
        category: Default::default(),
        description: " ".repeat(1_025),
        endpoint: "no url".into(),
        openapi: B256::ZERO,
        components: vec![Component {
            service: ServiceId(77),
            version: 1,
            packages: 1,
            uses: 1,
        }],
        upstream_key: AccessKey(B256::ZERO),
        requests: 0,
        fee: Amount::ZERO,
        min_duration: Seconds(0),
        max_duration: Seconds(0),
        active: true,
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world: World::market(),
            signer: LATECOMER,
            message,
        },
        &[
            (1, |r| r.message.description.truncate(9)),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (20, |r| r.message.description.push('x')),
            (21, |r| r.message.endpoint.clear()),
            (24, |r| r.message.requests = 1),
            (25, |r| r.message.fee = tokens(1)),
            (26, |r| {
                (r.message.min_duration, r.message.max_duration) = (Seconds(HOUR), Seconds(HOUR))
            }),
            (27, |r| r.message.upstream_key = public(&upstream())),
            (29, |r| r.message.components.clear()),
            (43, |r| r.message.service = SERVICE),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
        ],
    );
}

#[test]
fn of_a_purchase() {
    let mut world = World::market();
    world.ok(RIVAL, world.registration(RIVAL));
    world.edit_provider(|provider| {
        provider.status = Status::Suspended;
        provider.stake = Amount(1);
    });
    let mut service = world.service(SERVICE);
    service.active = false;
    world.plant(service);
    let message = message::Purchase {
        consumer: BOB,
        provider: ProviderId(9),
        service: ServiceId(9),
        version: 7,
        fee: tokens(7),
        access_key: AccessKey(B256::ZERO),
        expires_at: Timestamp(0),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world,
            signer: LATECOMER,
            message,
        },
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (27, |r| r.message.access_key = public(&access())),
            (40, |r| r.message.consumer = LATECOMER),
            (42, |r| r.message.provider = ProviderId(2)),
            (43, |r| r.message.service = SERVICE),
            (45, |r| {
                r.message.provider = PROVIDER;
                let mut template = World::market();
                let id = template.buy(ALICE);
                let mut existing = template.purchase(id);
                existing.record.id = r.message.id(&DOMAIN);
                r.world.plant(existing);
            }),
            (47, |r| r.world.unplant(Key::purchase(&r.message.id(&DOMAIN)))),
            (60, |r| {
                r.world
                    .edit_provider(|provider| provider.status = Status::Expelled)
            }),
            (61, |r| {
                r.world.edit_provider(|provider| provider.status = Status::Active)
            }),
            (62, |r| {
                let mut service = r.world.service(SERVICE);
                service.active = true;
                r.world.plant(service);
            }),
            (63, |r| r.message.version = 1),
            (64, |r| r.message.fee = tokens(100)),
            (65, |r| r.message.expires_at = Timestamp(u64::MAX)),
            (66, |r| r.message.expires_at = Timestamp(START + DAY)),
            (100, enrich),
            (102, |r| {
                r.world.edit_provider(|provider| provider.stake = tokens(50_000))
            }),
        ],
    );
}

#[test]
fn of_a_report() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    world.ok(OWNER, world.report(id, 3));
    let message = message::ReportUsage {
        purchase: PurchaseId(B256::repeat_byte(9)),
        used: Sequence(3),
        voucher: vec![0; 2_049].into(),
        signature: Bytes::new(),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world,
            signer: LATECOMER,
            message,
        },
        &[
            (1, |r| r.message.voucher = Bytes::new()),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (44, |r| {
                let order = message::Purchase {
                    nonce: Nonce(0),
                    ..r.world.order(ALICE)
                };
                r.message.purchase = order.id(&DOMAIN);
            }),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (80, |r| r.message.used = Sequence(1_001)),
            (81, |r| r.message.used = Sequence(5)),
            (82, |r| r.message = r.world.report(r.message.purchase, 5)),
        ],
    );
}

#[test]
fn of_a_claim() {
    let message = message::Claim {
        provider: ProviderId(9),
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world: World::market(),
            signer: LATECOMER,
            message,
        },
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (83, |r| {
                r.world.buy(ALICE);
                r.world
                    .edit_provider(|provider| provider.status = Status::Suspended);
            }),
            (84, |r| {
                r.world.advance(31 * DAY);
            }),
            (90, |r| {
                r.world.edit_provider(|provider| provider.status = Status::Active)
            }),
        ],
    );
}

#[test]
fn of_a_withdrawal() {
    let message = message::Withdraw {
        recipient: Address::ZERO,
        amount: Amount::ZERO,
        nonce: Nonce(0),
    };
    uncover(
        Repair {
            world: World::market(),
            signer: LATECOMER,
            message,
        },
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (22, |r| r.message.amount = tokens(2)),
            (23, |r| r.message.recipient = STRANGER),
            (100, enrich),
        ],
    );
}

#[test]
fn a_rejected_transaction_may_be_sent_again_once_its_time_has_come() {
    let mut world = World::market();
    world.buy(ALICE);
    let claim = world.claim(OWNER);
    let waiting = world.send(OWNER, claim.clone());
    assert!(matches!(waiting, Err(Reject::StillWaiting { .. })), "{waiting:?}");
    world.advance(31 * DAY);
    world.ok(OWNER, claim);
}
