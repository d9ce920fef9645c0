//! Every sum and counter at its end: the inputs that would pass it, each with the exact answer.

use crate::cases::{Case, offer, order, register, withdraw};
use crate::world::*;
use rampart_ledger::Reject;
use rampart_protocol::{Amount, Nonce, ProviderId, ServiceId, Timestamp};

pub const OVERFLOWS: &[Case] = &[
    |world| {
        world.edit_account(ALICE, |account| account.nonce = Nonce(u64::MAX));
        (
            withdraw(world, |_| {}),
            Reject::Overflow {
                what: "the account's nonce",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.withdrawn = Amount(u128::MAX));
        (
            withdraw(world, |_| {}),
            Reject::Overflow {
                what: "the sum of withdrawals",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.next_provider = ProviderId(u64::MAX));
        (
            register(world, |_| {}),
            Reject::Overflow {
                what: "the number of providers",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.next_service = ServiceId(u64::MAX));
        (
            offer(world, |_| {}),
            Reject::Overflow {
                what: "the number of services",
            },
        )
    },
    |world| {
        let mut service = world.service(SERVICE);
        service.version = u32::MAX;
        world.plant(service);
        let input = World::transaction(OWNER, world.service_update(OWNER));
        (
            input,
            Reject::Overflow {
                what: "the service's version",
            },
        )
    },
    |world| {
        world.at(u64::MAX - 30 * DAY);
        let input = order(world, |m| m.expires_at = Timestamp(u64::MAX));
        (input, Reject::Overflow { what: "the expiry" })
    },
    |world| {
        let full = world
            .provider()
            .revenue
            .add(u128::MAX, world.revenue_steps())
            .unwrap();
        world.edit_provider(|provider| provider.revenue = full);
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the provider's revenue",
            },
        )
    },
    |world| {
        let full = world
            .provider()
            .positive
            .add(u128::MAX, world.score_steps())
            .unwrap();
        world.edit_provider(|provider| provider.positive = full);
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the provider's evidence",
            },
        )
    },
    |world| {
        let fee = Amount(u128::MAX);
        let mut service = world.service(SERVICE);
        service.fee = fee;
        world.plant(service);
        world.edit_account(ALICE, |account| account.balance = fee);
        world.edit_globals(|globals| globals.balances = fee);
        world.edit_params(|params| {
            params.evidence_unit = Amount(1_000_000_000_000);
            params.kappa_max.0 = 10_000_000;
            params.kappa_min.0 = 10_000_000;
        });
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the deposit required",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.purchases = u64::MAX);
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the number of purchases",
            },
        )
    },
    |world| {
        world.edit_provider(|provider| provider.purchases = u64::MAX);
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the provider's purchases",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.pool = Amount(u128::MAX));
        (order(world, |_| {}), Reject::Overflow { what: "the pool" })
    },
    |world| {
        world.edit_globals(|globals| globals.escrow = Amount(u128::MAX));
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the sum of escrow",
            },
        )
    },
    |world| {
        world.buy(ALICE);
        world.edit_provider(|provider| provider.escrow.total = Amount(u128::MAX));
        (
            order(world, |_| {}),
            Reject::Overflow {
                what: "the provider's escrow",
            },
        )
    },
    |world| {
        world.edit_provider(|provider| provider.stake = Amount(u128::MAX));
        let input = World::transaction(OWNER, world.stake(OWNER, Amount(1)));
        (input, Reject::Overflow { what: "the stake" })
    },
    |world| {
        world.edit_globals(|globals| globals.withdrawals = u64::MAX);
        (
            withdraw(world, |_| {}),
            Reject::Overflow {
                what: "the number of withdrawals",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.accounts = u64::MAX);
        (
            world.observed(STRANGER, tokens(1)),
            Reject::Overflow {
                what: "the number of accounts",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.inbox_count = u64::MAX);
        (
            world.observed(ALICE, tokens(1)),
            Reject::Overflow {
                what: "the inbox's count",
            },
        )
    },
    |world| {
        world.edit_globals(|globals| globals.deposited = Amount(u128::MAX));
        (
            world.observed(ALICE, tokens(1)),
            Reject::Overflow {
                what: "the sum of deposits",
            },
        )
    },
    |world| {
        world.buy(ALICE);
        world.advance(31 * DAY);
        world.edit_provider(|provider| provider.claimed = Amount(u128::MAX));
        let input = World::transaction(OWNER, world.claim(OWNER));
        (
            input,
            Reject::Overflow {
                what: "the provider's claims",
            },
        )
    },
];
