//! The inputs that earn a rejection, each with the exact answer; `rejections` runs them.

use crate::world::*;
use rampart_ledger::{Input, Reject, Status};
use rampart_protocol::observation::{Deposit, Observation};
use rampart_protocol::usage::VoucherError;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Nonce, ProviderId, PurchaseId, Seconds, Sequence, ServiceId, Timestamp,
    message,
};

/// Prepares a market, and returns an input with the answer that it must get.
pub type Case = fn(&mut World) -> (Input, Reject);

pub fn order(world: &World, change: impl FnOnce(&mut message::Purchase)) -> Input {
    let mut order = world.order(ALICE);
    change(&mut order);
    World::transaction(ALICE, order)
}

pub fn register(world: &World, change: impl FnOnce(&mut message::RegisterProvider)) -> Input {
    let mut registration = world.registration(RIVAL);
    change(&mut registration);
    World::transaction(RIVAL, registration)
}

pub fn offer(world: &World, change: impl FnOnce(&mut message::RegisterService)) -> Input {
    let mut terms = world.service_terms(OWNER);
    change(&mut terms);
    World::transaction(OWNER, terms)
}

pub fn withdraw(world: &World, change: impl FnOnce(&mut message::Withdraw)) -> Input {
    let mut withdrawal = world.withdrawal(ALICE, tokens(1));
    change(&mut withdrawal);
    World::transaction(ALICE, withdrawal)
}

pub const ENVELOPE: &[Case] = &[
    |world| {
        let input = register(world, |m| m.name = "x".repeat(65));
        (
            input,
            Reject::FieldTooLong {
                what: "name",
                actual: 65,
                limit: 64,
            },
        )
    },
    |world| {
        let input = register(world, |m| m.endpoint = "x".repeat(257));
        (
            input,
            Reject::FieldTooLong {
                what: "endpoint",
                actual: 257,
                limit: 256,
            },
        )
    },
    |world| {
        let input = offer(world, |m| m.description = "x".repeat(1025));
        (
            input,
            Reject::FieldTooLong {
                what: "description",
                actual: 1025,
                limit: 1024,
            },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let mut report = world.report(id, 1);
        report.voucher = vec![b'x'; 2049].into();
        let expected = Reject::FieldTooLong {
            what: "voucher",
            actual: 2049,
            limit: 2048,
        };
        (World::transaction(OWNER, report), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        let mut report = world.report(id, 1);
        report.signature = vec![0; 65].into();
        let expected = Reject::FieldTooLong {
            what: "signature",
            actual: 65,
            limit: 64,
        };
        (World::transaction(OWNER, report), expected)
    },
    |world| {
        let input = World::transaction(STRANGER, world.withdrawal(STRANGER, tokens(1)));
        (input, Reject::UnknownAccount { account: STRANGER })
    },
    |world| {
        world.buy(ALICE);
        let expected = Reject::StaleNonce {
            got: Nonce(0),
            expected: Nonce(1),
        };
        (withdraw(world, |m| m.nonce = Nonce(0)), expected)
    },
    |world| {
        let expected = Reject::FutureNonce {
            got: Nonce(1),
            expected: Nonce(0),
        };
        (withdraw(world, |m| m.nonce = Nonce(1)), expected)
    },
    |world| {
        let deposit = Deposit {
            index: 9,
            account: ALICE,
            amount: tokens(1),
            block_number: 1,
            block_hash: B256::ZERO,
        };
        (
            Input::Observation(Observation::Deposit(deposit)),
            Reject::InboxOutOfOrder {
                got: 9,
                expected: world.globals().inbox_count,
            },
        )
    },
];

pub const VALUES: &[Case] = &[
    |world| {
        (
            register(world, |m| m.name = String::new()),
            Reject::BadText { what: "the name" },
        )
    },
    |world| {
        (
            offer(world, |m| m.description = "\u{7}".into()),
            Reject::BadText {
                what: "the description",
            },
        )
    },
    |world| {
        (
            register(world, |m| m.endpoint = "sidecar:80".into()),
            Reject::BadEndpoint {},
        )
    },
    |world| {
        let input = World::transaction(OWNER, world.stake(OWNER, Amount::ZERO));
        (
            input,
            Reject::ZeroAmount {
                what: "the stake added",
            },
        )
    },
    |world| {
        (
            withdraw(world, |m| m.amount = Amount::ZERO),
            Reject::ZeroAmount {
                what: "the withdrawal",
            },
        )
    },
    |world| {
        (
            withdraw(world, |m| m.recipient = Address::ZERO),
            Reject::BadRecipient {
                recipient: Address::ZERO,
            },
        )
    },
    |world| (offer(world, |m| m.requests = 0), Reject::NoRequests {}),
    |world| {
        let least = world.params().fee_min;
        (
            offer(world, |m| m.fee = Amount(1)),
            Reject::FeeTooLow {
                fee: Amount(1),
                least,
            },
        )
    },
    |world| {
        let (min, max) = (Seconds(DAY), Seconds(HOUR));
        let (least, most) = (Seconds(HOUR), Seconds(365 * DAY));
        let input = offer(world, |m| (m.min_duration, m.max_duration) = (min, max));
        (
            input,
            Reject::BadDurations {
                min,
                max,
                least,
                most,
            },
        )
    },
    |world| {
        (
            order(world, |m| m.access_key = AccessKey(B256::ZERO)),
            Reject::BadAccessKey {},
        )
    },
];

pub const RIGHTS: &[Case] = &[
    |world| {
        (
            order(world, |m| m.consumer = BOB),
            Reject::WrongConsumer {
                named: BOB,
                signer: ALICE,
            },
        )
    },
    |world| {
        let input = World::transaction(OWNER, world.registration(OWNER));
        (input, Reject::AlreadyProvider { provider: PROVIDER })
    },
    |world| {
        let unknown = ProviderId(2);
        (
            order(world, |m| m.provider = unknown),
            Reject::UnknownProvider { provider: unknown },
        )
    },
    |world| {
        let unknown = ProviderId(u64::MAX);
        (
            offer(world, |m| m.provider = unknown),
            Reject::UnknownProvider { provider: unknown },
        )
    },
    |world| {
        let unknown = ServiceId(0);
        (
            order(world, |m| m.service = unknown),
            Reject::UnknownService { service: unknown },
        )
    },
    |world| {
        let unknown = PurchaseId(B256::repeat_byte(3));
        (
            World::transaction(OWNER, world.report(unknown, 1)),
            Reject::UnknownPurchase { purchase: unknown },
        )
    },
    |world| {
        world.ok(RIVAL, world.registration(RIVAL));
        let named = ProviderId(2);
        let expected = Reject::WrongProvider {
            service: SERVICE,
            named,
            actual: PROVIDER,
        };
        (order(world, |m| m.provider = named), expected)
    },
    |world| {
        let input = World::transaction(RIVAL, world.claim(RIVAL));
        (
            input,
            Reject::NotOwner {
                provider: PROVIDER,
                owner: OWNER,
                signer: RIVAL,
            },
        )
    },
    |world| {
        let id = world.buy(BOB);
        let mut existing = world.purchase(id);
        let order = world.order(ALICE);
        existing.record.id = order.id(&DOMAIN);
        world.plant(existing.clone());
        (
            World::transaction(ALICE, order),
            Reject::PurchaseExists {
                purchase: existing.record.id,
            },
        )
    },
    |world| {
        world.edit_params(|params| params.services_max.0 = 1);
        (offer(world, |_| {}), Reject::TooManyServices { limit: 1 })
    },
];

pub const TERMS: &[Case] = &[
    |world| {
        world.edit_provider(|provider| provider.status = Status::Suspended);
        (
            order(world, |_| {}),
            Reject::ProviderSuspended { provider: PROVIDER },
        )
    },
    |world| {
        world.edit_provider(|provider| provider.status = Status::Expelled);
        (
            order(world, |_| {}),
            Reject::ProviderExpelled { provider: PROVIDER },
        )
    },
    |world| {
        let mut retire = world.service_update(OWNER);
        retire.active = false;
        world.ok(OWNER, retire);
        (order(world, |_| {}), Reject::ServiceRetired { service: SERVICE })
    },
    |world| {
        (
            order(world, |m| m.version = 2),
            Reject::VersionMismatch {
                signed: 2,
                current: 1,
            },
        )
    },
    |world| {
        let expected = Reject::FeeMismatch {
            signed: tokens(99),
            asked: tokens(100),
        };
        (order(world, |m| m.fee = tokens(99)), expected)
    },
    |world| {
        let (expires_at, earliest) = (Timestamp(START), Timestamp(START + HOUR));
        (
            order(world, |m| m.expires_at = expires_at),
            Reject::ExpiryTooSoon { expires_at, earliest },
        )
    },
    |world| {
        let (expires_at, latest) = (Timestamp(START + 91 * DAY), Timestamp(START + 90 * DAY));
        (
            order(world, |m| m.expires_at = expires_at),
            Reject::ExpiryTooLate { expires_at, latest },
        )
    },
];

pub const USAGE: &[Case] = &[
    |world| {
        let id = world.buy(ALICE);
        world.ok(OWNER, world.report(id, 4));
        let input = World::transaction(OWNER, world.report(id, 4));
        (
            input,
            Reject::UsageNotIncreased {
                got: Sequence(4),
                known: Sequence(4),
            },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let input = World::transaction(OWNER, world.report(id, 1_001));
        (
            input,
            Reject::UsageExceedsPackage {
                got: Sequence(1_001),
                package: 1_000,
            },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let mut report = world.report(id, 4);
        report.used = Sequence(5);
        let reason = VoucherError::OtherSequence(Sequence(4));
        (World::transaction(OWNER, report), Reject::BadVoucher { reason })
    },
    |world| {
        (
            World::transaction(OWNER, world.claim(OWNER)),
            Reject::NothingInEscrow {},
        )
    },
    |world| {
        world.buy(ALICE);
        let retrievable_at = Timestamp(START + HOUR - 1 + 30 * DAY - 28 * DAY * 529_411 / 1_000_000);
        let expected = Reject::StillWaiting {
            escrow: tokens(95),
            retrievable_at,
        };
        (World::transaction(OWNER, world.claim(OWNER)), expected)
    },
];

pub const FUNDS: &[Case] = &[
    |world| {
        let need = tokens(100_001);
        (
            withdraw(world, |m| m.amount = need),
            Reject::InsufficientBalance {
                have: tokens(100_000),
                need,
            },
        )
    },
    |world| {
        let have = tokens(999);
        (
            register(world, |m| m.stake = have),
            Reject::StakeTooLow {
                have,
                need: tokens(1_000),
            },
        )
    },
    |world| {
        let have = tokens(1_000);
        world.edit_provider(|provider| provider.stake = have);
        // 1,000 + kappa(0.529411) * 100, with kappa = 1 - 0.8 * 0.529411 rounded up to 0.576472.
        let need = Amount(tokens(1_000).0 + 576_472 * tokens(100).0 / 1_000_000);
        (order(world, |_| {}), Reject::Undercollateralised { have, need })
    },
];
