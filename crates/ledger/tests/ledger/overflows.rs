//! Every sum and counter at its end: the inputs that would pass it, each with the exact answer.

use crate::cases::{Case, offer, order, register, withdraw};
use crate::court::*;
use crate::precedence_stake::edit_purchase;
use crate::world::*;
use rampart_ledger::{Decaying, Evidence, Input, Pair, Queue, Reject};
use rampart_protocol::{Amount, Nonce, ProviderId, ServiceId, Timestamp};

fn overflow(what: &'static str) -> Reject {
    Reject::Overflow { what }
}

/// A review that Alice would publish.
fn complain(world: &mut World) -> Input {
    let id = world.buy(ALICE);
    World::transaction(ALICE, world.complaint(ALICE, id))
}

/// A challenge that the owner would make.
fn object(world: &mut World) -> Input {
    let id = world.reviewed();
    World::transaction(OWNER, world.objection(id))
}

fn fill_queue(world: &mut World, queue: usize) {
    world.edit_globals(|globals| {
        globals.queues[queue] = Queue {
            head: u64::MAX,
            tail: u64::MAX,
        };
    });
}

/// Sums and counters of reviews, challenges, stake and rewards.
pub const MORE_OVERFLOWS: &[Case] = &[
    |world| {
        fill_queue(world, 0);
        (complain(world), overflow("the number of deadlines"))
    },
    |world| {
        let input = object(world);
        fill_queue(world, 1);
        (input, overflow("the number of deadlines"))
    },
    |world| {
        let input = complain(world);
        world.edit_globals(|globals| globals.deposits = Amount(u128::MAX));
        (input, overflow("the sum of deposits held"))
    },
    |world| {
        let input = complain(world);
        world.edit_account(ALICE, |account| account.deposits = Amount(u128::MAX));
        (input, overflow("the account's deposits"))
    },
    |world| {
        let input = complain(world);
        edit_purchase(world, |purchase| purchase.evidence = Evidence(u128::MAX));
        (input, overflow("the review's evidence"))
    },
    |world| {
        let input = complain(world);
        let full = Decaying::of(u128::MAX, world.score_steps()).unwrap();
        world.edit_provider(|provider| provider.negative = full);
        (input, overflow("the provider's evidence"))
    },
    |world| {
        let input = complain(world);
        edit_purchase(world, |purchase| purchase.record.expires_at = Timestamp(u64::MAX));
        world.at(u64::MAX);
        (input, overflow("the challenge window"))
    },
    |world| {
        let input = object(world);
        world.edit_provider(|provider| provider.bonds = Amount(u128::MAX));
        (input, overflow("the provider's bonds"))
    },
    |world| {
        let input = object(world);
        world.edit_globals(|globals| globals.bonds = Amount(u128::MAX));
        (input, overflow("the sum of bonds"))
    },
    |world| {
        let id = world.reviewed();
        let input = World::transaction(OWNER, world.objection(id));
        let mut review = world.review(id);
        review.challenge_until = Timestamp(u64::MAX);
        world.plant(review);
        world.at(u64::MAX);
        (input, overflow("the round's end"))
    },
    |world| {
        world.at(u64::MAX);
        let input = World::transaction(OWNER, world.unbond(OWNER, Amount(1)));
        (input, overflow("the time of release"))
    },
    |world| {
        world.edit_globals(|globals| globals.unbonding = Amount(u128::MAX));
        let input = World::transaction(OWNER, world.unbond(OWNER, Amount(1)));
        (input, overflow("the sum of unbonding stake"))
    },
    |world| {
        world.edit_globals(|globals| globals.stakes = Amount(u128::MAX));
        let input = World::transaction(OWNER, world.stake(OWNER, Amount(1)));
        (input, overflow("the sum of stakes"))
    },
    |world| {
        world.edit_params(|params| params.storage_fee = Amount(1));
        let input = withdraw(world, |m| m.amount = Amount(u128::MAX));
        (input, overflow("the amount with the storage fee"))
    },
    |world| {
        let spent = Decaying::of(u128::MAX, world.score_steps()).unwrap();
        world.plant(Pair {
            consumer: ALICE,
            provider: PROVIDER,
            spent,
        });
        (order(world, |_| {}), overflow("the evidence"))
    },
    |world| {
        let spent = Decaying::of(u128::MAX, world.score_steps()).unwrap();
        world.plant(Pair {
            consumer: ALICE,
            provider: PROVIDER,
            spent,
        });
        // Later in the half-life it is worth less, but the sum is kept as it stood at its beginning.
        world.advance(20 * DAY);
        (order(world, |_| {}), overflow("the consumer's spending"))
    },
    |world| {
        world.edit_globals(|globals| globals.epoch.sellers = u64::MAX);
        (order(world, |_| {}), overflow("the epoch's sellers"))
    },
    |world| {
        world.edit_globals(|globals| globals.restaking_count = u64::MAX);
        (world.weighted(OLGA, IRIS, 1), overflow("the count of L1 events"))
    },
    |world| {
        world.invest(OLGA, JACK, 1);
        let input = world.weighted(OLGA, IRIS, u128::MAX);
        (input, overflow("the operator's weight"))
    },
    |world| {
        let mut operator = world.operator(OLGA);
        (operator.owed, operator.claimed) = (Amount(1), Amount(u128::MAX));
        world.plant(operator);
        let input = World::transaction(OLGA, world.reap(OLGA, OLGA));
        (input, overflow("the operator's claims"))
    },
    |world| {
        world.invest(OLGA, IRIS, 1);
        let mut investor = world.investor(OLGA, IRIS);
        (investor.owed, investor.claimed) = (Amount(1), Amount(u128::MAX));
        world.plant(investor);
        let input = World::transaction(IRIS, world.reap(IRIS, OLGA));
        (input, overflow("the investor's claims"))
    },
];

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
