//! Rejections of what moves stake and funds: transfers, unbonding, automatic stake, suspended and expelled providers.

use crate::cases::Case;
use crate::world::*;
use rampart_ledger::Reject;
use rampart_protocol::message::Unbond;
use rampart_protocol::observation::{Expel, Suspend};
use rampart_protocol::{Address, Amount, ProviderId, Timestamp};

pub const TRANSFERS: &[Case] = &[
    |world| {
        let nothing = world.transfer(ALICE, BOB, Amount::ZERO);
        (
            World::transaction(ALICE, nothing),
            Reject::ZeroAmount { what: "the transfer" },
        )
    },
    |world| {
        let recipient = Address::ZERO;
        let transfer = world.transfer(ALICE, recipient, tokens(1));
        (
            World::transaction(ALICE, transfer),
            Reject::BadRecipient { recipient },
        )
    },
    |world| {
        let recipient = DOMAIN.settlement;
        let transfer = world.transfer(ALICE, recipient, tokens(1));
        (
            World::transaction(ALICE, transfer),
            Reject::BadRecipient { recipient },
        )
    },
    |world| {
        let transfer = world.transfer(ALICE, ALICE, tokens(1));
        (
            World::transaction(ALICE, transfer),
            Reject::BadRecipient { recipient: ALICE },
        )
    },
    |world| {
        let need = tokens(100_001);
        let transfer = world.transfer(ALICE, BOB, need);
        let expected = Reject::InsufficientBalance {
            have: tokens(100_000),
            need,
        };
        (World::transaction(ALICE, transfer), expected)
    },
    |world| {
        world.tune(&[("storage_fee", tokens(1).0)]);
        let transfer = world.transfer(ALICE, STRANGER, tokens(100_000));
        let expected = Reject::InsufficientBalance {
            have: tokens(100_000),
            need: tokens(100_001),
        };
        (World::transaction(ALICE, transfer), expected)
    },
];

pub const STAKE: &[Case] = &[
    |world| {
        let share = world.auto_stake(OWNER, 1_000_001);
        let expected = Reject::BadFraction {
            what: "the share",
            ppm: 1_000_001,
        };
        (World::transaction(OWNER, share), expected)
    },
    |world| {
        let nothing = world.unbond(OWNER, Amount::ZERO);
        let expected = Reject::ZeroAmount {
            what: "the stake taken out",
        };
        (World::transaction(OWNER, nothing), expected)
    },
    |world| {
        let unbond = Unbond {
            provider: ProviderId(9),
            ..world.unbond(OWNER, tokens(1))
        };
        (
            World::transaction(OWNER, unbond),
            Reject::UnknownProvider {
                provider: ProviderId(9),
            },
        )
    },
    |world| {
        for _ in 0..8 {
            world.ok(OWNER, world.unbond(OWNER, tokens(1)));
        }
        let ninth = world.unbond(OWNER, tokens(1));
        (
            World::transaction(OWNER, ninth),
            Reject::TooManyUnbondings { limit: 8 },
        )
    },
    |world| {
        let expected = Reject::StakeRequired {
            have: tokens(50_000),
            need: tokens(1_000),
        };
        let unbond = world.unbond(OWNER, Amount(tokens(49_000).0 + 1));
        (World::transaction(OWNER, unbond), expected)
    },
    |world| {
        let mut retire = world.service_update(OWNER);
        retire.active = false;
        world.ok(OWNER, retire);
        let need = Amount(tokens(50_000).0 + 1);
        let expected = Reject::InsufficientStake {
            have: tokens(50_000),
            need,
        };
        (World::transaction(OWNER, world.unbond(OWNER, need)), expected)
    },
    |world| {
        (
            World::transaction(OWNER, world.release(OWNER)),
            Reject::NothingUnbonding {},
        )
    },
    |world| {
        world.ok(OWNER, world.unbond(OWNER, tokens(1)));
        world.advance(45 * DAY - 1);
        let release_at = Timestamp(START + 45 * DAY);
        (
            World::transaction(OWNER, world.release(OWNER)),
            Reject::StillUnbonding { release_at },
        )
    },
    |world| {
        world.ok(OWNER, world.unbond(OWNER, tokens(1)));
        world.advance(45 * DAY);
        world.govern(Suspend { provider: PROVIDER });
        let expected = Reject::Held {
            provider: PROVIDER,
            until: Timestamp(START + 75 * DAY),
        };
        (World::transaction(OWNER, world.release(OWNER)), expected)
    },
    |world| {
        world.buy(ALICE);
        world.advance(31 * DAY);
        world.govern(Expel { provider: PROVIDER });
        world.advance(30 * DAY);
        let expected = Reject::Held {
            provider: PROVIDER,
            until: Timestamp(START + 61 * DAY),
        };
        (World::transaction(OWNER, world.claim(OWNER)), expected)
    },
];

pub const STATUS: &[Case] = &[
    |world| {
        (
            World::transaction(OWNER, world.reinstate(OWNER)),
            Reject::NotSuspended { provider: PROVIDER },
        )
    },
    |world| {
        // Governance's suspension is not the score's to end.
        world.govern(Suspend { provider: PROVIDER });
        (
            World::transaction(OWNER, world.reinstate(OWNER)),
            Reject::NotSuspended { provider: PROVIDER },
        )
    },
    |world| {
        world.disgraced();
        // (12.5 + 50) / (12.5 + 250 + 100)
        let expected = Reject::ScoreTooLow {
            score: 172_413,
            least: 200_000,
        };
        (World::transaction(OWNER, world.reinstate(OWNER)), expected)
    },
];
