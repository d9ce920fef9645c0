//! The changes of one input while they are made: reads see earlier writes, and nothing is kept unless all succeeds.

use crate::apply::Changeset;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::params::Params;
use crate::record::{Account, Globals, Provider, Purchase, Record, Service, Stored};
use crate::reject::Reject;
use crate::view::{Missing, View, read};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rampart_protocol::{Address, ProviderId, PurchaseId, ServiceId};

/// A view with writes on top.
pub(crate) struct Draft<'v, V> {
    view: &'v V,
    writes: BTreeMap<Key, Option<Record>>,
    events: Vec<Event>,
}

impl<V: View> View for Draft<'_, V> {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.view.get(key),
        }
    }
}

impl<'v, V: View> Draft<'v, V> {
    pub(crate) const fn new(view: &'v V) -> Self {
        Self {
            view,
            writes: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn put(&mut self, record: impl Into<Record>) {
        let record = record.into();
        self.writes.insert(record.key(), Some(record));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.writes.insert(key, None);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn finish(self) -> Changeset {
        Changeset {
            writes: self.writes,
            events: self.events,
        }
    }

    pub(crate) fn globals(&self) -> Result<Globals, Fault> {
        self.existing(&Key::globals(), "genesis was not applied")
    }

    pub(crate) fn params(&self) -> Result<Params, Fault> {
        self.existing(&Key::params(), "genesis was not applied")
    }

    pub(crate) fn account(&self, address: &Address) -> Result<Option<Account>, Fault> {
        read(self, &Key::account(address))
    }

    pub(crate) fn provider(&self, id: ProviderId) -> Result<Provider, Fault> {
        let found = read(self, &Key::provider(id))?;
        found.ok_or_else(|| Reject::UnknownProvider { provider: id }.into())
    }

    pub(crate) fn service(&self, id: ServiceId) -> Result<Service, Fault> {
        let found = read(self, &Key::service(id))?;
        found.ok_or_else(|| Reject::UnknownService { service: id }.into())
    }

    pub(crate) fn purchase(&self, id: PurchaseId) -> Result<Purchase, Fault> {
        // The key holds 248 bits of the id, so the record must be asked for the rest.
        let found: Option<Purchase> = read(self, &Key::purchase(&id))?;
        found
            .filter(|purchase| purchase.record.id == id)
            .ok_or_else(|| Reject::UnknownPurchase { purchase: id }.into())
    }

    /// A record that another record says exists.
    pub(crate) fn existing<T: Stored>(&self, key: &Key, what: &'static str) -> Result<T, Fault> {
        read(self, key)?.ok_or_else(|| Corrupt { key: *key, what }.into())
    }
}
