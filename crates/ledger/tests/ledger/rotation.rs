//! Rotation of a purchase's access key (C6).

use crate::court::upstream;
use crate::world::*;
use ed25519_dalek::SigningKey;
use rampart_ledger::{Event, Reject};
use rampart_protocol::http_signature::ProfileError;
use rampart_protocol::message::ReportUsage;
use rampart_protocol::usage::VoucherError;
use rampart_protocol::{PurchaseId, Sequence};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn report_by(world: &World, signer: &SigningKey, id: PurchaseId, used: u64) -> ReportUsage {
    let (voucher, signature) = voucher(signer, id, used);
    ReportUsage {
        purchase: id,
        used: Sequence(used),
        voucher,
        signature,
        nonce: world.nonce(OWNER),
    }
}

#[test]
fn the_new_key_signs_from_then_on() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let events = world.ok(ALICE, world.rotate(ALICE, id, public(&upstream())));
    let expected = Event::AccessKeyRotated {
        purchase: id,
        provider: PROVIDER,
        access_key: public(&upstream()),
    };
    assert_eq!(events, [expected]);
    assert_eq!(world.purchase(id).access_key(), public(&upstream()));
    assert_eq!(
        world.purchase(id).record.access_key,
        public(&access()),
        "the confirmation does not change"
    );
    world.ok(OWNER, report_by(&world, &upstream(), id, 4));
}

#[test]
fn what_every_earlier_key_signed_stays_good() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    for seed in 20..24 {
        world.ok(ALICE, world.rotate(ALICE, id, public(&key(seed))));
    }
    for (used, signer) in (1..).zip([access(), key(20), key(22), key(21), key(23)]) {
        world.ok(OWNER, report_by(&world, &signer, id, used));
    }
    assert_eq!(world.purchase(id).used, Sequence(5));
}

#[test]
fn a_key_that_was_never_the_purchases_proves_nothing() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    world.ok(ALICE, world.rotate(ALICE, id, public(&upstream())));
    let reason = VoucherError::Profile(ProfileError::Invalid);
    assert_eq!(
        world.send(OWNER, report_by(&world, &key(50), id, 1)),
        Err(Reject::BadVoucher { reason })
    );
}

#[test]
fn a_key_can_be_rotated_until_the_purchase_expires() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let expired_at = world.purchase(id).record.expires_at;
    world.at(expired_at.0);
    world.ok(ALICE, world.rotate(ALICE, id, public(&upstream())));
    world.advance(1);
    let late = world.rotate(ALICE, id, public(&upstream()));
    assert_eq!(
        world.send(ALICE, late),
        Err(Reject::PurchaseExpired { expired_at })
    );
}
