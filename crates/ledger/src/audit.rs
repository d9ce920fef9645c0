//! A scan of a whole state for what must always hold: the slow, independent form of conservation.
//!
//! It recomputes every total and counter from the records alone, so that a rule that forgets one is found.

use crate::key::{Key, Kind};
use crate::record::{
    Account, Ballot, Committee, EscrowPage, Globals, Imbalance, Investor, MAX_PURCHASERS, Operator,
    OperatorSet, Provider, Purchasers, QueueItem, QueueKind, Record, Review, ReviewState, Service, Stored,
    Withdrawal,
};
use crate::rules::accrued;
use crate::view::MemoryState;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use rampart_protocol::purchaser::lane;
use rampart_protocol::{Amount, B256, ProviderId, merkle};

/// What does not hold in a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The totals do not balance.
    #[error(transparent)]
    Imbalance(#[from] Imbalance),
    /// A record lies under another's key.
    #[error("the record at {0} belongs elsewhere")]
    Misplaced(Key),
    /// A record does not survive its own encoding.
    #[error("the record at {0} does not decode to itself")]
    Encoding(Key),
    /// A total or counter differs from what the records say.
    #[error("{what}: the records say {actual}, the total says {stated}")]
    Total {
        /// The total.
        what: &'static str,
        /// From the records.
        actual: u128,
        /// As stated.
        stated: u128,
    },
    /// One record contradicts another.
    #[error("{what} does not hold at {key}")]
    Broken {
        /// Where.
        key: Key,
        /// What ought to hold.
        what: &'static str,
    },
}

/// Checks a whole state.
///
/// # Errors
/// The first thing that does not hold.
pub fn audit(state: &MemoryState) -> Result<(), AuditError> {
    for (key, record) in state.records() {
        if record.key() != *key {
            return Err(AuditError::Misplaced(*key));
        }
        if Record::from_bytes(&record.to_bytes()).as_ref() != Ok(record) {
            return Err(AuditError::Encoding(*key));
        }
    }
    let globals = all::<Globals>(state).next().unwrap_or_default();
    globals.check()?;
    audit_totals(state, &globals)?;
    audit_counters(state, &globals)?;
    audit_accounts(state)?;
    audit_escrow(state)?;
    audit_deposits(state)?;
    audit_services(state)?;
    audit_operators(state, &globals)?;
    audit_queues(state, &globals)?;
    audit_purchasers(state)?;
    audit_withdrawals(state, &globals)
}

/// Every purchaser of an account is another key, with a number of its own that was given.
fn audit_purchasers(state: &MemoryState) -> Result<(), AuditError> {
    for one in all::<Purchasers>(state) {
        let lanes: Vec<u64> = one.keys.iter().map(|purchaser| lane(purchaser.nonce)).collect();
        let keys: BTreeSet<_> = one.keys.iter().map(|purchaser| purchaser.key.0).collect();
        let numbered =
            lanes.is_sorted_by(|a, b| a < b) && lanes.iter().all(|number| (1..=one.issued).contains(number));
        let known = state.record(&Key::account(&one.consumer)).is_some();
        if !numbered || !known || keys.len() != one.keys.len() || keys.len() > MAX_PURCHASERS {
            return Err(AuditError::Broken {
                key: one.key(),
                what: "that an account has few purchasers, each another key with a number of its own",
            });
        }
    }
    Ok(())
}

fn all<T: Stored>(state: &MemoryState) -> impl Iterator<Item = Arc<T>> {
    state
        .records()
        .filter_map(|(_, record)| T::from_record(record.clone()))
}

fn audit_totals(state: &MemoryState, globals: &Globals) -> Result<(), AuditError> {
    let sum =
        |parts: &mut dyn Iterator<Item = Amount>| parts.fold(0u128, |sum, part| sum.saturating_add(part.0));
    let balances = sum(&mut all::<Account>(state).map(|a| a.balance));
    let stakes = sum(&mut all::<Provider>(state).map(|p| p.stake));
    let escrow = sum(&mut all::<Provider>(state).map(|p| p.escrow.total));
    let unbonding = sum(&mut all::<Provider>(state).map(|p| p.unbonding_total()));
    let bonds = sum(&mut all::<Provider>(state).map(|p| p.bonds));
    let compensation = sum(&mut all::<Provider>(state).map(|p| p.compensation));
    let deposits = sum(&mut all::<Account>(state).map(|a| a.deposits));
    let withdrawn = sum(&mut all::<Withdrawal>(state).map(|w| w.amount));
    compare(&[
        ("balances", balances, globals.balances.0),
        ("stakes", stakes, globals.stakes.0),
        ("escrow", escrow, globals.escrow.0),
        ("unbonding", unbonding, globals.unbonding.0),
        ("bonds", bonds, globals.bonds.0),
        ("compensation", compensation, globals.compensation.0),
        ("deposits", deposits, globals.deposits.0),
        ("withdrawn", withdrawn, globals.withdrawn.0),
    ])
}

fn audit_counters(state: &MemoryState, globals: &Globals) -> Result<(), AuditError> {
    let count = |kind| {
        state
            .records()
            .fold(0, |count, (_, record)| count + u128::from(record.kind() == kind))
    };
    let accounts = globals.accounts.into();
    compare(&[
        ("accounts", count(Kind::Account), accounts),
        ("indices", count(Kind::AccountAt), accounts),
        (
            "providers",
            count(Kind::Provider) + 1,
            globals.next_provider.0.into(),
        ),
        (
            "services",
            count(Kind::Service) + 1,
            globals.next_service.0.into(),
        ),
        ("purchases", count(Kind::Purchase), globals.purchases.into()),
        ("withdrawals", count(Kind::Withdrawal), globals.withdrawals.into()),
    ])
}

/// Compares what the records say with what is stated.
fn compare(totals: &[(&'static str, u128, u128)]) -> Result<(), AuditError> {
    for (what, actual, stated) in totals.iter().copied() {
        if actual != stated {
            return Err(AuditError::Total { what, actual, stated });
        }
    }
    Ok(())
}

fn audit_accounts(state: &MemoryState) -> Result<(), AuditError> {
    for account in all::<Account>(state) {
        let at = state.record(&Key::account_at(account.index));
        if !matches!(at, Some(Record::AccountAt(at)) if at.address == account.address) {
            return Err(AuditError::Broken {
                key: account.key(),
                what: "the index leads back to the account",
            });
        }
    }
    for provider in all::<Provider>(state) {
        let owner = state.record(&Key::account(&provider.owner));
        if !matches!(owner, Some(Record::Account(owner)) if owner.owned_provider() == Some(provider.id)) {
            return Err(AuditError::Broken {
                key: provider.key(),
                what: "the owner owns the provider",
            });
        }
    }
    Ok(())
}

/// Walks each provider's pages from the oldest to the newest, and checks that no page lies off the lists.
fn audit_escrow(state: &MemoryState) -> Result<(), AuditError> {
    let mut pages: BTreeMap<(ProviderId, u64), Arc<EscrowPage>> = all::<EscrowPage>(state)
        .map(|page| ((page.provider, page.start.0), page))
        .collect();
    for provider in all::<Provider>(state) {
        let queue = provider.escrow;
        let broken = |what| AuditError::Broken {
            key: provider.key(),
            what,
        };
        let (mut at, mut left) = (queue.first, queue.total.0);
        while left > 0 {
            let page = pages
                .remove(&(provider.id, at.0))
                .ok_or(broken("every page of escrow exists"))?;
            let held = page
                .buckets
                .iter()
                .fold(0u128, |sum, bucket| sum.saturating_add(bucket.0));
            if held == 0 || held > left || (held == left) != (page.start == queue.last) {
                return Err(broken("pages are not empty and add up to the escrow"));
            }
            if held < left && page.next <= page.start {
                return Err(broken("pages go from old to new"));
            }
            (at, left) = (page.next, left - held);
        }
    }
    match pages.values().next() {
        Some(page) => Err(AuditError::Broken {
            key: page.key(),
            what: "every page is in its provider's list",
        }),
        None => Ok(()),
    }
}

/// Fees and bonds that are held are those of the reviews that are not decided.
fn audit_deposits(state: &MemoryState) -> Result<(), AuditError> {
    let (mut fees, mut bonds) = (BTreeMap::new(), BTreeMap::new());
    for review in all::<Review>(state) {
        let open = matches!(
            review.state,
            ReviewState::Open | ReviewState::Challenged | ReviewState::Escalated
        );
        if open {
            *fees.entry(review.consumer).or_insert(0u128) += review.fee.0;
            *bonds.entry(review.provider).or_insert(0u128) += review.bond.0;
        }
        let judged = matches!(review.state, ReviewState::Challenged | ReviewState::Escalated);
        let case = rampart_protocol::verdict::review(review.purchase);
        if judged != state.record(&Key::ballot(&case)).is_some() {
            return Err(AuditError::Broken {
                key: review.key(),
                what: "a review has a ballot while it is judged, and only then",
            });
        }
    }
    for account in all::<Account>(state) {
        if account.deposits.0 != fees.get(&account.address).copied().unwrap_or(0) {
            return Err(AuditError::Broken {
                key: account.key(),
                what: "deposits are the fees of reviews that are not decided",
            });
        }
    }
    for provider in all::<Provider>(state) {
        if provider.bonds.0 != bonds.get(&provider.id).copied().unwrap_or(0) {
            return Err(AuditError::Broken {
                key: provider.key(),
                what: "bonds are those of reviews that are not decided",
            });
        }
    }
    Ok(())
}

fn audit_services(state: &MemoryState) -> Result<(), AuditError> {
    let mut active = BTreeMap::new();
    for service in all::<Service>(state) {
        *active.entry(service.provider).or_insert(0u32) += u32::from(service.active);
        if state.record(&Key::terms(service.id, service.version)).is_none() {
            return Err(AuditError::Broken {
                key: service.key(),
                what: "a service's terms are kept",
            });
        }
    }
    for provider in all::<Provider>(state) {
        if provider.active_services != active.get(&provider.id).copied().unwrap_or(0) {
            return Err(AuditError::Broken {
                key: provider.key(),
                what: "the services that can be bought are counted",
            });
        }
    }
    Ok(())
}

/// Weights add up, seats are the operators with stake, and rewards suffice for all that is owed.
fn audit_operators(state: &MemoryState, globals: &Globals) -> Result<(), AuditError> {
    let operators: BTreeMap<_, Arc<Operator>> = all::<Operator>(state)
        .map(|operator| (operator.address, operator))
        .collect();
    let mut weights = BTreeMap::new();
    let mut owed = operators
        .values()
        .fold(0u128, |sum, o| sum.saturating_add(o.owed.0));
    for investor in all::<Investor>(state) {
        let broken = |what| AuditError::Broken {
            key: investor.key(),
            what,
        };
        let operator = operators.get(&investor.operator);
        let operator = operator.ok_or(broken("an investor's operator is known"))?;
        let rewards = accrued(operator, &investor).map_err(|_| broken("an accumulator only grows"))?;
        owed = owed.saturating_add(rewards.0);
        let sum = weights.entry(investor.operator).or_insert(0u128);
        *sum = sum.saturating_add(investor.weight);
    }
    for operator in operators.values() {
        if operator.weight != weights.get(&operator.address).copied().unwrap_or(0) {
            return Err(AuditError::Broken {
                key: operator.key(),
                what: "an operator's weight is its investors'",
            });
        }
    }
    let set = all::<OperatorSet>(state).next().unwrap_or_default();
    let seats = set.seats.iter().map(|seat| (seat.operator, seat.stake));
    let staked = operators
        .values()
        .filter(|o| o.stake > 0)
        .map(|o| (o.address, o.stake));
    if !seats.eq(staked) {
        return Err(AuditError::Broken {
            key: Key::operator_set(),
            what: "the seats are the operators with stake, in order",
        });
    }
    let committees = all::<Committee>(state).map(|committee| committee.epoch);
    if !committees.eq(globals.committee.saturating_sub(1)..=globals.committee) {
        return Err(AuditError::Broken {
            key: Key::committee(globals.committee),
            what: "the last committee drawn and the one before it are kept",
        });
    }
    if owed > globals.rewards.0 {
        return Err(AuditError::Total {
            what: "rewards owed",
            actual: owed,
            stated: globals.rewards.0,
        });
    }
    Ok(())
}

/// Every deadline lies between the ends of its queue, and every case that runs has one.
fn audit_queues(state: &MemoryState, globals: &Globals) -> Result<(), AuditError> {
    for kind in QueueKind::ALL {
        let queue = globals
            .queues
            .get(usize::from(kind as u8))
            .copied()
            .unwrap_or_default();
        let items = all::<QueueItem>(state).filter(|item| item.queue == kind);
        let (mut count, mut inside) = (0u64, true);
        for item in items {
            count += 1;
            inside &= (queue.head..queue.tail).contains(&item.number);
        }
        if !inside || count != queue.tail.saturating_sub(queue.head) {
            return Err(AuditError::Broken {
                key: Key::globals(),
                what: "the deadlines are those between the ends of their queues",
            });
        }
    }
    for ballot in all::<Ballot>(state) {
        let waits =
            |kind| all::<QueueItem>(state).any(|item| item.queue == kind && item.subject == ballot.case.0);
        let kind = if ballot.escalated {
            QueueKind::Escalation
        } else {
            QueueKind::Round
        };
        if !waits(kind) {
            return Err(AuditError::Broken {
                key: ballot.key(),
                what: "a case has a deadline",
            });
        }
    }
    Ok(())
}

fn audit_withdrawals(state: &MemoryState, globals: &Globals) -> Result<(), AuditError> {
    let mut withdrawals: Vec<Arc<Withdrawal>> = all(state).collect();
    withdrawals.sort_by_key(|withdrawal| withdrawal.index);
    let leaves: Vec<B256> = withdrawals.iter().map(|withdrawal| withdrawal.leaf()).collect();
    if merkle::root(&leaves) != globals.withdrawals_root() {
        return Err(AuditError::Broken {
            key: Key::globals(),
            what: "the peaks are those of all withdrawals",
        });
    }
    Ok(())
}
