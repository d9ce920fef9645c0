//! The operator's index: what the API needs and the ledger's state does not answer by key.
//!
//! Where a transaction went, the purchases of a provider and of a block, the reviews of a provider, the open cases, the
//! withdrawals as tree leaves, what each
//! account could exit with. All of it derives from finalised blocks, in height order, one database transaction a
//! block, so that a block that comes again after a crash changes nothing. Stored in an embedded database (redb).

mod exits;
mod handovers;
mod judging;
mod query;
mod store;
mod withdrawals;

pub use exits::ExitLeaves;
pub use handovers::Unproved;
pub use judging::Row;
pub use query::{PurchasePlace, PurchaseRow};
pub use store::{Index, IndexError};
