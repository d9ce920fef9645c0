//! Where the lanes stand that final blocks moved on lately.
//!
//! Who submits reads a lane's nonce in a final state, and a block may become final before the transaction comes to the pool:
//! without this its queue would begin behind the state, and offer nothing.

use crate::application::Lane;
use rampart_protocol::Nonce;
use std::collections::BTreeMap;

/// Two generations: when the newer is full it becomes the older, and the older is forgotten.
#[derive(Debug)]
pub(super) struct Recent {
    capacity: usize,
    new: BTreeMap<Lane, Nonce>,
    old: BTreeMap<Lane, Nonce>,
}

impl Recent {
    /// Remembers between `capacity` and twice as many lanes.
    pub(super) const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            new: BTreeMap::new(),
            old: BTreeMap::new(),
        }
    }

    /// A final block moved the lane on to `next`.
    pub(super) fn insert(&mut self, lane: Lane, next: Nonce) {
        let known = self.get(&lane);
        if self.new.len() >= self.capacity && !self.new.contains_key(&lane) {
            self.old = core::mem::take(&mut self.new);
        }
        self.new.insert(lane, known.map_or(next, |known| known.max(next)));
    }

    /// The lane's next nonce, if it is remembered.
    pub(super) fn get(&self, lane: &Lane) -> Option<Nonce> {
        self.new.get(lane).or_else(|| self.old.get(lane)).copied()
    }
}
