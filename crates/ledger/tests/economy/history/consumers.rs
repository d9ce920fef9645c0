//! Consumers: they buy, use, review, move and take back their funds.

use super::world::{DAY, person};
use super::{Act, CONSUMERS, History, consumer, public, tokens};
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_ledger::{Key, Provider, Purchase, Service, review_fee};
use rampart_protocol::http_signature::{Algorithm, Parameters, RequestParts};
use rampart_protocol::message::{
    self, ClaimRefund, ReportUsage, Review, RotateAccessKey, Transfer, Withdraw,
};
use rampart_protocol::{Address, Amount, B256, Bytes, Message, PurchaseId, Sequence, Timestamp, keccak256};
use std::sync::Arc;

impl History<'_> {
    /// A purchase of some service on its terms.
    pub(super) fn buy(&mut self) -> Act {
        let buyer = match self.chance.below(12) {
            0 => self.somebody(),
            other => consumer(other % CONSUMERS),
        };
        let mut service = self.some_service();
        for _ in 0..3 {
            if self.is_sold(service) {
                break;
            }
            service = self.some_service();
        }
        let service = self.world.service(service)?;
        self.order(buyer, &service)
    }

    fn is_sold(&self, service: rampart_protocol::ServiceId) -> bool {
        self.world.service(service).is_some_and(|service| {
            let provider = self.world.provider(service.provider);
            service.active && provider.is_some_and(|p| p.status == rampart_ledger::Status::Active)
        })
    }

    /// A provider buys of itself, for the score.
    pub(super) fn wash(&mut self) -> Act {
        let service = self.some_service();
        let service = self.world.service(service)?;
        let owner = self.world.provider(service.provider)?.owner;
        self.order(owner, &service)
    }

    pub(super) fn order(&mut self, buyer: Address, service: &Service) -> Act {
        let span = service.max_duration.0.saturating_sub(service.min_duration.0);
        let mut duration = service.min_duration.0 + self.chance.below(span.min(40 * DAY) + 1);
        let (mut fee, mut version, mut named, mut provider) =
            (service.fee, service.version, buyer, service.provider);
        match self.chance.below(300) {
            0 => fee = self.amount(fee.0),
            1 => version = version.wrapping_add(1),
            2 => duration = service.min_duration.0.saturating_sub(1),
            3 => duration = service.max_duration.0.saturating_add(1),
            4 => named = self.somebody(),
            5 => provider = self.some_provider()?,
            _ => {}
        }
        let message = message::Purchase {
            consumer: named,
            provider,
            service: service.id,
            version,
            fee,
            access_key: self.access_key(),
            expires_at: Timestamp(self.world.now().saturating_add(duration)),
            nonce: self.nonce(buyer),
        };
        Some((buyer, message.into()))
    }

    pub(super) fn some_purchase(&mut self) -> PurchaseId {
        if self.chance.one_in(200) {
            return PurchaseId(B256::repeat_byte(9));
        }
        self.chance
            .pick_recent(&self.purchases)
            .copied()
            .unwrap_or_default()
    }

    fn known_purchase(&mut self) -> Option<Arc<Purchase>> {
        let id = self.some_purchase();
        self.world.get(Key::purchase(&id))
    }

    /// The provider shows the consumer's latest signature.
    pub(super) fn report_usage(&mut self) -> Act {
        let purchase = self.known_purchase()?;
        let provider: Arc<Provider> = self.world.get(Key::provider(purchase.record.provider))?;
        let room = purchase.record.requests.saturating_sub(purchase.used.0);
        let mut used = purchase.used.0 + 1 + self.chance.below(room.max(1));
        let mut key = purchase.access_key();
        match self.chance.below(60) {
            0 => used = purchase.used.0,
            1 => used = purchase.record.requests + 1,
            2 => key = self.access_key(),
            3..=9 => key = purchase.record.access_key,
            _ => {}
        }
        let signing = self.keys.iter().find(|k| public(k) == key);
        let signing = signing.unwrap_or(&self.keys[0]).clone();
        let (voucher, signature) = voucher(&signing, purchase.record.id, used);
        let signer = if self.chance.one_in(60) {
            self.somebody()
        } else {
            provider.owner
        };
        let message = ReportUsage {
            purchase: purchase.record.id,
            used: Sequence(used),
            voucher,
            signature,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn buyer_of(&mut self, purchase: &Purchase) -> Address {
        if self.chance.one_in(30) {
            self.somebody()
        } else {
            purchase.record.consumer
        }
    }

    pub(super) fn rotate(&mut self) -> Act {
        let mut purchase = self.known_purchase()?;
        if self.chance.one_in(3) {
            // Rather one that was rotated already, since there is a limit.
            let last = self.purchases.iter().rev().take(60);
            let last = last.filter_map(|id| self.world.get::<Purchase>(Key::purchase(id)));
            let now = self.world.env.timestamp;
            let usable = last.filter(|p| p.record.expires_at > now && !p.closed);
            purchase = usable.max_by_key(|p| p.rotations.len()).unwrap_or(purchase);
        }
        let signer = self.buyer_of(&purchase);
        let message = RotateAccessKey {
            purchase: purchase.record.id,
            access_key: self.access_key(),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// A review, of bad providers' purchases rather than of others'.
    pub(super) fn review(&mut self) -> Act {
        let mut purchase = self.known_purchase()?;
        for _ in 0..2 {
            if purchase.record.provider.0.is_multiple_of(3) {
                break;
            }
            purchase = self.known_purchase()?;
        }
        let signer = self.buyer_of(&purchase);
        let mut fee = review_fee(&self.world.params(), purchase.record.fee)?;
        if self.chance.one_in(30) {
            fee = self.amount(fee.0);
        }
        let comment = if self.chance.one_in(60) {
            ""
        } else {
            "it let a drainer through"
        };
        let message = Review {
            purchase: purchase.record.id,
            fee,
            comment: comment.into(),
            evidence: B256::repeat_byte(self.chance.below(2) as u8),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// A refund from an expelled provider, if there is one.
    pub(super) fn claim_refund(&mut self) -> Act {
        if self.expelled.is_empty() && self.chance.percent(90) {
            return None;
        }
        let mut purchase = self.known_purchase()?;
        for _ in 0..40 {
            if self.is_owed(&purchase) {
                break;
            }
            if self.expelled.is_empty() {
                break;
            }
            let id = *self.chance.pick(&self.purchases)?;
            purchase = self.world.get(Key::purchase(&id))?;
        }
        let signer = self.buyer_of(&purchase);
        let message = ClaimRefund {
            purchase: purchase.record.id,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn is_owed(&self, purchase: &Purchase) -> bool {
        let provider = self.world.provider(purchase.record.provider);
        let in_time = provider.is_some_and(|provider| provider.status_since < purchase.record.expires_at);
        self.expelled.contains(&purchase.record.provider) && !purchase.closed && in_time
    }

    pub(super) fn transfer(&mut self) -> Act {
        let signer = self.somebody();
        let recipient = match self.chance.below(12) {
            0 => person(0x99, self.chance.below(1 << 20)),
            1 => Address::ZERO,
            _ => self.somebody(),
        };
        let message = Transfer {
            recipient,
            amount: self.amount(tokens(30).0),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    pub(super) fn withdraw(&mut self) -> Act {
        let signer = self.somebody();
        let recipient = match self.chance.below(40) {
            0 => Address::ZERO,
            1 => super::world::DOMAIN.settlement,
            _ => signer,
        };
        let message = Withdraw {
            recipient,
            amount: self.amount(tokens(20).0),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// Whoever is short of funds gets some.
    pub(super) fn poorest_consumer(&self) -> Address {
        let all = (0..CONSUMERS).map(consumer);
        let balance = |who: &Address| self.world.account(*who).map_or(Amount::ZERO, |a| a.balance);
        all.min_by_key(balance).unwrap_or_default()
    }
}

/// A voucher for `n` requests in all, as a gateway makes it.
pub fn voucher(key: &SigningKey, purchase: PurchaseId, n: u64) -> (Bytes, Bytes) {
    let parameters = Parameters {
        created: 1,
        expires: 61,
        purchase,
        sequence: Sequence(n),
        has_body: false,
        algorithm: Algorithm::Ed25519,
    };
    let request = RequestParts {
        method: "GET",
        authority: "phishing.example",
        path: "/v1/screen",
        query: "",
        content_digest: None,
    };
    let base = parameters
        .signature_base(&request)
        .expect("a fixed request is in the profile");
    let signature = key.sign(base.as_bytes()).to_bytes();
    (base.into_bytes().into(), signature.to_vec().into())
}

/// A digest of a message's bytes, for what only needs to differ.
pub(super) fn digest(message: &Message) -> B256 {
    keccak256(message.to_bytes())
}
