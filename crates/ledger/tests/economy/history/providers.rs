//! Providers: they register, offer, bundle, stake, claim, and leave.

use super::world::{DAY, person};
use super::{Act, History, tokens};
use rampart_ledger::{Key, Provider, Purchase, Review, Service, Status, is_untrustworthy, standing};
use rampart_protocol::message::{
    AddStake, Challenge, Claim, Component, RegisterProvider, RegisterService, Reinstate, ReleaseStake,
    SetAutoStake, Unbond, UpdateProvider, UpdateService,
};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, CaseId, Category, Message, Ppm, ProviderId, PurchaseId, Seconds,
    ServiceId,
};
use std::sync::Arc;

/// The terms that both kinds of message carry.
struct Terms {
    requests: u64,
    fee: Amount,
    min_duration: Seconds,
    max_duration: Seconds,
    components: Vec<Component>,
    upstream_key: AccessKey,
}

impl History<'_> {
    /// What a provider does besides claiming.
    pub(super) fn provide(&mut self) -> Act {
        let provider = self.some_provider().and_then(|id| self.world.provider(id))?;
        match self.chance.below(24) {
            0..=2 => self.offer(provider.owner, false),
            3..=4 => self.offer(provider.owner, true),
            5..=8 => self.change_service(),
            9..=12 => self.add_stake(&provider),
            13..=15 => self.unbond(&provider),
            16..=17 => self.release(),
            18..=19 => self.auto_stake(&provider),
            20..=21 => self.reinstate(),
            _ => self.update(&provider),
        }
    }

    pub(super) fn register(&mut self) -> Act {
        let who = if self.chance.one_in(3) {
            self.somebody()
        } else {
            let number = self.owners.len() as u64;
            let newcomer = person(0x0e, number);
            self.deposit(newcomer, tokens(60_000));
            self.owners.push(newcomer);
            newcomer
        };
        let least = self.world.params().deposit_fixed.0;
        let stake = Amount(least.saturating_sub(1) + u128::from(self.chance.below(40)) * tokens(500).0);
        Some((who, self.registration(who, stake)))
    }

    pub(super) fn registration(&mut self, who: Address, stake: Amount) -> Message {
        let (name, endpoint) = match self.chance.below(40) {
            0 => ("", "https://phishing.example/"),
            1 => ("Phishing Watch", "gopher://phishing.example/"),
            _ => ("Phishing Watch", "https://phishing.example/"),
        };
        RegisterProvider {
            name: name.into(),
            endpoint: endpoint.into(),
            stake,
            nonce: self.nonce(who),
        }
        .into()
    }

    /// The owner, at times somebody else.
    fn acts_for(&mut self, provider: &Provider) -> Address {
        if self.chance.one_in(50) {
            self.somebody()
        } else {
            provider.owner
        }
    }

    fn update(&mut self, provider: &Provider) -> Act {
        let signer = self.acts_for(provider);
        let message = UpdateProvider {
            provider: provider.id,
            name: "Phishing Guard".into(),
            endpoint: "http://127.0.0.1:9000".into(),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn terms(&mut self, bundle: bool) -> Terms {
        let components = if bundle { self.components() } else { Vec::new() };
        let (mut fee, mut least, mut most) = (tokens(0), 3_600, 90 * DAY);
        let mut requests = 1 + self.chance.below(1_000);
        for component in &components {
            let Some(service) = self.world.service(component.service) else {
                continue;
            };
            fee.0 = fee
                .0
                .saturating_add(service.fee.0.saturating_mul(component.packages.into()));
            least = least.max(service.min_duration.0);
            most = most.min(service.max_duration.0);
            let uses = u64::from(component.uses.max(1));
            requests = requests.min(service.requests.saturating_mul(component.packages.into()) / uses);
        }
        let own = if self.chance.one_in(12) {
            0
        } else {
            self.chance.below(6_000)
        };
        fee.0 = fee.0.saturating_add(u128::from(own) * tokens(1).0 / 100);
        match self.chance.below(100) {
            0 => requests = 0,
            1 => most = least.saturating_sub(1),
            2 => fee = Amount::ZERO,
            _ => {}
        }
        let upstream_key = if bundle {
            self.access_key()
        } else {
            AccessKey::default()
        };
        Terms {
            requests,
            fee,
            min_duration: Seconds(least),
            max_duration: Seconds(most),
            components,
            upstream_key,
        }
    }

    /// Up to four services of anybody, as they are.
    fn components(&mut self) -> Vec<Component> {
        let count = self.chance.between(1, 4);
        let mut components: Vec<Component> = Vec::new();
        for _ in 0..count {
            let id = self.some_service();
            let version = self
                .world
                .service(id)
                .map_or(1, |service: Arc<Service>| service.version);
            let known = components.iter().any(|component| component.service == id);
            let sold = self.world.service(id).is_some_and(|service| service.active);
            if (known || !sold) && !self.chance.one_in(40) {
                continue;
            }
            components.push(Component {
                service: id,
                version,
                packages: self.chance.between(1, 3) as u32,
                uses: 1,
            });
        }
        components
    }

    /// A new service, or a bundle of others.
    pub(super) fn offer(&mut self, owner: Address, bundle: bool) -> Act {
        let provider = match self
            .world
            .account(owner)
            .and_then(|account| account.owned_provider())
        {
            Some(provider) => provider,
            None => self.some_provider()?,
        };
        let terms = self.terms(bundle);
        let message = RegisterService {
            provider,
            category: Category::ProactiveMeasures,
            description: "Screens domains\nagainst a list".into(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests: terms.requests,
            fee: terms.fee,
            min_duration: terms.min_duration,
            max_duration: terms.max_duration,
            components: terms.components,
            upstream_key: terms.upstream_key,
            nonce: self.nonce(owner),
        };
        Some((owner, message.into()))
    }

    /// New terms; at times a retirement, or the end of one.
    fn change_service(&mut self) -> Act {
        let service = self.some_service();
        let known = self.world.service(service);
        let provider = known
            .as_ref()
            .and_then(|service| self.world.provider(service.provider));
        let signer = match provider {
            Some(provider) => self.acts_for(&provider),
            None => self.somebody(),
        };
        let was_bundle = known
            .as_ref()
            .is_some_and(|service| !service.components.is_empty());
        let bundle = if self.chance.one_in(6) {
            !was_bundle
        } else {
            was_bundle
        };
        let terms = self.terms(bundle);
        let active = !self.chance.one_in(6);
        let message = UpdateService {
            service,
            category: Category::TransactionSecurity,
            description: "Screens addresses".into(),
            endpoint: "https://screen.example".into(),
            openapi: B256::repeat_byte(1),
            requests: terms.requests,
            fee: terms.fee,
            min_duration: terms.min_duration,
            max_duration: terms.max_duration,
            components: terms.components,
            upstream_key: terms.upstream_key,
            active,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn add_stake(&mut self, provider: &Provider) -> Act {
        let signer = self.acts_for(provider);
        let message = AddStake {
            provider: provider.id,
            amount: self.amount(tokens(2_000).0),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn unbond(&mut self, provider: &Provider) -> Act {
        let signer = self.acts_for(provider);
        let message = Unbond {
            provider: provider.id,
            amount: self.amount(tokens(300).0.min(provider.stake.0)),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn release(&mut self) -> Act {
        let now = self.world.now();
        let provider =
            self.find_provider(|p| p.unbonding.first().is_some_and(|part| part.release_at.0 <= now))?;
        let signer = self.acts_for(&provider);
        let message = ReleaseStake {
            provider: provider.id,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn auto_stake(&mut self, provider: &Provider) -> Act {
        let signer = self.acts_for(provider);
        let message = SetAutoStake {
            provider: provider.id,
            share: Ppm(self.chance.below(1_050_000) as u32),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    fn reinstate(&mut self) -> Act {
        let (params, globals, now) = (
            self.world.params(),
            self.world.globals(),
            self.world.env.timestamp,
        );
        let provider = self.find_provider(|p| {
            let by_score = p.status == Status::Suspended && p.case != CaseId::default();
            by_score && !is_untrustworthy(&params, &globals, p, now)
        })?;
        let signer = self.acts_for(&provider);
        let message = Reinstate {
            provider: provider.id,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// Some provider, rather one of which a thing is true.
    fn find_provider(&mut self, wanted: impl Fn(&Provider) -> bool) -> Option<Arc<Provider>> {
        let next = self.world.globals().next_provider.0;
        let first = self.chance.between(1, next);
        let all = (first..next)
            .chain(1..first)
            .filter_map(|id| self.world.provider(ProviderId(id)));
        let found = all.into_iter().find(|provider| wanted(provider));
        found.or_else(|| self.world.provider(ProviderId(first)))
    }

    /// A claim, rather when there is something to claim.
    pub(super) fn claim(&mut self) -> Act {
        let eager = self.chance.percent(70);
        let (params, globals, now) = (
            self.world.params(),
            self.world.globals(),
            self.world.env.timestamp,
        );
        let mut provider = self.some_provider().and_then(|id| self.world.provider(id))?;
        for _ in 0..6 {
            let standing = standing(&self.world.state, &params, &globals, &provider, now);
            if !eager || standing.is_ok_and(|standing| standing.claimable != Amount::ZERO) {
                break;
            }
            provider = self.some_provider().and_then(|id| self.world.provider(id))?;
        }
        let signer = self.acts_for(&provider);
        let message = Claim {
            provider: provider.id,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// A challenge of an open review; bad providers seldom dare.
    pub(super) fn challenge(&mut self) -> Act {
        let purchase = *self.chance.pick_recent(&self.reviews)?;
        let mut review: Arc<Review> = self.world.get(Key::review(&purchase))?;
        if self.chance.one_in(30) {
            return self.challenge_of_another();
        }
        if self.chance.one_in(30) {
            review = self.judged_review().unwrap_or(review);
        }
        let (purchase, provider) = (review.purchase, self.world.provider(review.provider)?);
        let signer = self.acts_for(&provider);
        let mut bond = review.fee;
        if self.chance.one_in(30) {
            bond = self.amount(bond.0);
        }
        let message = Challenge {
            purchase,
            bond,
            evidence: B256::repeat_byte(2),
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// A review that is being judged.
    fn judged_review(&mut self) -> Option<Arc<Review>> {
        let (case, ..) = *self.chance.pick_recent(&self.cases)?;
        self.world.get(Key::review(&PurchaseId(case.0)))
    }

    /// A challenge of a purchase that may have no review.
    fn challenge_of_another(&mut self) -> Act {
        let purchase = self.some_purchase();
        let bought: Arc<Purchase> = self.world.get(Key::purchase(&purchase))?;
        let signer = self.world.provider(bought.record.provider)?.owner;
        let message = Challenge {
            purchase,
            bond: bought.record.fee,
            evidence: B256::ZERO,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// Whether a service belongs to a provider that is often down.
    pub(super) fn is_bad(&self, service: ServiceId) -> bool {
        let service = self.world.service(service);
        service.is_some_and(|service| service.provider.0.is_multiple_of(3))
    }
}
