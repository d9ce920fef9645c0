//! Precedence, as in `precedence`: messages about stake, funds, keys and refunds.

use crate::court::*;
use crate::precedence::{LATECOMER, Repair, arrive, enrich, uncover};
use crate::world::*;
use rampart_ledger::{Purchase, Record, Status};
use rampart_protocol::message::{
    ClaimRefund, Reinstate, ReleaseStake, RotateAccessKey, SetAutoStake, Transfer, Unbond,
};
use rampart_protocol::observation::Expel;
use rampart_protocol::{AccessKey, Address, Amount, B256, Nonce, Ppm, ProviderId, PurchaseId};

const NOBODY: ProviderId = ProviderId(9);
pub const NOTHING: PurchaseId = PurchaseId(B256::repeat_byte(9));

/// The only purchase of a world.
pub fn only_purchase(world: &World) -> Purchase {
    let mut purchases = world.state.records().filter_map(|(_, record)| match record {
        Record::Purchase(purchase) => Some(Purchase::clone(purchase)),
        _ => None,
    });
    purchases.next().unwrap()
}

pub fn edit_purchase(world: &mut World, change: impl FnOnce(&mut Purchase)) {
    let mut purchase = only_purchase(world);
    change(&mut purchase);
    world.plant(purchase);
}

#[test]
fn of_a_transfer() {
    let message = Transfer {
        recipient: Address::ZERO,
        amount: Amount::ZERO,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world: World::market(),
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
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
fn of_a_share_to_stake() {
    let message = SetAutoStake {
        provider: NOBODY,
        share: Ppm(2_000_000),
        nonce: Nonce(0),
    };
    let repair = Repair {
        world: World::market(),
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (28, |r| r.message.share = Ppm(1_000_000)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
        ],
    );
}

#[test]
fn of_unbonding() {
    let mut world = World::market();
    for _ in 0..8 {
        world.ok(OWNER, world.unbond(OWNER, tokens(1)));
    }
    let message = Unbond {
        provider: NOBODY,
        amount: Amount::ZERO,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (22, |r| r.message.amount = tokens(60_000)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (87, |r| {
                r.world.edit_provider(|provider| provider.unbonding.clear())
            }),
            (103, |r| {
                r.world.edit_provider(|provider| provider.active_services = 0)
            }),
            (104, |r| r.message.amount = tokens(1)),
        ],
    );
}

#[test]
fn of_a_release() {
    let mut world = World::market();
    world.ok(OWNER, world.unbond(OWNER, tokens(1)));
    world.edit_provider(|provider| provider.status = Status::Suspended);
    let message = ReleaseStake {
        provider: NOBODY,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    // 86 is told when nothing is unbonding, so 85 cannot apply then.
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (85, |r| {
                r.world.advance(45 * DAY);
            }),
            (90, |r| {
                r.world.edit_provider(|provider| provider.status = Status::Active)
            }),
        ],
    );
}

#[test]
fn of_a_reinstatement() {
    let message = Reinstate {
        provider: NOBODY,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world: World::court(),
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (42, |r| r.message.provider = PROVIDER),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (78, |r| {
                r.world.disgraced();
            }),
            (89, |r| {
                r.world.advance(13 * DAY);
            }),
        ],
    );
}

#[test]
fn of_a_rotation() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    for _ in 0..4 {
        world.ok(ALICE, world.rotate(ALICE, id, public(&upstream())));
    }
    edit_purchase(&mut world, |purchase| purchase.closed = true);
    world.advance(31 * DAY);
    let message = RotateAccessKey {
        purchase: NOTHING,
        access_key: AccessKey(B256::ZERO),
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (27, |r| r.message.access_key = public(&access())),
            (44, |r| r.message.purchase = only_purchase(&r.world).record.id),
            (49, |r| {
                (r.signer, r.message.nonce) = (ALICE, r.world.nonce(ALICE))
            }),
            (69, |r| {
                r.world.at(START);
            }),
            (70, |r| {
                edit_purchase(&mut r.world, |purchase| purchase.closed = false)
            }),
            (71, |r| {
                edit_purchase(&mut r.world, |purchase| purchase.rotations.clear())
            }),
        ],
    );
}

#[test]
fn of_a_refund() {
    let mut world = World::court();
    world.buy(ALICE);
    edit_purchase(&mut world, |purchase| purchase.closed = true);
    let message = ClaimRefund {
        purchase: NOTHING,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (44, |r| r.message.purchase = only_purchase(&r.world).record.id),
            (49, |r| {
                (r.signer, r.message.nonce) = (ALICE, r.world.nonce(ALICE))
            }),
            (70, |r| {
                edit_purchase(&mut r.world, |purchase| purchase.closed = false)
            }),
            (79, |r| {
                r.world.govern(Expel { provider: PROVIDER });
            }),
        ],
    );
}
