//! The records that an input changes, by key.
//!
//! A sorted list and not a tree: most inputs change a handful of records, for which a list is several times faster, and
//! none changes more than some hundreds.

use crate::key::Key;
use crate::record::Record;
use alloc::vec::{IntoIter, Vec};
use core::ops::Index;
use core::slice::Iter;

/// Records to write, `None` to delete: each key once, in the order of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes(Vec<(Key, Option<Record>)>);

impl Writes {
    /// No writes, with room for so many.
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self(Vec::with_capacity(records))
    }

    /// What is written under a key, `None` when nothing is.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Option<Record>> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, record)| record)
    }

    /// Writes a record, in place of what was to be written under its key.
    pub fn insert(&mut self, key: Key, record: Option<Record>) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = record,
            Err(at) => self.0.insert(at, (key, record)),
        }
    }

    /// What is to be written under a key, or else what `load` gives, to be changed.
    pub(crate) fn get_or_load<E>(
        &mut self,
        key: &Key,
        load: impl FnOnce() -> Result<Record, E>,
    ) -> Result<&mut Option<Record>, E> {
        let at = match self.find(key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (*key, Some(load()?)));
                at
            }
        };
        Ok(&mut self.0[at].1)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The writes in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Option<Record>)> {
        self.into_iter()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().map(|(key, _)| key)
    }

    /// What is written, in the order of keys.
    pub fn values(&self) -> impl Iterator<Item = &Option<Record>> {
        self.0.iter().map(|(_, record)| record)
    }

    fn find(&self, key: &Key) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }
}

impl Index<&Key> for Writes {
    type Output = Option<Record>;

    /// What is written under a key that is written.
    fn index(&self, key: &Key) -> &Option<Record> {
        self.get(key).expect("an index names what is there")
    }
}

impl IntoIterator for Writes {
    type Item = (Key, Option<Record>);
    type IntoIter = IntoIter<(Key, Option<Record>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Writes {
    type Item = (&'a Key, &'a Option<Record>);
    type IntoIter =
        core::iter::Map<Iter<'a, (Key, Option<Record>)>, fn(&'a (Key, Option<Record>)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, record)| (key, record))
    }
}

impl FromIterator<(Key, Option<Record>)> for Writes {
    /// Of several writes under one key the last one holds.
    fn from_iter<I: IntoIterator<Item = (Key, Option<Record>)>>(writes: I) -> Self {
        let mut all = Self::default();
        for (key, record) in writes {
            all.insert(key, record);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Writes;
    use crate::key::Key;
    use crate::record::{Globals, Record};
    use alloc::vec::Vec;

    #[test]
    fn keys_are_in_the_order_of_their_bytes_and_the_last_write_of_each_holds() {
        let globals = Record::from(Globals::default());
        let keys = [9, 1, 300, 2, 1, 0].map(Key::epoch);
        let writes: Writes = (0..)
            .zip(keys)
            .map(|(n, key)| (key, (n == 4).then(|| globals.clone())))
            .collect();
        let mut sorted: Vec<Key> = keys.to_vec();
        sorted.sort_by_key(|key| *key.as_bytes());
        sorted.dedup();
        assert!(writes.keys().eq(&sorted));
        assert_eq!(writes.len(), 5);
        assert_eq!(writes[&Key::epoch(1)], Some(globals));
        assert_eq!(writes.get(&Key::epoch(2)), Some(&None));
        assert_eq!(writes.get(&Key::epoch(3)), None);
    }

    #[test]
    fn a_record_that_cannot_be_loaded_is_not_written() {
        let mut writes = Writes::default();
        assert_eq!(
            writes.get_or_load(&Key::params(), || Err("missing")),
            Err("missing")
        );
        assert!(writes.is_empty());
    }
}
