//! The market with operators, who judge, report availability and earn: their messages, and whole rounds of votes.

use crate::world::*;
use rampart_ledger::{
    Ballot, EpochReport, Event, GenesisOperator, GenesisSeat, Input, Investor, Key, Operator, Params, Review,
    review_fee,
};
use rampart_protocol::message::{
    self, Challenge, ClaimRefund, ClaimRewards, CommitVerdict, Component, Reinstate, ReleaseStake,
    ReportAvailability, RevealVerdict, RotateAccessKey, SetAutoStake, Transfer, Unbond,
};
use rampart_protocol::observation::{
    Forced, Governance, GovernanceAction, InvestorWeight, Observation, OperatorKeys, OperatorStake,
    ParameterChange, SetParameters,
};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, CaseId, Message, Ppm, PurchaseId, Seconds, ServiceId, verdict,
};

/// Operators, by their share of the stake: 40, 35 and 25 parts of a hundred. The first with any other is a quorum.
pub const OLGA: Address = Address::repeat_byte(0xd1);
pub const PETE: Address = Address::repeat_byte(0xd2);
pub const QUINN: Address = Address::repeat_byte(0xd3);
/// Investors.
pub const IRIS: Address = Address::repeat_byte(0xe1);
pub const JACK: Address = Address::repeat_byte(0xe2);

/// The usual review's fee, and bond: a fifth of 100 tokens.
pub const REVIEW_FEE: Amount = tokens(20);

/// Operators with these stakes, that keep a tenth of their rewards.
pub fn operators(stakes: &[(Address, u128)]) -> Vec<GenesisOperator> {
    let operator = |(address, stake): &(Address, u128)| GenesisOperator {
        address: *address,
        stake: *stake,
        commission: Ppm(100_000),
        seat: Some(GenesisSeat {
            consensus_key: address.into_word(),
            checkpoint_key: *address,
            weight: 7,
        }),
    };
    stakes.iter().map(operator).collect()
}

/// [`plain`] parameters under which no epoch ends while a case is judged, so that the pool stays where it is.
pub fn calm() -> Params {
    Params {
        epoch_length: Seconds(30 * DAY),
        ..plain()
    }
}

impl World {
    /// The usual market with the three operators.
    pub fn court() -> Self {
        Self::court_with(&calm())
    }

    pub fn court_with(params: &Params) -> Self {
        Self::court_of(params, &[(OLGA, 40), (PETE, 35), (QUINN, 25)])
    }

    pub fn court_of(params: &Params, stakes: &[(Address, u128)]) -> Self {
        let mut world = Self::operated(params, &operators(stakes));
        world.begin();
        world.opened()
    }

    /// Begins a block.
    pub fn begin(&mut self) -> Vec<Event> {
        self.apply(Input::Begin).unwrap().events
    }

    /// Lets time pass, and begins a block then.
    pub fn pass(&mut self, seconds: u64) -> Vec<Event> {
        self.advance(seconds).begin()
    }

    pub fn operator(&self, who: Address) -> Operator {
        self.get(&Key::operator(&who))
    }

    pub fn investor(&self, operator: Address, who: Address) -> Investor {
        self.get(&Key::investor(&operator, &who))
    }

    pub fn review(&self, id: PurchaseId) -> Review {
        self.get(&Key::review(&id))
    }

    pub fn ballot(&self, case: CaseId) -> Option<Ballot> {
        self.find(&Key::ballot(&case))
    }

    pub fn epoch(&self, number: u64) -> EpochReport {
        self.get(&Key::epoch(number))
    }

    pub fn complaint(&self, who: Address, id: PurchaseId) -> message::Review {
        message::Review {
            purchase: id,
            fee: review_fee(&self.params(), self.purchase(id).record.fee).unwrap(),
            comment: "It missed the drainer.".into(),
            evidence: B256::repeat_byte(0xce),
            nonce: self.nonce(who),
        }
    }

    pub fn objection(&self, id: PurchaseId) -> Challenge {
        Challenge {
            purchase: id,
            bond: self.review(id).fee,
            evidence: B256::repeat_byte(0xfe),
            nonce: self.nonce(OWNER),
        }
    }

    /// A purchase of Alice's that she reviewed.
    pub fn reviewed(&mut self) -> PurchaseId {
        let id = self.buy(ALICE);
        self.ok(ALICE, self.complaint(ALICE, id));
        id
    }

    /// A purchase of Alice's whose review was challenged, and the case.
    pub fn challenged(&mut self) -> (PurchaseId, CaseId) {
        let id = self.reviewed();
        self.ok(OWNER, self.objection(id));
        (id, verdict::review(id))
    }

    /// The salt of an operator.
    pub fn salt(who: Address) -> B256 {
        B256::repeat_byte(who[0])
    }

    pub fn seal(&self, who: Address, case: CaseId, round: u32, upheld: bool) -> CommitVerdict {
        CommitVerdict {
            case,
            round,
            commitment: verdict::commitment(case, round, who, upheld, Self::salt(who)),
            nonce: self.nonce(who),
        }
    }

    pub fn unseal(&self, who: Address, case: CaseId, round: u32, upheld: bool) -> RevealVerdict {
        RevealVerdict {
            case,
            round,
            upheld,
            salt: Self::salt(who),
            nonce: self.nonce(who),
        }
    }

    /// Commits and reveals these votes in the open round, and begins the block that counts them.
    pub fn vote(&mut self, case: CaseId, votes: &[(Address, bool)]) -> Vec<Event> {
        let ballot = self.ballot(case).unwrap();
        for (who, upheld) in votes {
            self.ok(*who, self.seal(*who, case, ballot.round, *upheld));
        }
        self.at(ballot.commit_until.0 + 1);
        for (who, upheld) in votes {
            self.ok(*who, self.unseal(*who, case, ballot.round, *upheld));
        }
        self.at(ballot.reveal_until.0 + 1).begin()
    }

    pub fn governed(&self, action: impl Into<GovernanceAction>) -> Input {
        Input::Observation(Observation::Governance(Governance {
            index: self.globals().restaking_count,
            action: action.into(),
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    /// Governance decides.
    pub fn govern(&mut self, action: impl Into<GovernanceAction>) -> Vec<Event> {
        self.apply(self.governed(action)).unwrap().events
    }

    /// Governance changes parameters.
    pub fn tune(&mut self, changes: &[(&str, u128)]) -> Vec<Event> {
        let changes = changes.iter().map(|(name, value)| ParameterChange {
            name: (*name).into(),
            value: *value,
        });
        self.govern(SetParameters {
            changes: changes.collect(),
        })
    }

    pub fn staked(&self, operator: Address, stake: u128, commission: Ppm) -> Input {
        Input::Observation(Observation::OperatorStake(OperatorStake {
            index: self.globals().restaking_count,
            operator,
            stake,
            commission,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    /// Keys named after two bytes.
    pub fn keyed(&self, operator: Address, consensus: u8, checkpoint: u8, proven: bool) -> Input {
        Input::Observation(Observation::OperatorKeys(OperatorKeys {
            index: self.globals().restaking_count,
            operator,
            consensus_key: B256::repeat_byte(consensus),
            checkpoint_key: Address::repeat_byte(checkpoint),
            proven,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    pub fn weighted(&self, operator: Address, investor: Address, weight: u128) -> Input {
        Input::Observation(Observation::InvestorWeight(InvestorWeight {
            index: self.globals().restaking_count,
            operator,
            investor,
            weight,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    /// The L1 tells of an operator's stake.
    pub fn restake(&mut self, operator: Address, stake: u128, commission: Ppm) -> Vec<Event> {
        self.apply(self.staked(operator, stake, commission))
            .unwrap()
            .events
    }

    /// The L1 tells of an investor's weight.
    pub fn invest(&mut self, operator: Address, investor: Address, weight: u128) -> Vec<Event> {
        self.apply(self.weighted(operator, investor, weight))
            .unwrap()
            .events
    }

    /// The settlement contract's inbox holds a message of an account.
    pub fn force(&mut self, account: Address, message: impl Into<Message>) -> Vec<Event> {
        self.force_bytes(account, &message.into().to_bytes())
    }

    pub fn force_bytes(&mut self, account: Address, bytes: &[u8]) -> Vec<Event> {
        self.apply(self.forced(account, bytes)).unwrap().events
    }

    pub fn forced(&self, account: Address, bytes: &[u8]) -> Input {
        Input::Observation(Observation::Forced(Forced {
            index: self.globals().inbox_count,
            account,
            message: bytes.to_vec().into(),
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    /// A report of the last epoch that ended: these services were down.
    pub fn availability(&self, who: Address, down: &[u64]) -> ReportAvailability {
        let mut bits = [0u8; 32];
        for service in down {
            let place = usize::try_from((service - 1) % 256).unwrap();
            bits[place / 8] |= 1 << (place % 8);
        }
        ReportAvailability {
            epoch: self.globals().epoch.number.saturating_sub(1),
            page: 0,
            down: B256::from(bits),
            nonce: self.nonce(who),
        }
    }

    pub fn transfer(&self, who: Address, recipient: Address, amount: Amount) -> Transfer {
        Transfer {
            recipient,
            amount,
            nonce: self.nonce(who),
        }
    }

    pub fn unbond(&self, who: Address, amount: Amount) -> Unbond {
        Unbond {
            provider: PROVIDER,
            amount,
            nonce: self.nonce(who),
        }
    }

    pub fn release(&self, who: Address) -> ReleaseStake {
        ReleaseStake {
            provider: PROVIDER,
            nonce: self.nonce(who),
        }
    }

    pub fn auto_stake(&self, who: Address, share: u32) -> SetAutoStake {
        SetAutoStake {
            provider: PROVIDER,
            share: Ppm(share),
            nonce: self.nonce(who),
        }
    }

    pub fn reinstate(&self, who: Address) -> Reinstate {
        Reinstate {
            provider: PROVIDER,
            nonce: self.nonce(who),
        }
    }

    pub fn rotate(&self, who: Address, purchase: PurchaseId, access_key: AccessKey) -> RotateAccessKey {
        RotateAccessKey {
            purchase,
            access_key,
            nonce: self.nonce(who),
        }
    }

    pub fn refund(&self, who: Address, purchase: PurchaseId) -> ClaimRefund {
        ClaimRefund {
            purchase,
            nonce: self.nonce(who),
        }
    }

    pub fn reap(&self, who: Address, operator: Address) -> ClaimRewards {
        ClaimRewards {
            operator,
            nonce: self.nonce(who),
        }
    }

    /// The rival registers, and offers a bundle of these components for 300 tokens.
    pub fn bundle(&self, components: Vec<Component>) -> message::RegisterService {
        message::RegisterService {
            provider: self.account(RIVAL).provider,
            description: "Everything at once".into(),
            requests: 100,
            fee: tokens(300),
            max_duration: Seconds(30 * DAY),
            components,
            upstream_key: public(&upstream()),
            ..self.service_terms(RIVAL)
        }
    }

    /// One package of a service as it is now, one use a request.
    pub fn component(&self, service: ServiceId) -> Component {
        Component {
            service,
            version: self.service(service).version,
            packages: 1,
            uses: 1,
        }
    }

    /// An order of any service on its current terms, expiring after ten days.
    pub fn order_of(&self, consumer: Address, service: ServiceId) -> message::Purchase {
        let terms = self.service(service);
        message::Purchase {
            provider: terms.provider,
            service,
            version: terms.version,
            fee: terms.fee,
            expires_at: rampart_protocol::Timestamp(self.now() + 10 * DAY),
            ..self.order(consumer)
        }
    }

    /// Suspends the usual provider by its score: Alice and Bob buy and review.
    pub fn disgraced(&mut self) -> [PurchaseId; 2] {
        let ids = [self.buy(ALICE), self.buy(BOB)];
        self.ok(ALICE, self.complaint(ALICE, ids[0]));
        self.ok(BOB, self.complaint(BOB, ids[1]));
        assert_eq!(self.provider().status, rampart_ledger::Status::Suspended);
        ids
    }
}

/// The key with which the bundle's provider calls what it bundles.
pub fn upstream() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[9; 32])
}
