//! A transaction that is properly signed, and whose nonces it counts in.

use rampart_ledger::{Input, Prepared};
use rampart_protocol::{AccessKey, Address, B256, SignedTransaction};
use std::sync::Arc;

/// A transaction with what was worked out when its signature was checked: its hash, its account, its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub(super) transaction: SignedTransaction,
    pub(super) prepared: Arc<Prepared>,
}

/// Whose nonces a transaction counts in: an account's own, or those of one purchaser of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The account.
    pub account: Address,
    pub(super) purchaser: Option<B256>,
}

impl Lane {
    /// The lane of the account's wallet.
    #[must_use]
    pub const fn wallet(account: Address) -> Self {
        Self {
            account,
            purchaser: None,
        }
    }

    /// The purchaser whose lane it is; nothing when it is the wallet's.
    #[must_use]
    pub fn purchaser(&self) -> Option<AccessKey> {
        self.purchaser.map(AccessKey)
    }
}

impl Verified {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        self.prepared.id()
    }

    /// The account that signed it.
    #[must_use]
    pub fn signer(&self) -> Address {
        self.prepared.signer()
    }

    /// Whose nonces it counts in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane {
            account: self.signer(),
            purchaser: self.transaction.signature.purchaser().map(|key| key.0),
        }
    }

    /// The transaction as the ledger takes it.
    pub(crate) fn input(&self) -> Input {
        Input::Transaction(Prepared::clone(&self.prepared))
    }
}
