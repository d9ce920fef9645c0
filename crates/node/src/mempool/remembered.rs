//! Rejections that are remembered, so that those who submitted can ask. The oldest are forgotten first.

use rampart_protocol::B256;
use rampart_protocol::api::Rejection;
use std::collections::BTreeMap;

/// A bounded memory of rejections.
#[derive(Debug)]
pub(super) struct Remembered {
    limit: usize,
    next: u64,
    by_hash: BTreeMap<B256, (u64, Rejection)>,
    by_age: BTreeMap<u64, B256>,
}

impl Remembered {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 0,
            by_hash: BTreeMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, hash: &B256) -> Option<&Rejection> {
        self.by_hash.get(hash).map(|(_, rejection)| rejection)
    }

    pub(super) fn insert(&mut self, hash: B256, rejection: Rejection) {
        self.forget(&hash);
        let age = self.next;
        self.next += 1;
        self.by_hash.insert(hash, (age, rejection));
        self.by_age.insert(age, hash);
        while self.by_hash.len() > self.limit {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.by_hash.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, hash: &B256) {
        if let Some((age, _)) = self.by_hash.remove(hash) {
            self.by_age.remove(&age);
        }
    }
}
