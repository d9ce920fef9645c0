//! A state that contradicts itself is noticed: by the rules where they meet it, and by the audit everywhere.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{
    AuditError, Ballot, Changeset, Corrupt, EscrowPage, Fault, Imbalance, Key, MemoryState, Record, Subject,
    apply, audit, standing,
};
use rampart_protocol::{Amount, B256, Timestamp};

/// A market in which everything happened once: two accounts bought, use was reported, part claimed, part withdrawn.
fn lived_in() -> World {
    let mut world = World::market();
    let id = world.buy(ALICE);
    world.buy(BOB);
    world.ok(OWNER, world.report(id, 3));
    world.advance(20 * DAY);
    world.buy(ALICE);
    world.ok(OWNER, world.claim(OWNER));
    world.ok(BOB, world.withdrawal(BOB, tokens(5)));
    world.ok(ALICE, world.withdrawal(ALICE, tokens(6)));
    world
}

fn page(world: &World) -> EscrowPage {
    let key = Key::escrow_page(PROVIDER, world.provider().escrow.first);
    world.get(&key)
}

/// Damages a record, and says whether the audit noticed.
fn damage(change: impl FnOnce(&mut World)) -> Result<(), AuditError> {
    let mut world = lived_in();
    audit(&world.state).unwrap();
    change(&mut world);
    audit(&world.state)
}

#[test]
fn the_audit_notices_totals_that_do_not_balance() {
    let result = damage(|world| world.edit_globals(|globals| globals.pool.0 += 1));
    let held = tokens(400_000 - 11).0 + 1;
    assert_eq!(
        result,
        Err(Imbalance {
            held: Amount(held),
            owed: Amount(held - 1)
        }
        .into())
    );
    let result = damage(|world| world.edit_globals(|globals| globals.treasury = Amount(u128::MAX)));
    assert_eq!(
        result,
        Err(Imbalance {
            held: Amount(u128::MAX),
            owed: Amount(held - 1)
        }
        .into())
    );
    let result = damage(|world| world.edit_globals(|globals| globals.withdrawn = Amount(u128::MAX)));
    assert_eq!(
        result,
        Err(Imbalance {
            held: Amount(held - 1),
            owed: Amount::ZERO
        }
        .into())
    );
}

#[test]
fn the_audit_notices_every_total_and_counter_that_differs_from_the_records() {
    type Damage = fn(&mut World);
    let cases: [(&str, Damage); 9] = [
        ("balances", |world| {
            world.edit_account(BOB, |account| account.balance.0 += 1)
        }),
        ("stakes", |world| {
            world.edit_provider(|provider| provider.stake.0 -= 1)
        }),
        ("escrow", |world| {
            world.edit_provider(|provider| provider.escrow.total.0 += 1)
        }),
        ("withdrawn", |world| {
            world.edit_globals(|globals| {
                globals.withdrawn.0 += 1;
                globals.pool.0 -= 1;
            });
        }),
        ("accounts", |world| {
            world.edit_globals(|globals| globals.accounts += 1)
        }),
        ("providers", |world| {
            world.edit_globals(|globals| globals.next_provider.0 += 1)
        }),
        ("services", |world| {
            world.edit_globals(|globals| globals.next_service.0 -= 1)
        }),
        ("purchases", |world| {
            world.edit_globals(|globals| globals.purchases -= 1)
        }),
        ("indices", |world| world.unplant(Key::account_at(1))),
    ];
    for (name, change) in cases {
        match damage(change) {
            Err(AuditError::Total { what, actual, stated }) => {
                assert_eq!(what, name);
                assert_eq!(actual.abs_diff(stated), 1, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_audit_notices_records_that_contradict_each_other() {
    type Damage = fn(&mut World);
    let cases: [(&str, Damage); 7] = [
        ("the index leads back to the account", |world| {
            world.edit_account(BOB, |account| account.index = 0)
        }),
        ("the owner owns the provider", |world| {
            world.edit_account(OWNER, |account| account.provider.0 = 2);
        }),
        ("every page of escrow exists", |world| {
            world.unplant(page(world).key())
        }),
        ("pages are not empty and add up to the escrow", |world| {
            let mut page = page(world);
            page.buckets.iter_mut().for_each(|bucket| bucket.0 *= 2);
            world.plant(page);
        }),
        ("pages are not empty and add up to the escrow", |world| {
            let mut page = page(world);
            page.buckets.fill(Amount::ZERO);
            world.plant(page);
        }),
        ("every page is in its provider's list", |world| {
            let mut page = page(world);
            page.start = Timestamp(page.start.0 + 90 * DAY);
            world.plant(page);
        }),
        ("the peaks are those of all withdrawals", |world| {
            world.edit_globals(|globals| globals.withdrawal_peaks[0] = B256::ZERO);
        }),
    ];
    for (name, change) in cases {
        match damage(change) {
            Err(AuditError::Broken { what, .. }) => assert_eq!(what, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A court where a review is judged, stake is unbonding, operators are owed, and a deadline waits in each kind of queue.
fn judged() -> World {
    let mut world = World::court();
    world.invest(OLGA, IRIS, 7);
    world.ok(OWNER, world.unbond(OWNER, tokens(3)));
    world.challenged();
    world.reviewed();
    let id = world.buy(BOB);
    world.ok(BOB, world.complaint(BOB, id));
    world.pass(2 * DAY + 1);
    world.pass(30 * DAY);
    world
}

#[test]
fn the_audit_notices_totals_of_what_is_held_that_differ() {
    type Damage = fn(&mut World);
    let cases: [(&str, Damage); 4] = [
        ("unbonding", |world| {
            world.edit_provider(|provider| provider.unbonding[0].amount.0 += 1);
        }),
        ("bonds", |world| {
            world.edit_provider(|provider| provider.bonds.0 += 1)
        }),
        ("compensation", |world| {
            world.edit_provider(|provider| provider.compensation.0 += 1);
        }),
        ("deposits", |world| {
            world.edit_account(ALICE, |account| account.deposits.0 += 1);
        }),
    ];
    for (name, change) in cases {
        let mut world = judged();
        audit(&world.state).unwrap();
        change(&mut world);
        match audit(&world.state) {
            Err(AuditError::Total { what, actual, stated }) => {
                assert_eq!((what, actual), (name, stated + 1));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_audit_notices_what_contradicts_itself_about_cases_operators_and_services() {
    type Damage = fn(&mut World);
    let cases: [(&str, Damage); 9] = [
        ("deposits are the fees of reviews that are not decided", |world| {
            world.edit_account(ALICE, |account| account.deposits.0 += 1);
            world.edit_globals(|globals| {
                globals.deposits.0 += 1;
                globals.deposited.0 += 1;
            });
        }),
        ("bonds are those of reviews that are not decided", |world| {
            world.edit_provider(|provider| provider.bonds.0 += 1);
            world.edit_globals(|globals| {
                globals.bonds.0 += 1;
                globals.deposited.0 += 1;
            });
        }),
        (
            "a review has a ballot while it is judged, and only then",
            |world| {
                let case = ballot(world).case;
                world.unplant(Key::ballot(&case));
            },
        ),
        ("a service's terms are kept", |world| {
            world.unplant(Key::terms(SERVICE, 1))
        }),
        ("the services that can be bought are counted", |world| {
            world.edit_provider(|provider| provider.active_services += 1);
        }),
        ("an operator's weight is its investors'", |world| {
            let mut operator = world.operator(OLGA);
            operator.weight += 1;
            world.plant(operator);
        }),
        ("the seats are the operators with stake, in order", |world| {
            let mut operator = world.operator(OLGA);
            operator.stake += 1;
            world.plant(operator);
        }),
        (
            "the deadlines are those between the ends of their queues",
            |world| {
                world.edit_globals(|globals| globals.queues[0].tail += 1);
            },
        ),
        ("a case has a deadline", |world| {
            let mut ballot = ballot(world);
            ballot.escalated = !ballot.escalated;
            world.plant(ballot);
        }),
    ];
    for (name, change) in cases {
        let mut world = judged();
        audit(&world.state).unwrap();
        change(&mut world);
        match audit(&world.state) {
            Err(AuditError::Broken { what, .. }) => assert_eq!(what, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A ballot of a review.
fn ballot(world: &World) -> Ballot {
    let mut ballots = world.state.records().filter_map(|(_, record)| match record {
        Record::Ballot(ballot) if ballot.subject == Subject::Review => Some(Ballot::clone(ballot)),
        _ => None,
    });
    ballots.next().unwrap()
}

#[test]
fn the_audit_notices_rewards_that_do_not_suffice_for_what_is_owed() {
    let mut world = judged();
    let mut operator = world.operator(OLGA);
    operator.owed = Amount(world.globals().rewards.0 + 1);
    world.plant(operator);
    let result = audit(&world.state);
    assert!(
        matches!(
            result,
            Err(AuditError::Total {
                what: "rewards owed",
                ..
            })
        ),
        "{result:?}"
    );
}

#[test]
fn the_audit_notices_a_record_under_anothers_key() {
    let mut changes = Changeset::default();
    let record = Record::from(lived_in().account(ALICE));
    changes.writes.insert(Key::account(&BOB), Some(record));
    let result = damage(|world| world.state.commit(changes));
    assert_eq!(result, Err(AuditError::Misplaced(Key::account(&BOB))));
}

#[test]
fn an_empty_state_is_corrupt_for_every_input() {
    let world = World::market();
    let empty = MemoryState::default();
    let deposit = apply(&empty, &world.env, &world.observed(ALICE, Amount(1)));
    let corrupt = Corrupt {
        key: Key::globals(),
        what: "genesis was not applied",
    };
    assert_eq!(deposit, Err(Fault::Corrupt(corrupt)));
    let mut changes = Changeset::default();
    let account = Record::from(world.account(ALICE));
    changes.writes.insert(account.key(), Some(account));
    let only_alice = MemoryState::new(changes);
    let input = World::transaction(ALICE, world.withdrawal(ALICE, Amount(1)));
    assert_eq!(
        apply(&only_alice, &world.env, &input),
        Err(Fault::Corrupt(corrupt))
    );
}

#[test]
fn the_rules_stop_at_a_record_of_another_kind() {
    let mut world = World::market();
    let mut changes = Changeset::default();
    let key = Key::provider(PROVIDER);
    changes
        .writes
        .insert(key, Some(Record::from(world.account(ALICE))));
    world.state.commit(changes);
    let answer = world.apply(World::transaction(ALICE, world.order(ALICE)));
    let corrupt = Corrupt {
        key,
        what: "a record of another kind",
    };
    assert_eq!(answer, Err(Fault::Corrupt(corrupt)));
    assert!(corrupt.to_string().contains(&key.to_string()));
}

#[test]
fn the_rules_stop_at_a_missing_page_provider_or_total() {
    let mut world = lived_in();
    world.advance(60 * DAY);
    let claim = World::transaction(OWNER, world.claim(OWNER));
    let mut torn = lived_in();
    torn.unplant(page(&torn).key());
    torn.advance(60 * DAY);
    let key = page(&world).key();
    let missing = Fault::Corrupt(Corrupt {
        key,
        what: "a page of escrow is missing from its list",
    });
    assert_eq!(torn.apply(claim.clone()), Err(missing.clone()));
    let answer = standing(
        &torn.state,
        &torn.params(),
        &torn.globals(),
        &torn.provider(),
        torn.env.timestamp,
    );
    assert_eq!(answer, Err(missing.clone()));
    let late = World::transaction(ALICE, torn.order(ALICE));
    assert_eq!(torn.apply(late), Err(missing));

    let mut short = lived_in();
    short.edit_provider(|provider| provider.escrow.total.0 -= 1);
    short.advance(60 * DAY);
    let what = "pages hold more than the escrow's total";
    assert_eq!(
        short.apply(claim.clone()),
        Err(Fault::Corrupt(Corrupt {
            key: Key::provider(PROVIDER),
            what
        }))
    );

    let mut long = lived_in();
    long.edit_provider(|provider| provider.escrow.total.0 += 1);
    long.advance(60 * DAY);
    let what = "pages hold less than the escrow's total";
    assert_eq!(
        long.apply(claim.clone()),
        Err(Fault::Corrupt(Corrupt {
            key: Key::provider(PROVIDER),
            what
        }))
    );

    world.edit_globals(|globals| globals.escrow = Amount(1));
    let what = "a total is less than one of its parts";
    assert_eq!(
        world.apply(claim),
        Err(Fault::Corrupt(Corrupt {
            key: Key::globals(),
            what
        }))
    );

    let mut orphan = lived_in();
    let id = orphan.buy(ALICE);
    let report = orphan.report(id, 1);
    let update = orphan.service_update(OWNER);
    orphan.unplant(Key::provider(PROVIDER));
    for input in [
        World::transaction(OWNER, report),
        World::transaction(OWNER, update),
    ] {
        let answer = orphan.apply(input);
        assert!(matches!(answer, Err(Fault::Corrupt(_))), "{answer:?}");
    }
}

#[test]
fn a_page_with_too_few_buckets_is_noticed_before_money_is_lost() {
    let mut world = lived_in();
    let mut page = page(&world);
    page.buckets.clear();
    world.plant(page.clone());
    let order = World::transaction(ALICE, world.order(ALICE));
    let corrupt = Corrupt {
        key: page.key(),
        what: "too few buckets",
    };
    assert_eq!(world.apply(order), Err(Fault::Corrupt(corrupt)));
}
