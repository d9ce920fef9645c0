//! What the duties read of the finalised ledger.

use super::DutyError;
use crate::engine::{Chain, Runtime};
use crate::index::Index;
use crate::storage::StateReader;
use rampart_ledger::{
    Globals, Key, Params, Profile, Provider, QueueItem, QueueKind, Record, Service, Status, Stored, Terms,
};
use rampart_protocol::{Address, CaseId, ProviderId, Seconds, ServiceId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Services that are read at a time.
const BATCH: u64 = 256;

/// Reads the ledger.
pub(super) struct Ledger<E: Runtime> {
    pub(super) state: StateReader<E>,
    pub(super) chain: Chain,
    pub(super) index: Index,
}

/// A service that is to be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Whose it is.
    pub(super) provider: ProviderId,
    /// Where it is consumed.
    pub(super) endpoint: String,
}

impl<E: Runtime> Ledger<E> {
    /// The time of the last finalised block.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.chain.tip().timestamp_ms)
    }

    /// One record.
    pub(super) async fn find<T: Stored>(&self, key: Key) -> Result<Option<Arc<T>>, DutyError> {
        let record: Option<Record> = self.state.get(&key).await?;
        Ok(record.and_then(T::from_record))
    }

    async fn find_all<T: Stored>(&self, keys: &[Key]) -> Result<Vec<Option<Arc<T>>>, DutyError> {
        let records = self.state.get_many(keys).await?;
        let taken = records.into_iter().map(|record| record.and_then(T::from_record));
        Ok(taken.collect())
    }

    /// Counters and parameters; nothing before the first block.
    pub(super) async fn basics(&self) -> Result<Option<(Arc<Globals>, Arc<Params>)>, DutyError> {
        let globals = self.find(Key::globals()).await?;
        let params = self.find(Key::params()).await?;
        Ok(globals.zip(params))
    }

    /// Whether an account has stake as an operator, and so duties.
    pub(super) async fn has_duties(&self, account: &Address) -> Result<bool, DutyError> {
        let operator: Option<Arc<rampart_ledger::Operator>> = self.find(Key::operator(account)).await?;
        Ok(operator.is_some_and(|operator| operator.stake > 0))
    }

    /// Cases with a round that is not counted yet, the oldest round first. The queue of rounds that are due is read, and not
    /// the index, which does not know all cases after state sync.
    pub(super) async fn open_cases(
        &self,
        globals: &Globals,
        limit: usize,
    ) -> Result<BTreeSet<CaseId>, DutyError> {
        let mut cases = BTreeSet::new();
        let place = QueueKind::ALL.iter().position(|kind| *kind == QueueKind::Round);
        let Some(queue) = place.and_then(|place| globals.queues.get(place)) else {
            return Ok(cases);
        };
        for number in (queue.head..queue.tail).take(limit) {
            let key = Key::queue_item(QueueKind::Round, number);
            let item: Option<Arc<QueueItem>> = self.find(key).await?;
            cases.extend(item.map(|item| CaseId(item.subject)));
        }
        Ok(cases)
    }

    /// All services, page by page.
    pub(super) async fn services(&self, globals: &Globals) -> Result<Vec<Arc<Service>>, DutyError> {
        let (mut all, mut id) = (Vec::new(), 1);
        while id < globals.next_service.0 {
            let end = globals.next_service.0.min(id.saturating_add(BATCH));
            let keys: Vec<Key> = (id..end).map(|id| Key::service(ServiceId(id))).collect();
            all.extend(self.find_all::<Service>(&keys).await?.into_iter().flatten());
            id = end;
        }
        Ok(all)
    }

    /// The services to probe: those on sale, by providers that may sell, for at least `grace` by now.
    pub(super) async fn listed(
        &self,
        globals: &Globals,
        grace: Seconds,
        now: Timestamp,
    ) -> Result<BTreeMap<ServiceId, Listed>, DutyError> {
        let mut listed = BTreeMap::new();
        let mut providers: BTreeMap<ProviderId, Option<String>> = BTreeMap::new();
        let active = self.services(globals).await?;
        let active: Vec<Arc<Service>> = active.into_iter().filter(|service| service.active).collect();
        for batch in active.chunks(64) {
            let keys: Vec<Key> = batch
                .iter()
                .flat_map(|service| [Key::terms(service.id, service.version), Key::terms(service.id, 1)])
                .collect();
            let terms = self.find_all::<Terms>(&keys).await?;
            for (service, terms) in batch.iter().zip(terms.chunks(2)) {
                let [Some(terms), Some(first)] = terms else {
                    continue;
                };
                if now.since(first.since) < grace {
                    continue;
                }
                let base = match providers.get(&service.provider) {
                    Some(base) => base.clone(),
                    None => {
                        let base = self.base_of(service.provider).await?;
                        providers.insert(service.provider, base.clone());
                        base
                    }
                };
                let Some(base) = base else { continue };
                let endpoint = if terms.endpoint.is_empty() {
                    base
                } else {
                    terms.endpoint.clone()
                };
                let provider = service.provider;
                listed.insert(service.id, Listed { provider, endpoint });
            }
        }
        Ok(listed)
    }

    /// A provider's endpoint, if it may sell.
    async fn base_of(&self, id: ProviderId) -> Result<Option<String>, DutyError> {
        let provider: Option<Arc<Provider>> = self.find(Key::provider(id)).await?;
        if provider.is_none_or(|provider| provider.status != Status::Active) {
            return Ok(None);
        }
        let profile: Option<Arc<Profile>> = self.find(Key::profile(id)).await?;
        Ok(profile.map(|profile| profile.endpoint.clone()))
    }
}
