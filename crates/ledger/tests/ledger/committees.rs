//! Who votes in a consensus epoch: drawn an epoch ahead, and kept for as long as it is needed.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Committee, GenesisSeat, Input, Key, Record};
use rampart_protocol::{Address, B256};

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
    let seats = world.committee(1).unwrap().seats;
    for epoch in [7, u64::MAX - 1] {
        world.begin_epoch(epoch);
        assert_eq!(world.kept(), [epoch, epoch + 1]);
        assert_eq!(world.committee(epoch).unwrap().seats, seats);
    }
    // There is no epoch after the last.
    world.begin_epoch(u64::MAX);
    assert_eq!(world.kept(), [u64::MAX - 1, u64::MAX]);
}
