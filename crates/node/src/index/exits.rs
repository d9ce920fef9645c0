//! What each account could take if all stopped now: the leaves under a checkpoint's exit root (X2).

use super::store::{ACCOUNTS, EXITS, Index, IndexError};
use rampart_ledger::{Account, Provider, exit_amount};
use rampart_protocol::{Address, Amount, B256, Nonce, ProviderId, merkle};
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

/// The exits of one block's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitLeaves {
    /// Each account with what it could take, in the order of account indices.
    pub exits: Vec<(Address, Amount)>,
}

impl ExitLeaves {
    /// The root over all exits; zero when there are no accounts.
    ///
    /// Hashes every account: 10^6 accounts take about a second, off the consensus path, once a checkpoint.
    #[must_use]
    pub fn root(&self) -> B256 {
        let leaves: Vec<B256> = self
            .exits
            .iter()
            .map(|(account, amount)| merkle::exit_leaf(*account, *amount))
            .collect();
        merkle::root(&leaves)
    }
}

impl Index {
    /// What every account could take in the state of the last block taken in.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn exits(&self) -> Result<ExitLeaves, IndexError> {
        let read = self.database.begin_read()?;
        let mut exits = Vec::new();
        for row in read.open_table(EXITS)?.range(0u64..)? {
            let (account, own, provider) = row?.1.value();
            exits.push((Address::from(account), Amount(own.saturating_add(provider))));
        }
        Ok(ExitLeaves { exits })
    }
}

/// Takes in an account's new state.
pub(super) fn account(write: &WriteTransaction, account: &Account) -> Result<(), IndexError> {
    let address = account.address.into_array();
    write.open_table(ACCOUNTS)?.insert(address, account.index)?;
    let mut exits = write.open_table(EXITS)?;
    let provider = exits.get(account.index)?.map_or(0, |row| row.value().2);
    exits.insert(account.index, (address, exit_amount(account, None).0, provider))?;
    Ok(())
}

/// Takes in a provider's new state: its holdings are its owner's to take.
///
/// The owner has an account, which the index knows if it is `complete`. If not, its exits are used by nobody.
pub(super) fn provider(
    write: &WriteTransaction,
    provider: &Provider,
    complete: bool,
) -> Result<(), IndexError> {
    let address = provider.owner.into_array();
    let Some(index) = write
        .open_table(ACCOUNTS)?
        .get(address)?
        .map(|index| index.value())
    else {
        return if complete {
            Err(IndexError::Corrupt)
        } else {
            Ok(())
        };
    };
    let nobody = Account {
        address: provider.owner,
        index,
        balance: Amount::ZERO,
        deposits: Amount::ZERO,
        nonce: Nonce(0),
        provider: ProviderId(0),
    };
    let mut exits = write.open_table(EXITS)?;
    let own = exits.get(index)?.map_or(0, |row| row.value().1);
    exits.insert(index, (address, own, exit_amount(&nobody, Some(provider)).0))?;
    Ok(())
}
