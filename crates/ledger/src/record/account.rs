//! Accounts, their enumeration for exits (X2), and withdrawals (U3).

use super::Provider;
use crate::key::Key;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, Amount, B256, Nonce, ProviderId, Timestamp, merkle};

/// An account: exists from its first deposit on.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Account {
    /// Who.
    pub address: Address,
    /// Dense number, counted from 0 in order of first deposits, by which exits are enumerated.
    pub index: u64,
    /// Free balance.
    pub balance: Amount,
    /// Review fees that wait for a verdict or for the challenge window's end (C7).
    pub deposits: Amount,
    /// The nonce that its next transaction must carry.
    pub nonce: Nonce,
    /// The provider that it owns; zero is none, since providers are counted from 1.
    pub provider: ProviderId,
}

impl Account {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::account(&self.address)
    }

    /// The provider that it owns, if it does.
    #[must_use]
    pub fn owned_provider(&self) -> Option<ProviderId> {
        (self.provider.0 != 0).then_some(self.provider)
    }
}

/// What an account could take if all stopped now (X2): its balance and the fees of its reviews that are not decided,
/// and what its provider has at stake, unbonding, in bonds and in escrow. Rewards count once they are claimed.
///
/// Conservation keeps every such sum below the deposits, so it cannot exceed 128 bits.
#[must_use]
pub fn exit_amount(account: &Account, provider: Option<&Provider>) -> Amount {
    let own = [account.balance, account.deposits];
    let provided = provider.map_or([Amount::ZERO; 4], |p| {
        [p.stake, p.unbonding_total(), p.bonds, p.escrow.total]
    });
    let parts = own.iter().chain(&provided);
    Amount(parts.fold(0, |sum: u128, part| sum.saturating_add(part.0)))
}

/// The address of the account with an index: exits are enumerated by it.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct AccountAt {
    /// The index.
    pub index: u64,
    /// The account.
    pub address: Address,
}

impl AccountAt {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::account_at(self.index)
    }
}

/// Balance that left the ledger, to be paid on the L2.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Withdrawal {
    /// Position in the tree of all withdrawals, from 0.
    pub index: u64,
    /// Whose balance it was.
    pub account: Address,
    /// Who is paid.
    pub recipient: Address,
    /// How much.
    pub amount: Amount,
    /// Hash of the transaction that asked for it.
    pub transaction: B256,
    /// Height of the block that executed it: the first checkpoint at or above proves it.
    pub height: u64,
    /// Time of that block.
    pub timestamp: Timestamp,
}

impl Withdrawal {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::withdrawal(self.index)
    }

    /// The leaf under the withdrawals' root.
    #[must_use]
    pub fn leaf(&self) -> B256 {
        merkle::withdrawal_leaf(self.index, self.recipient, self.amount)
    }
}
