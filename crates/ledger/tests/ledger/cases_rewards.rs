//! Rejections of what the L1 tells, of availability reports, and of rewards.

use crate::cases::Case;
use crate::court::*;
use crate::world::*;
use rampart_ledger::{Input, Reject};
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::observation::Observation;
use rampart_protocol::{Ppm, message};

pub const RESTAKING: &[Case] = &[
    |world| {
        world.restake(OLGA, 41, Ppm(0));
        let Input::Observation(Observation::OperatorStake(mut skipped)) = world.staked(OLGA, 42, Ppm(0))
        else {
            unreachable!("it tells of a stake")
        };
        skipped.index = 2;
        (
            Input::Observation(Observation::OperatorStake(skipped)),
            Reject::RestakingOutOfOrder { got: 2, expected: 1 },
        )
    },
    |world| {
        let again = world.weighted(OLGA, IRIS, 1);
        world.invest(OLGA, IRIS, 1);
        (again, Reject::RestakingOutOfOrder { got: 0, expected: 1 })
    },
];

pub const AVAILABILITY: &[Case] = &[
    |world| {
        let report = world.availability(ALICE, &[]);
        (
            World::transaction(ALICE, report),
            Reject::NotOperator { signer: ALICE },
        )
    },
    |world| {
        world.pass(30 * DAY);
        world.ok(OLGA, world.availability(OLGA, &[]));
        let again = world.availability(OLGA, &[1]);
        let expected = Reject::AlreadyReported {
            signer: OLGA,
            epoch: 0,
            page: 0,
        };
        (World::transaction(OLGA, again), expected)
    },
    |world| {
        world.pass(30 * DAY);
        let beyond = ReportAvailability {
            page: 1,
            ..world.availability(OLGA, &[])
        };
        (
            World::transaction(OLGA, beyond),
            Reject::UnknownPage { page: 1, pages: 1 },
        )
    },
    |world| {
        // Before the first epoch has ended nothing can be reported, and no page is due.
        let early = world.availability(OLGA, &[]);
        (
            World::transaction(OLGA, early),
            Reject::UnknownPage { page: 0, pages: 0 },
        )
    },
    |world| {
        world.pass(30 * DAY);
        world.pass(30 * DAY);
        let late = ReportAvailability {
            epoch: 0,
            ..world.availability(OLGA, &[])
        };
        let expected = Reject::WrongEpoch {
            got: 0,
            reportable: 1,
        };
        (World::transaction(OLGA, late), expected)
    },
];

pub const REWARDS: &[Case] = &[
    |world| {
        let claim = world.reap(ALICE, OLGA);
        let expected = Reject::NoRewards {
            operator: OLGA,
            signer: ALICE,
        };
        (World::transaction(ALICE, claim), expected)
    },
    |world| {
        let claim = world.reap(ALICE, BOB);
        let expected = Reject::NoRewards {
            operator: BOB,
            signer: ALICE,
        };
        (World::transaction(ALICE, claim), expected)
    },
    |world| {
        (
            World::transaction(OLGA, world.reap(OLGA, OLGA)),
            Reject::NothingOwed {},
        )
    },
    |world| {
        world.invest(OLGA, IRIS, 7);
        let claim: message::ClaimRewards = world.reap(IRIS, OLGA);
        (World::transaction(IRIS, claim), Reject::NothingOwed {})
    },
];
