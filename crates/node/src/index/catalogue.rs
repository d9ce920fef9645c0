//! Services by provider, category and price, and purchases by consumer and service: what is needed to find them without
//! looking at all.

use super::store::{Index, IndexError, RECORDS};
use alloy_rlp::Decodable;
use rampart_ledger::Record;
use rampart_protocol::{Address, Amount, Category, ProviderId, PurchaseRecord, ServiceId};
use redb::{ReadOnlyTable, ReadableDatabase, TableDefinition, WriteTransaction};

/// Service -> (provider, fee, whether it can be bought).
pub(super) const SERVICES: TableDefinition<'_, u64, (u64, u128, bool)> = TableDefinition::new("services");
/// Service -> (category, description in lower case).
pub(super) const TEXTS: TableDefinition<'_, u64, (u8, &str)> = TableDefinition::new("service-texts");
/// Provider -> name in lower case.
pub(super) const NAMES: TableDefinition<'_, u64, &str> = TableDefinition::new("provider-names");
/// (provider, service)
pub(super) const OF_PROVIDER: TableDefinition<'_, (u64, u64), ()> =
    TableDefinition::new("services-by-provider");
/// (category, service)
pub(super) const OF_CATEGORY: TableDefinition<'_, (u8, u64), ()> =
    TableDefinition::new("services-by-category");
/// (fee, service)
pub(super) const BY_PRICE: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("services-by-price");
/// (consumer, height, position)
pub(super) const BY_CONSUMER: TableDefinition<'_, ([u8; 20], u64, u32), ()> =
    TableDefinition::new("purchases-by-consumer");
/// (service, height, position)
pub(super) const BY_SERVICE: TableDefinition<'_, (u64, u64, u32), ()> =
    TableDefinition::new("purchases-by-service");

/// What services are asked for. `None` leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceFilter {
    /// Of this provider.
    pub provider: Option<ProviderId>,
    /// Of this category.
    pub category: Option<Category>,
    /// For at most this fee.
    pub max_price: Option<Amount>,
    /// With this text, in lower case, in the description or in the provider's name.
    pub text: Option<String>,
    /// That can, or cannot, be bought.
    pub active: Option<bool>,
}

/// A service as filters see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// The service.
    pub id: ServiceId,
    /// Its provider.
    pub provider: ProviderId,
    /// Its fee.
    pub fee: Amount,
}

/// Where a purchase was executed, as an order over all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Height of its block.
    pub height: u64,
    /// Its place among the block's purchases.
    pub position: u32,
}

/// Whose purchases are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buyer {
    /// A consumer's.
    Consumer(Address),
    /// A service's.
    Service(ServiceId),
}

/// Takes in a block's changes of services and names.
pub(super) fn record(write: &WriteTransaction, record: &Record) -> Result<(), IndexError> {
    match record {
        Record::Service(service) => {
            let row = (service.provider.0, service.fee.0, service.active);
            let before = write
                .open_table(SERVICES)?
                .insert(service.id.0, row)?
                .map(|row| row.value());
            let mut prices = write.open_table(BY_PRICE)?;
            if let Some((_, fee, _)) = before.filter(|before| before.1 != service.fee.0) {
                prices.remove((fee, service.id.0))?;
            }
            prices.insert((service.fee.0, service.id.0), ())?;
            write
                .open_table(OF_PROVIDER)?
                .insert((service.provider.0, service.id.0), ())?;
        }
        // Only new terms are ever written, so these are the ones in force.
        Record::Terms(terms) => {
            let (category, text) = (terms.category as u8, terms.description.to_lowercase());
            let mut texts = write.open_table(TEXTS)?;
            let before = texts
                .insert(terms.service.0, (category, text.as_str()))?
                .map(|row| row.value().0);
            let mut categories = write.open_table(OF_CATEGORY)?;
            if let Some(before) = before.filter(|before| *before != category) {
                categories.remove((before, terms.service.0))?;
            }
            categories.insert((category, terms.service.0), ())?;
        }
        Record::Profile(profile) => {
            let name = profile.name.to_lowercase();
            write
                .open_table(NAMES)?
                .insert(profile.provider.0, name.as_str())?;
        }
        _ => {}
    }
    Ok(())
}

/// The tables that a filter looks at.
struct Lookup {
    services: ReadOnlyTable<u64, (u64, u128, bool)>,
    texts: ReadOnlyTable<u64, (u8, &'static str)>,
    names: ReadOnlyTable<u64, &'static str>,
}

impl Lookup {
    fn fits(&self, filter: &ServiceFilter, id: ServiceId) -> Result<Option<ServiceRow>, IndexError> {
        let Some(row) = self.services.get(id.0)? else {
            return Ok(None);
        };
        let (provider, fee, active) = row.value();
        let text = self.texts.get(id.0)?.ok_or(IndexError::Corrupt)?;
        let (category, description) = text.value();
        let plain = filter.provider.is_none_or(|wanted| wanted.0 == provider)
            && filter.category.is_none_or(|wanted| wanted as u8 == category)
            && filter.max_price.is_none_or(|most| fee <= most.0)
            && filter.active.is_none_or(|wanted| wanted == active);
        let name = self.names.get(provider)?;
        let name = name.as_ref().map_or("", |name| name.value());
        let told = filter
            .text
            .as_ref()
            .is_none_or(|text| description.contains(text.as_str()) || name.contains(text.as_str()));
        Ok((plain && told).then_some(ServiceRow {
            id,
            provider: ProviderId(provider),
            fee: Amount(fee),
        }))
    }
}

impl Index {
    fn lookup(&self) -> Result<Lookup, IndexError> {
        let read = self.database.begin_read()?;
        Ok(Lookup {
            services: read.open_table(SERVICES)?,
            texts: read.open_table(TEXTS)?,
            names: read.open_table(NAMES)?,
        })
    }

    /// Of these services, those that fit.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn fitting(
        &self,
        filter: &ServiceFilter,
        ids: impl IntoIterator<Item = ServiceId>,
    ) -> Result<Vec<Option<ServiceRow>>, IndexError> {
        let lookup = self.lookup()?;
        ids.into_iter().map(|id| lookup.fits(filter, id)).collect()
    }

    /// The next `count` services behind an id that may fit: all of the provider's or the category's, if one is named.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all services.
    pub fn services_by_id(
        &self,
        filter: &ServiceFilter,
        after: u64,
        count: usize,
    ) -> Result<Vec<ServiceId>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let from = after.saturating_add(1);
        if after == u64::MAX {
            return Ok(Vec::new());
        }
        let ids: Result<Vec<u64>, redb::StorageError> = if let Some(ProviderId(provider)) = filter.provider {
            let table = read.open_table(OF_PROVIDER)?;
            let range = table.range((provider, from)..=(provider, u64::MAX))?;
            range.take(count).map(|row| Ok(row?.0.value().1)).collect()
        } else if let Some(category) = filter.category {
            let table = read.open_table(OF_CATEGORY)?;
            let range = table.range((category as u8, from)..=(category as u8, u64::MAX))?;
            range.take(count).map(|row| Ok(row?.0.value().1)).collect()
        } else {
            let table = read.open_table(SERVICES)?;
            let range = table.range(from..)?;
            range.take(count).map(|row| Ok(row?.0.value())).collect()
        };
        Ok(ids?.into_iter().map(ServiceId).collect())
    }

    /// The next `count` services behind a price and id, cheapest first, up to the filter's price.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all services.
    pub fn services_by_price(
        &self,
        filter: &ServiceFilter,
        after: Option<(Amount, ServiceId)>,
        count: usize,
    ) -> Result<Vec<(Amount, ServiceId)>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let table = read.open_table(BY_PRICE)?;
        let from = after.map_or((0, 0), |(fee, id)| (fee.0, id.0.saturating_add(1)));
        let most = filter.max_price.map_or(u128::MAX, |most| most.0);
        if from.0 > most {
            return Ok(Vec::new());
        }
        table
            .range(from..=(most, u64::MAX))?
            .take(count)
            .map(|row| {
                let (fee, id) = row?.0.value();
                Ok((Amount(fee), ServiceId(id)))
            })
            .collect()
    }

    /// Every service, at most `most`, with its provider: for a ranking.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all services.
    pub fn all_services(&self, most: usize) -> Result<Vec<(ServiceId, ProviderId)>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let table = read.open_table(SERVICES)?;
        let rows = table.range(0u64..)?;
        rows.take(most)
            .map(|row| {
                let (id, row) = row?;
                Ok((ServiceId(id.value()), ProviderId(row.value().0)))
            })
            .collect()
    }

    /// The next `count` purchases of a consumer or a service behind a place, in order of execution.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all purchases.
    pub fn purchases_by(
        &self,
        buyer: Buyer,
        after: Option<Place>,
        count: usize,
    ) -> Result<Vec<(Place, PurchaseRecord)>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let from = after.map_or(Place::default(), |place| Place {
            position: place.position.saturating_add(1),
            ..place
        });
        let places: Result<Vec<(u64, u32)>, redb::StorageError> = match buyer {
            Buyer::Consumer(consumer) => {
                let consumer = consumer.into_array();
                let table = read.open_table(BY_CONSUMER)?;
                let range =
                    table.range((consumer, from.height, from.position)..=(consumer, u64::MAX, u32::MAX))?;
                let place = |key: ([u8; 20], u64, u32)| (key.1, key.2);
                range.take(count).map(|row| Ok(place(row?.0.value()))).collect()
            }
            Buyer::Service(ServiceId(service)) => {
                let table = read.open_table(BY_SERVICE)?;
                let range =
                    table.range((service, from.height, from.position)..=(service, u64::MAX, u32::MAX))?;
                let place = |key: (u64, u64, u32)| (key.1, key.2);
                range.take(count).map(|row| Ok(place(row?.0.value()))).collect()
            }
        };
        let records = read.open_table(RECORDS)?;
        places?
            .into_iter()
            .map(|(height, position)| {
                let bytes = records.get((height, position))?.ok_or(IndexError::Corrupt)?;
                let record = PurchaseRecord::decode(&mut bytes.value()).map_err(|_| IndexError::Corrupt)?;
                Ok((Place { height, position }, record))
            })
            .collect()
    }
}
