//! What consumers know of their own requests, and what a meter must say beside it. Pure: no sockets, no clock.

use rampart_protocol::usage::verify_voucher;
use rampart_protocol::{PurchaseId, PurchaseRecord};
use rampart_sidecar::admin::UsageView;
use std::collections::{BTreeMap, BTreeSet};

/// What came of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The vendor's answer came whole.
    Served,
    /// The vendor failed and the sidecar passed that on: the number can be used again.
    Failed,
    /// The sidecar said that the number was used.
    Replayed,
    /// The sidecar said that the number is above what was bought.
    Exhausted,
    /// The connection ended before the whole answer was there: nobody knows.
    Lost,
}

/// One purchase, as its consumer sees it. A number is in at most one of the sets.
#[derive(Clone, Debug)]
struct Account {
    record: PurchaseRecord,
    answered: BTreeSet<u64>,
    /// Lost, or in a block, and not yet sent again with an answer.
    unknown: BTreeSet<u64>,
    /// Lost, or in a block, and refused as used when sent again: a crash has burnt it.
    burnt: BTreeSet<u64>,
    /// How often the vendor did the work of a number.
    worked: BTreeMap<u64, u32>,
}

/// All purchases.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<PurchaseId, Account>,
    /// What must not be and was, in words.
    pub violations: Vec<String>,
    /// Requests sent.
    pub requests: u64,
    /// Requests whose answer never came.
    pub lost: u64,
}

/// Sums over all purchases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub purchases: usize,
    pub answered: usize,
    pub unknown: usize,
    pub burnt: usize,
}

impl Ledger {
    /// A purchase is about to be used for the first time; telling it twice changes nothing.
    pub fn open(&mut self, record: PurchaseRecord) {
        self.accounts.entry(record.id).or_insert_with(|| Account {
            record,
            answered: BTreeSet::new(),
            unknown: BTreeSet::new(),
            burnt: BTreeSet::new(),
            worked: BTreeMap::new(),
        });
    }

    /// A block of numbers is asked for, or a number of one was not served: after a kill, all of it may be used up.
    pub fn hold(&mut self, id: PurchaseId, from: u64, to: u64) {
        let account = self
            .accounts
            .get_mut(&id)
            .expect("a purchase is opened before it is used");
        let open = (from..=to).filter(|n| !account.answered.contains(n) && !account.burnt.contains(n));
        account.unknown.extend(open);
    }

    /// The vendor did the work of a request.
    pub fn worked(&mut self, id: PurchaseId, n: u64) {
        let Some(account) = self.accounts.get_mut(&id) else {
            self.violations
                .push(format!("the vendor worked for {id}, which nobody bought"));
            return;
        };
        let times = account.worked.entry(n).or_default();
        *times += 1;
        if *times > 1 {
            self.violations
                .push(format!("the vendor worked {times} times for {n} of {id}"));
        }
    }

    /// What came of the request with the number `n`.
    pub fn tell(&mut self, id: PurchaseId, n: u64, outcome: Outcome) {
        self.requests += 1;
        let account = self
            .accounts
            .get_mut(&id)
            .expect("a purchase is opened before it is used");
        let wrong = match outcome {
            Outcome::Served => account.served(n),
            Outcome::Failed => account.failed(n),
            Outcome::Replayed => account.replayed(n),
            Outcome::Exhausted if n > account.record.requests => None,
            Outcome::Exhausted => Some("refused as more than was bought"),
            Outcome::Lost => {
                self.lost += 1;
                account.lost(n)
            }
        };
        if let Some(wrong) = wrong {
            self.violations.push(format!("{n} of {id}: {wrong}"));
        }
    }

    /// Holds the meter's word, all of it, against the ledger. Nobody uses the sidecar meanwhile. `settled` says that
    /// no number is unknown any more, so that the sums must be equal.
    pub fn compare(&mut self, usage: &[UsageView], settled: bool) {
        let views: BTreeMap<PurchaseId, &UsageView> =
            usage.iter().map(|view| (view.purchase, view)).collect();
        for id in views.keys().filter(|id| !self.accounts.contains_key(id)) {
            self.violations
                .push(format!("the meter knows {id}, which nobody bought"));
        }
        for (id, account) in &self.accounts {
            let wrong = match views.get(id) {
                Some(view) => account.compare(view, settled),
                None if account.answered.is_empty() && account.worked.is_empty() => Vec::new(),
                None => vec!["served, and unknown to the meter".to_owned()],
            };
            self.violations
                .extend(wrong.into_iter().map(|wrong| format!("{id}: {wrong}")));
        }
    }

    pub fn sums(&self) -> Sums {
        self.accounts
            .values()
            .fold(Sums::default(), |sums, account| Sums {
                purchases: sums.purchases + 1,
                answered: sums.answered + account.answered.len(),
                unknown: sums.unknown + account.unknown.len(),
                burnt: sums.burnt + account.burnt.len(),
            })
    }
}

impl Account {
    fn served(&mut self, n: u64) -> Option<&'static str> {
        let before = (self.burnt.contains(&n), self.unknown.remove(&n));
        if !self.answered.insert(n) {
            return Some("answered twice");
        }
        match before {
            _ if n == 0 || n > self.record.requests => Some("answered, and not bought"),
            (true, _) => Some("answered after it was refused as used"),
            _ if !self.worked.contains_key(&n) => Some("answered without the vendor"),
            _ => None,
        }
    }

    fn failed(&mut self, n: u64) -> Option<&'static str> {
        self.unknown.remove(&n);
        (self.answered.contains(&n) || self.burnt.contains(&n) || n > self.record.requests)
            .then_some("went to the vendor although it was used up")
    }

    fn replayed(&mut self, n: u64) -> Option<&'static str> {
        if self.unknown.remove(&n) {
            self.burnt.insert(n);
        }
        (!self.answered.contains(&n) && !self.burnt.contains(&n))
            .then_some("refused as used, and neither answered nor lost before")
    }

    fn lost(&mut self, n: u64) -> Option<&'static str> {
        if n <= self.record.requests && !self.answered.contains(&n) && !self.burnt.contains(&n) {
            self.unknown.insert(n);
        }
        None
    }

    fn compare(&self, view: &UsageView, settled: bool) -> Vec<String> {
        let (served, answered) = (view.served, self.answered.len() as u64);
        let most = answered + (self.unknown.len() + self.burnt.len()) as u64;
        let mut wrong = Vec::new();
        let mut unless = |holds: bool, what: &dyn Fn() -> String| {
            if !holds {
                wrong.push(what());
            }
        };
        unless(served >= answered, &|| {
            format!("{answered} answered and only {served} metered")
        });
        unless(served >= self.worked.len() as u64, &|| {
            format!(
                "the vendor worked {} times and {served} are metered",
                self.worked.len()
            )
        });
        unless(served <= most, &|| {
            format!("{served} metered and only {most} were answered or in flight at a kill")
        });
        unless(!settled || served == most, &|| {
            format!("{served} metered, {most} answered or burnt, and nothing is open")
        });
        unless(served <= self.record.requests, &|| {
            format!("{served} metered of {} bought", self.record.requests)
        });
        unless(view.in_flight == 0, &|| {
            format!("{} in flight behind a kill", view.in_flight)
        });
        wrong.extend(self.prove(view));
        wrong
    }

    /// What is billed is what the voucher authorises: it must be proven, sent once, and not below what was answered.
    fn prove(&self, view: &UsageView) -> Option<String> {
        let Some(report) = &view.report else {
            return (view.served > 0).then(|| format!("{} billed without a voucher", view.served));
        };
        let used = report.used.0;
        let record = &self.record;
        let (voucher, signature) = (&report.voucher, &report.signature);
        if let Err(error) = verify_voucher(&record.access_key, record.id, report.used, voucher, signature) {
            return Some(format!("the voucher of {used} proves nothing: {error}"));
        }
        if self.answered.last().is_some_and(|highest| *highest > used) {
            return Some(format!("the voucher is of {used}, below what was answered"));
        }
        let known = [&self.answered, &self.unknown, &self.burnt];
        (!known.iter().any(|numbers| numbers.contains(&used)))
            .then(|| format!("the voucher is of {used}, which was neither answered nor lost"))
    }
}
