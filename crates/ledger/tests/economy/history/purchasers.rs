//! Delegated purchasers: consumers let keys buy for them, and the keys do.

use super::world::{DAY, transaction};
use super::{Act, CONSUMERS, History, consumer, tokens};
use rampart_ledger::{Input, Key, Prepared, Purchaser, Purchasers};
use rampart_protocol::message::{DelegatePurchaser, RevokePurchaser};
use rampart_protocol::{AccessKey, Address, Message, Timestamp, keccak256};
use std::sync::Arc;

impl History<'_> {
    /// A consumer lets a key buy, changes what it may, or ends it.
    pub(super) fn delegate(&mut self) -> Act {
        let who = consumer(self.chance.below(CONSUMERS));
        let known = self.some_purchaser(who).map(|one| one.key);
        let purchaser = match known {
            Some(key) if self.chance.percent(60) => key,
            _ => self.access_key(),
        };
        let nonce = self.nonce(who);
        if known.is_some() && self.chance.percent(35) {
            return Some((who, RevokePurchaser { purchaser, nonce }.into()));
        }
        let message = DelegatePurchaser {
            purchaser,
            limit: self.amount(tokens(2_000).0),
            expires_at: Timestamp(self.world.now().saturating_add(self.chance.below(60 * DAY))),
            nonce,
        };
        Some((who, message.into()))
    }

    fn some_purchaser(&mut self, who: Address) -> Option<Purchaser> {
        let all: Arc<Purchasers> = self.world.get(Key::purchasers(&who))?;
        self.chance.pick(&all.keys).cloned()
    }

    /// What somebody asks, signed by its wallet; a purchase at times by a purchaser, or by a key that is none.
    pub(super) fn signed(&mut self, signer: Address, mut message: Message) -> Input {
        if !matches!(message, Message::Purchase(_)) && !self.chance.one_in(500) {
            return transaction(signer, message);
        }
        let Some(purchaser) = self.some_purchaser(signer).filter(|_| self.chance.percent(50)) else {
            return transaction(signer, message);
        };
        let mut key = purchaser.key;
        if let Message::Purchase(m) = &mut message {
            m.nonce = purchaser.nonce;
        }
        match self.chance.below(60) {
            0 => key = AccessKey::default(),
            1 => key = self.access_key(),
            _ => {}
        }
        let id = keccak256(message.to_bytes());
        let prepared = Prepared::new(&super::world::DOMAIN, signer, id, message);
        Input::Transaction(prepared.by(Some(key)))
    }
}
