//! A transaction that is properly signed, and whose nonces it counts in.

use rampart_ledger::{Checked, Input, Prepared};
use rampart_protocol::{AccessKey, Address, B256, SignedTransaction};

/// A transaction with what was worked out when its signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub(super) transaction: SignedTransaction,
    pub(super) hash: B256,
    pub(super) known: Known,
}

/// What is remembered of a transaction whose signature was checked: as much for the longest as for the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) signer: Address,
    pub(super) checked: Checked,
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
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The account that signed it.
    #[must_use]
    pub const fn signer(&self) -> Address {
        self.known.signer
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
        let (Known { signer, checked }, message) = (self.known, self.transaction.message.clone());
        let purchaser = self.transaction.signature.purchaser();
        Input::Transaction(Prepared::checked(checked, signer, self.hash, message).by(purchaser))
    }
}
