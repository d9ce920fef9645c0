//! A second, naive ledger: it keeps every fee by itself and knows nothing of pages, buckets or totals.
//!
//! It decides nothing: it follows the events of the real one, and says what the funds must then be.

use crate::world::World;
use rampart_ledger::{Account, Event, Globals, Key, Params, Provider, score, wait};
use rampart_protocol::{Address, Amount, ProviderId, Timestamp};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Model {
    balances: BTreeMap<Address, u128>,
    owners: BTreeMap<ProviderId, Address>,
    stakes: BTreeMap<ProviderId, u128>,
    /// Each fee in escrow: whose, when its bucket ends, and how much.
    fees: Vec<(ProviderId, u64, u128)>,
    pool: u128,
}

impl Model {
    /// What a claim would have to move now, by the fees themselves.
    pub fn claimable(&self, params: &Params, provider: &Provider, now: Timestamp) -> u128 {
        let wait = wait(params, score(params, &Globals::default(), provider, now)).0;
        let of_provider = self.fees.iter().filter(|(id, _, _)| *id == provider.id);
        of_provider
            .filter(|(_, end, _)| end + wait <= now.0)
            .map(|(_, _, amount)| amount)
            .sum()
    }

    /// Follows one event. `before` is the provider as a claim found it.
    pub fn follow(&mut self, params: &Params, event: &Event, before: Option<&Provider>, now: Timestamp) {
        match event {
            Event::Deposited { account, amount, .. } => {
                *self.balances.entry(*account).or_default() += amount.0
            }
            Event::ProviderRegistered {
                provider,
                owner,
                stake,
            } => {
                self.owners.insert(*provider, *owner);
                self.stakes.insert(*provider, stake.0);
                *self.balances.get_mut(owner).unwrap() -= stake.0;
            }
            Event::StakeAdded {
                provider,
                amount,
                stake,
            } => {
                *self.balances.get_mut(&self.owners[provider]).unwrap() -= amount.0;
                *self.stakes.get_mut(provider).unwrap() += amount.0;
                assert_eq!(self.stakes[provider], stake.0);
            }
            Event::Purchased(record) => {
                *self.balances.get_mut(&record.consumer).unwrap() -= record.fee.0;
                let share = record.fee.0 * u128::from(1_000_000 - params.protocol_cut.0) / 1_000_000;
                let width = params.escrow_bucket.0;
                let end = record.purchased_at.0 / width * width + width - 1;
                self.fees.push((record.provider, end, share));
                self.pool += record.fee.0 - share;
            }
            Event::Claimed {
                provider,
                owner,
                amount,
            } => {
                let before = before.unwrap();
                assert_eq!(
                    amount.0,
                    self.claimable(params, before, now),
                    "the claim of provider {provider}"
                );
                let wait = wait(params, score(params, &Globals::default(), before, now)).0;
                self.fees
                    .retain(|(id, end, _)| id != provider || end + wait > now.0);
                *self.balances.get_mut(owner).unwrap() += amount.0;
            }
            Event::WithdrawalQueued { account, amount, .. } => {
                *self.balances.get_mut(account).unwrap() -= amount.0;
                self.charge_storage(params, account);
            }
            Event::ServiceUpdated { provider, .. } => {
                let owner = self.owners[provider];
                self.charge_storage(params, &owner);
            }
            Event::ProviderUpdated { .. } | Event::ServiceRegistered { .. } | Event::UsageReported { .. } => {
            }
            other => panic!("the model knows nothing of {other:?}"),
        }
    }

    fn charge_storage(&mut self, params: &Params, who: &Address) {
        *self.balances.get_mut(who).unwrap() -= params.storage_fee.0;
        self.pool += params.storage_fee.0;
    }

    /// Compares every fund with the real ledger's.
    pub fn compare(&self, world: &World) {
        for (address, balance) in &self.balances {
            let account: Account = world.get(&Key::account(address));
            assert_eq!(account.balance, Amount(*balance), "the balance of {address}");
        }
        for (id, stake) in &self.stakes {
            let provider = world.provider_of(*id);
            assert_eq!(provider.stake, Amount(*stake), "the stake of {id}");
            let escrow: u128 = self
                .fees
                .iter()
                .filter(|(of, _, _)| of == id)
                .map(|(_, _, amount)| amount)
                .sum();
            assert_eq!(provider.escrow.total, Amount(escrow), "the escrow of {id}");
        }
        assert_eq!(world.globals().pool, Amount(self.pool));
    }
}
