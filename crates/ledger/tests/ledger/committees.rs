//! Who votes in a consensus epoch: drawn an epoch ahead, and kept for as long as it is needed.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{
    Committee, CommitteeSeat, Count, Event, GenesisSeat, Input, Key, Params, Record, Reject,
};
use rampart_protocol::{Address, B256, Observation, Ppm};

fn seated() -> World {
    let mut operators = operators(&[(OLGA, 40), (PETE, 35), (QUINN, 25)]);
    for (operator, n) in operators.iter_mut().zip(1u8..) {
        operator.seat = Some(GenesisSeat {
            consensus_key: B256::repeat_byte(n),
            checkpoint_key: Address::repeat_byte(n),
            weight: n.into(),
        });
    }
    operators[2].seat = None;
    World::operated(&calm(), &operators)
}

impl World {
    fn committee(&self, epoch: u64) -> Option<Committee> {
        match self.state.record(&Key::committee(epoch))? {
            Record::Committee(committee) => Some(Committee::clone(committee)),
            other => panic!("{other:?}"),
        }
    }

    fn begin_epoch(&mut self, epoch: u64) {
        self.env.epoch = epoch;
        self.advance(1);
        self.apply(Input::Begin).unwrap();
    }

    fn kept(&self) -> Vec<u64> {
        let all = self.state.records().map(|(_, record)| record);
        let epoch = |record: &Record| match record {
            Record::Committee(committee) => Some(committee.epoch),
            _ => None,
        };
        all.filter_map(epoch).collect()
    }
}

#[test]
fn genesis_seats_those_with_keys_in_the_first_two_epochs() {
    let world = seated();
    let [first, second] = [0, 1].map(|epoch| world.committee(epoch).unwrap());
    assert_eq!((first.epoch, second.epoch), (0, 1));
    assert_eq!(first.seats, second.seats);
    let seats: Vec<_> = first.seats.iter().map(|s| (s.operator, s.weight)).collect();
    assert_eq!(seats, [(OLGA, 1), (PETE, 2)]);
    let set = first.operator_set(DOMAIN);
    set.validate().unwrap();
    assert_eq!(set.operators[1].public_key, B256::repeat_byte(2));
    assert_eq!(world.kept(), [0, 1]);
}

#[test]
fn the_first_block_of_an_epoch_draws_the_next_committee_and_forgets_the_last() {
    let mut world = seated();
    for epoch in [0, 1, 1, 2, 2, 2, 3] {
        world.begin_epoch(epoch);
        assert_eq!(world.kept(), [epoch, epoch + 1]);
    }
}

#[test]
fn an_epoch_that_is_skipped_keeps_the_last_committee() {
    let mut world = seated();
    for epoch in [7, u64::MAX - 1] {
        let seats = world.committee(world.globals().committee).unwrap().seats;
        world.begin_epoch(epoch);
        assert_eq!(world.kept(), [epoch, epoch + 1]);
        assert_eq!(world.committee(epoch).unwrap().seats, seats);
    }
    // There is no epoch after the last.
    world.begin_epoch(u64::MAX);
    assert_eq!(world.kept(), [u64::MAX - 1, u64::MAX]);
}

/// Four operators with the same stake and keys of genesis, none of whom drops out.
fn four() -> World {
    let params = Params {
        seats_max: Count(6),
        ..calm()
    };
    let stakes = [1, 2, 3, 4].map(|n| (Address::repeat_byte(n), 100));
    World::operated(&params, &operators(&stakes))
}

fn member(n: u8) -> Address {
    Address::repeat_byte(n)
}

impl World {
    /// The next committee's operators, with the first byte of consensus and of checkpoint key.
    fn next(&self) -> Vec<(u8, u8, u8)> {
        let committee = self.committee(self.globals().committee).unwrap();
        let seat = |s: &CommitteeSeat| (s.operator[0], s.consensus_key[31], s.checkpoint_key[19]);
        committee.seats.iter().map(seat).collect()
    }

    fn told(&mut self, input: Input) {
        self.apply(input).unwrap();
    }
}

#[test]
fn who_joins_with_stake_and_proven_keys_sits_from_the_epoch_after_next() {
    let mut world = four();
    world.told(world.keyed(member(5), 0x55, 0x56, true));
    world.told(world.staked(member(5), 90, Ppm(0)));
    world.begin_epoch(0);
    assert_eq!(
        world.next().len(),
        4,
        "the next epoch's committee is settled already"
    );
    world.begin_epoch(1);
    assert_eq!(world.globals().committee, 2);
    assert_eq!(world.next()[4], (5, 0x55, 0x56));
    let weights: Vec<u64> = world
        .committee(2)
        .unwrap()
        .seats
        .iter()
        .map(|s| s.weight)
        .collect();
    assert_eq!(weights, [100, 100, 100, 100, 90]);
    let Record::Operator(operator) = world.state.record(&Key::operator(&member(5))).unwrap() else {
        panic!("it has a record")
    };
    assert_eq!(operator.keys.unwrap().since, 1);
}

#[test]
fn without_stake_or_without_proven_keys_nobody_sits() {
    let mut world = four();
    world.told(world.keyed(member(5), 0x55, 0x56, false));
    world.told(world.staked(member(5), 90, Ppm(0)));
    world.told(world.keyed(member(6), 0x65, 0x66, true));
    world.told(world.staked(member(7), 90, Ppm(0)));
    world.begin_epoch(1);
    assert_eq!(world.next().len(), 4);
    // Keys that are not proven take the proven ones from the operator too.
    world.told(world.keyed(member(5), 0x55, 0x56, true));
    world.told(world.keyed(member(5), 0x57, 0x56, false));
    world.begin_epoch(2);
    assert_eq!(world.next().len(), 4);
    world.told(world.keyed(member(5), 0x57, 0x56, true));
    world.begin_epoch(3);
    assert_eq!(world.next()[4], (5, 0x57, 0x56));
}

#[test]
fn of_two_with_one_consensus_key_the_first_has_it() {
    let mut world = four();
    for (n, checkpoint) in [(6, 0x66), (5, 0x56)] {
        world.told(world.keyed(member(n), 0x77, checkpoint, true));
        world.told(world.staked(member(n), 90, Ppm(0)));
    }
    // Another checkpoint key leaves the consensus key as old as it is.
    world.told(world.keyed(member(6), 0x77, 0x67, true));
    for epoch in 1..4 {
        world.begin_epoch(epoch);
        assert_eq!(world.next()[4..], [(6, 0x77, 0x67)]);
    }
    // Nor does anyone get the checkpoint key of who sits.
    world.told(world.keyed(member(5), 0x55, 0x67, true));
    world.begin_epoch(4);
    assert_eq!(world.next()[4..], [(6, 0x77, 0x67)]);
    // The key is free when its first owner has another one, and no committee needs it any more.
    world.told(world.keyed(member(5), 0x77, 0x56, true));
    world.told(world.keyed(member(6), 0x78, 0x67, true));
    world.begin_epoch(5);
    assert_eq!(world.next()[4..], [(6, 0x78, 0x67)]);
    world.begin_epoch(6);
    assert_eq!(world.next()[4..], [(5, 0x77, 0x56), (6, 0x78, 0x67)]);
}

#[test]
fn keys_rotate_one_after_another_in_a_small_committee() {
    let mut world = four();
    for n in 1..=4 {
        world.told(world.keyed(member(n), 0x10 + n, 0x20 + n, true));
    }
    for (epoch, changed) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4)] {
        world.begin_epoch(epoch);
        let expected: Vec<_> = (1..=4)
            .map(|n| {
                if n <= changed {
                    (n, 0x10 + n, 0x20 + n)
                } else {
                    (n, n, n)
                }
            })
            .collect();
        assert_eq!(world.next(), expected, "{epoch}");
    }
    // A checkpoint key alone changes at once: it does not vote.
    for n in 1..=4 {
        world.told(world.keyed(member(n), 0x10 + n, 0x30 + n, true));
    }
    world.begin_epoch(6);
    assert!(
        world
            .next()
            .iter()
            .all(|(n, _, checkpoint)| *checkpoint == 0x30 + n)
    );
}

#[test]
fn who_leaves_is_not_seated_again_unless_too_few_would_be_left() {
    let mut world = four();
    world.told(world.keyed(member(5), 0x55, 0x56, true));
    world.told(world.staked(member(5), 90, Ppm(0)));
    world.begin_epoch(1);
    world.told(world.staked(member(2), 0, Ppm(0)));
    world.begin_epoch(2);
    let members = |world: &World| world.next().iter().map(|seat| seat.0).collect::<Vec<_>>();
    assert_eq!(members(&world), [1, 3, 4, 5]);
    world.told(world.staked(member(3), 0, Ppm(0)));
    world.begin_epoch(3);
    assert_eq!(members(&world), [1, 3, 4, 5], "three could not bear a failure");
    assert_eq!(world.committee(4).unwrap().seats[1].weight, 1);
    world.told(world.staked(member(2), 100, Ppm(0)));
    world.begin_epoch(4);
    assert_eq!(members(&world), [1, 2, 4, 5]);
}

#[test]
fn governance_changes_how_many_sit() {
    let mut world = four();
    world.tune(&[("seats_min", 2), ("seats_max", 3)]);
    world.begin_epoch(1);
    assert_eq!(world.next().len(), 3);
}

#[test]
fn keys_are_told_in_their_place_of_the_sequence() {
    let mut world = four();
    let Input::Observation(Observation::OperatorKeys(mut keys)) = world.keyed(OLGA, 1, 2, true) else {
        unreachable!("keys were told")
    };
    keys.index += 1;
    let result = world.apply(Input::Observation(keys.clone().into()));
    let expected = Reject::RestakingOutOfOrder { got: 1, expected: 0 };
    assert_eq!(result.unwrap_err(), expected.into());
    keys.index = 0;
    let changes = world.apply(Input::Observation(keys.into())).unwrap();
    assert_eq!(
        changes.events,
        [Event::OperatorKeysChanged {
            operator: OLGA,
            consensus_key: B256::repeat_byte(1),
            checkpoint_key: Address::repeat_byte(2),
            proven: true,
        }]
    );
}

#[test]
fn the_largest_committee_fits_a_record() {
    let params = Params {
        seats_max: Count(256),
        ..calm()
    };
    let stakes: Vec<_> = (0..256u64)
        .map(|n| {
            (
                Address::from_word(rampart_protocol::keccak256(n.to_be_bytes())),
                u128::MAX >> 8,
            )
        })
        .collect();
    let mut world = World::operated(&params, &operators(&stakes));
    world.begin_epoch(1);
    let committee = world.committee(2).unwrap();
    assert_eq!(committee.seats.len(), 256);
    assert!(Record::from(committee.clone()).to_bytes().len() < 32 * 1024);
    committee.operator_set(DOMAIN).validate().unwrap();
}
