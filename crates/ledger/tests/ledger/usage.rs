//! Reports of use (P3, V6), with real Ed25519 signatures in the RFC 9421 profile.

use crate::world::*;
use ed25519_dalek::SigningKey;
use rampart_ledger::{Event, Reject};
use rampart_protocol::http_signature::ProfileError;
use rampart_protocol::usage::VoucherError;
use rampart_protocol::{Bytes, PurchaseId, Sequence, Timestamp};

#[test]
fn a_report_raises_the_proven_use_to_what_the_voucher_authorises() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    for (used, later) in [(1, 10), (7, 20), (999, 30), (1_000, 40)] {
        world.at(START + later);
        let events = world.ok(OWNER, world.report(id, used));
        let expected = Event::UsageReported {
            purchase: id,
            provider: PROVIDER,
            used: Sequence(used),
        };
        assert_eq!(events, [expected]);
        let purchase = world.purchase(id);
        assert_eq!(
            (purchase.used, purchase.reported_at),
            (Sequence(used), Timestamp(START + later))
        );
    }
}

#[test]
fn use_is_cumulative_and_never_falls() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    world.ok(OWNER, world.report(id, 10));
    for got in [0, 1, 9, 10] {
        let mut report = world.report(id, 10);
        report.used = Sequence(got);
        let expected = Reject::UsageNotIncreased {
            got: Sequence(got),
            known: Sequence(10),
        };
        assert_eq!(world.send(OWNER, report), Err(expected), "{got}");
    }
    world.ok(OWNER, world.report(id, 11));
}

#[test]
fn use_never_exceeds_the_package() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    for got in [1_001, 2_000, u64::MAX] {
        let expected = Reject::UsageExceedsPackage {
            got: Sequence(got),
            package: 1_000,
        };
        assert_eq!(world.send(OWNER, world.report(id, got)), Err(expected), "{got}");
    }
    assert_eq!(world.purchase(id).used, Sequence(0));
}

#[test]
fn a_voucher_counts_for_its_purchase_number_and_key_only() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let other = world.buy(ALICE);
    let rejected = |reason| Err(Reject::BadVoucher { reason });
    let good = world.report(id, 5);

    let (base, signature) = voucher(&access(), other, 5);
    let mut report = good.clone();
    (report.voucher, report.signature) = (base, signature);
    assert_eq!(
        world.send(OWNER, report),
        rejected(VoucherError::OtherPurchase(other))
    );

    for n in [4, 6] {
        let (base, signature) = voucher(&access(), id, n);
        let mut report = good.clone();
        (report.voucher, report.signature) = (base, signature);
        assert_eq!(
            world.send(OWNER, report),
            rejected(VoucherError::OtherSequence(Sequence(n)))
        );
    }

    let (base, signature) = voucher(&SigningKey::from_bytes(&[8; 32]), id, 5);
    let mut report = good.clone();
    (report.voucher, report.signature) = (base, signature);
    assert_eq!(
        world.send(OWNER, report),
        rejected(VoucherError::Profile(ProfileError::Invalid))
    );
    world.ok(OWNER, good);
}

#[test]
fn a_voucher_with_one_bit_changed_proves_nothing() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let good = world.report(id, 5);
    for at in (0..good.voucher.len()).step_by(7) {
        let mut report = good.clone();
        let mut bytes = report.voucher.to_vec();
        bytes[at] ^= 1;
        report.voucher = bytes.into();
        let refused = world.send(OWNER, report);
        assert!(
            matches!(refused, Err(Reject::BadVoucher { .. })),
            "byte {at}: {refused:?}"
        );
    }
    for at in 0..64 {
        let mut report = good.clone();
        let mut bytes = report.signature.to_vec();
        bytes[at] ^= 1;
        report.signature = bytes.into();
        let invalid = VoucherError::Profile(ProfileError::Invalid);
        assert_eq!(
            world.send(OWNER, report),
            Err(Reject::BadVoucher { reason: invalid }),
            "byte {at}"
        );
    }
    world.ok(OWNER, good);
}

#[test]
fn bytes_that_are_no_voucher_are_told_apart() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let good = world.report(id, 5);
    for (voucher, signature, reason) in [
        (vec![0xff, 0xfe], good.signature.clone(), VoucherError::NotText),
        (
            good.voucher.to_vec(),
            Bytes::from(vec![0; 63]),
            VoucherError::SignatureLength,
        ),
        (good.voucher.to_vec(), Bytes::new(), VoucherError::SignatureLength),
    ] {
        let mut report = good.clone();
        (report.voucher, report.signature) = (voucher.into(), signature);
        assert_eq!(world.send(OWNER, report), Err(Reject::BadVoucher { reason }));
    }
    for voucher in [&b""[..], b"\"@method\": GET", b"\"@signature-params\": ()"] {
        let mut report = good.clone();
        report.voucher = voucher.to_vec().into();
        let refused = world.send(OWNER, report);
        let expected = matches!(
            refused,
            Err(Reject::BadVoucher {
                reason: VoucherError::Profile(ProfileError::Input(_))
            })
        );
        assert!(expected, "{refused:?}");
    }
}

#[test]
fn use_can_be_proven_after_the_expiry() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    world.advance(400 * DAY);
    world.ok(OWNER, world.report(id, 3));
    assert_eq!(world.purchase(id).used, Sequence(3));
}

#[test]
fn use_of_a_purchase_that_was_never_made_cannot_be_reported() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    // The keys of these two ids are the same: a key holds all but the last byte.
    let mut twin = id;
    twin.0.0[31] ^= 1;
    for unknown in [PurchaseId::default(), twin] {
        let expected = Reject::UnknownPurchase { purchase: unknown };
        assert_eq!(world.send(OWNER, world.report(unknown, 1)), Err(expected));
    }
}

#[test]
fn a_report_changes_no_funds() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let (globals, provider) = (world.globals(), world.provider());
    world.ok(OWNER, world.report(id, 1_000));
    assert_eq!((world.globals(), world.provider()), (globals, provider));
}
