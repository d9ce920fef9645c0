//! The changes of one input while they are made: reads see earlier writes, and nothing is kept unless all succeeds.
//!
//! Globals and parameters are held open for the whole input. Every other record is read, changed and put back at
//! once, so that two rules that touch one record within an input never overwrite each other.

use crate::apply::{BlockEnv, Changeset};
use crate::decay::Steps;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::params::Params;
use crate::record::{Account, Globals, Operator, Provider, Purchase, Record, Service, Stored};
use crate::reject::Reject;
use crate::view::{Missing, View, read};
use crate::writes::Writes;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rampart_protocol::{Address, ProviderId, PurchaseId, ServiceId, Timestamp};

/// Room for the writes of most inputs; a purchase has six.
const WRITES: usize = 8;

/// A view with writes on top.
pub(crate) struct Draft<'v, V> {
    view: &'v V,
    writes: Writes,
    events: Vec<Event>,
    /// The block around the input.
    pub(crate) env: BlockEnv,
    /// The parameters in force.
    pub(crate) params: Arc<Params>,
    /// Counters and totals.
    pub(crate) globals: Globals,
    before: Arc<Globals>,
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
    #[inline]
    pub(crate) fn new(view: &'v V, env: BlockEnv) -> Result<Self, Fault> {
        let genesis = |key| Corrupt {
            key,
            what: "genesis was not applied",
        };
        let globals: Arc<Globals> = read(view, &Key::globals())?.ok_or_else(|| genesis(Key::globals()))?;
        let params = read(view, &Key::params())?.ok_or_else(|| genesis(Key::params()))?;
        Ok(Self {
            view,
            writes: Writes::with_capacity(WRITES),
            events: Vec::new(),
            env,
            params,
            globals: Globals::clone(&globals),
            before: globals,
        })
    }

    pub(crate) fn put(&mut self, record: impl Into<Record>) {
        let record = record.into();
        self.writes.insert(record.key(), Some(record));
    }

    /// A record to change where it stands among the writes, which it is put into; `absent` is for when there is none.
    pub(crate) fn edit<T: Stored>(
        &mut self,
        key: &Key,
        absent: impl Fn() -> Reject,
    ) -> Result<&mut T, Fault> {
        let view = self.view;
        let load = || view.get(key)?.ok_or_else(|| Fault::Reject(absent()));
        let record = self.writes.get_or_load(key, load)?;
        let record = record.as_mut().ok_or_else(&absent)?;
        let record = T::within(record).ok_or_else(|| Corrupt::kind(*key))?;
        // The view shares the record, so the first change makes a copy, and later ones change that.
        Ok(Arc::make_mut(record))
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.writes.insert(key, None);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        // Most inputs have one event. Left to itself, the list would make room for four, and an event is large.
        if self.events.is_empty() {
            self.events.reserve_exact(1);
        }
        self.events.push(event);
    }

    #[inline]
    pub(crate) fn finish(mut self) -> Changeset {
        if self.globals != *self.before {
            self.writes.insert(Key::globals(), Some(self.globals.into()));
        }
        Changeset {
            writes: self.writes,
            events: self.events,
        }
    }

    /// Runs a part of an input of which nothing is kept when it is rejected.
    pub(crate) fn attempt(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<Result<(), Reject>, Fault> {
        let (writes, globals, params, events) = (
            self.writes.clone(),
            self.globals.clone(),
            self.params.clone(),
            self.events.len(),
        );
        match part(self) {
            Ok(()) => Ok(Ok(())),
            Err(Fault::Reject(reject)) => {
                (self.writes, self.globals, self.params) = (writes, globals, params);
                self.events.truncate(events);
                Ok(Err(reject))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The block's time.
    pub(crate) const fn now(&self) -> Timestamp {
        self.env.timestamp
    }

    /// The reading of the evidence's clock.
    pub(crate) fn score_steps(&self) -> Steps {
        self.globals.score_steps(&self.params, self.now())
    }

    /// The reading of the revenue's clock.
    pub(crate) fn revenue_steps(&self) -> Steps {
        self.globals.revenue_steps(&self.params, self.now())
    }

    pub(crate) fn account(&self, address: &Address) -> Result<Option<Account>, Fault> {
        Ok(read(self, &Key::account(address))?.map(Arc::unwrap_or_clone))
    }

    /// A provider to change.
    pub(crate) fn provider(&self, id: ProviderId) -> Result<Provider, Fault> {
        Ok(Arc::unwrap_or_clone(self.shared_provider(id)?))
    }

    /// A provider to read.
    pub(crate) fn shared_provider(&self, id: ProviderId) -> Result<Arc<Provider>, Fault> {
        let found = read(self, &Key::provider(id))?;
        found.ok_or_else(|| Reject::UnknownProvider { provider: id }.into())
    }

    pub(crate) fn service(&self, id: ServiceId) -> Result<Arc<Service>, Fault> {
        let found = read(self, &Key::service(id))?;
        found.ok_or_else(|| Reject::UnknownService { service: id }.into())
    }

    pub(crate) fn purchase(&self, id: PurchaseId) -> Result<Purchase, Fault> {
        // The key holds 248 bits of the id, so the record must be asked for the rest.
        let found: Option<Arc<Purchase>> = read(self, &Key::purchase(&id))?;
        let found = found
            .filter(|purchase| purchase.record.id == id)
            .ok_or(Reject::UnknownPurchase { purchase: id })?;
        Ok(Arc::unwrap_or_clone(found))
    }

    pub(crate) fn operator(&self, address: &Address) -> Result<Option<Operator>, Fault> {
        Ok(read(self, &Key::operator(address))?.map(Arc::unwrap_or_clone))
    }

    /// A record that may be there.
    pub(crate) fn find<T: Stored>(&self, key: &Key) -> Result<Option<T>, Fault> {
        Ok(read(self, key)?.map(Arc::unwrap_or_clone))
    }

    /// A record that another record says exists.
    pub(crate) fn existing<T: Stored>(&self, key: &Key, what: &'static str) -> Result<T, Fault> {
        let found = read(self, key)?.ok_or(Corrupt { key: *key, what })?;
        Ok(Arc::unwrap_or_clone(found))
    }
}
