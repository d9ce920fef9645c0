//! The operator's index: what the API needs and the ledger's state does not answer by key.
//!
//! Where a transaction went, the purchases of a provider, a consumer, a service and a block, services by what they are
//! searched for, what happened in each block, the reviews of a provider, the open cases, the withdrawals as tree leaves,
//! what each account could exit with. All of it derives from finalised blocks, in height order, one database transaction a
//! block, so that a block that comes again after a crash changes nothing. Stored in an embedded database (redb).

mod catalogue;
mod events;
mod exits;
mod generations;
mod handovers;
mod judging;
mod purchases;
mod query;
mod store;
mod withdrawals;

#[cfg(test)]
mod catalogue_tests;

pub use catalogue::{Buyer, Place, ServiceFilter, ServiceRow};
pub use events::EventPage;
pub use exits::ExitLeaves;
pub use handovers::Unproved;
pub use judging::Row;
pub use query::{PurchasePlace, PurchaseRow};
pub use store::{Index, IndexError};
