//! What the demonstration compares: the ledger's books before and after, as its API tells them.

use super::{Stage, tokens};
use crate::devnet::market::WAIT;
use crate::network::held;
use crate::session::applied;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_protocol::api::{AccountView, ProviderView, Totals};
use rampart_protocol::message::Transfer;
use rampart_protocol::{Address, Amount, ProviderId};

/// What the network itself has: the pool, the treasury, and rewards that nobody claimed yet. The end of an epoch moves
/// tokens between them, and so leaves their sum as it is.
pub fn networks(totals: &Totals) -> Amount {
    // The three are parts of what was deposited.
    Amount(totals.pool.0 + totals.treasury.0 + totals.rewards.0)
}

/// How much more there is than before.
///
/// # Errors
/// When it is less.
pub fn more(after: Amount, before: Amount) -> anyhow::Result<Amount> {
    after
        .checked_sub(before)
        .with_context(|| format!("{} became {}", tokens(before), tokens(after)))
}

impl Stage<'_> {
    /// An account, as the ledger has it.
    pub(super) async fn account(&self, account: &PrivateKeySigner) -> anyhow::Result<AccountView> {
        Ok(self.session.client.account(account.address()).await?)
    }

    /// A provider, as the ledger has it.
    pub(super) async fn provider(&self, id: ProviderId) -> anyhow::Result<ProviderView> {
        Ok(self.session.client.provider(id).await?)
    }

    /// The totals, as the ledger has them.
    pub(super) async fn totals(&self) -> anyhow::Result<Totals> {
        Ok(self.session.client.totals().await?)
    }

    /// Sees that all that is held is deposits less withdrawals, to the unit.
    pub(super) async fn conserved(&mut self) -> anyhow::Result<()> {
        let totals = self.totals().await?;
        let owed = totals.deposited.checked_sub(totals.withdrawn);
        let sum = held(&totals).context("the totals exceed all tokens")?;
        self.saw(
            owed == Some(sum),
            format!(
                "conserved: all that is held, {}, is deposits less withdrawals",
                tokens(sum)
            ),
        )
    }

    /// The consumer moves tokens to an account that the ledger does not know, which costs the storage fee.
    pub(super) async fn open_account(&mut self, recipient: Address, amount: Amount) -> anyhow::Result<()> {
        ensure!(
            !self.holders.contains(&recipient),
            "{recipient} takes part already"
        );
        let consumer = self.layout.accounts.consumer.clone();
        let before = self.account(&consumer).await?;
        let message = Transfer {
            recipient,
            amount,
            nonce: before.nonce,
        };
        applied(&self.session.send(&consumer, message.into(), WAIT).await?)?;
        self.holders.push(recipient);
        let fee = self.network.params.storage_fee;
        let received = self.session.client.account(recipient).await?.balance;
        let paid = more(before.balance, self.account(&consumer).await?.balance)?;
        self.saw(
            received == amount && paid.0 == amount.0 + fee.0,
            format!(
                "the consumer moved {} to {recipient}, and paid {} for the new account",
                tokens(received),
                tokens(fee)
            ),
        )
    }
}
