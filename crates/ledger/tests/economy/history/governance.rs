//! What the chains tell: deposits, forced messages, stakes and weights, decisions of governance.

use super::world::person;
use super::{History, INVESTORS, OPERATORS, investor, tokens};
use rampart_ledger::{Input, ParamSpec, Params};
use rampart_protocol::observation::{
    Deposit, Expel, Forced, Governance, GovernanceAction, InvestorWeight, Judge, OperatorKeys, OperatorStake,
    ParameterChange, Pardon, SetParameters, Slash, Spend, Suspend,
};
use rampart_protocol::{Address, Amount, B256, CaseId, Observation, Ppm};

/// The parameters that histories change, and how far from the default at most: times or divided by this.
const GOVERNED: &[(&str, u64)] = &[
    ("protocol_cut", 3),
    ("wait_min", 2),
    ("escrow_bucket", 20),
    ("score_half_life", 10),
    ("revenue_half_life", 10),
    ("prior_strength", 3),
    ("evidence_unit", 2),
    ("repeat_bonus", 3),
    ("repeat_unit", 3),
    ("repeat_cap", 3),
    ("deposit_fixed", 2),
    ("kappa_min", 2),
    ("review_window", 3),
    ("review_fee_share", 3),
    ("negative_weight", 3),
    ("challenge_window", 3),
    ("commit_window", 2),
    ("reveal_window", 2),
    ("escalation_window", 10),
    ("verdict_quorum", 1),
    ("slash_review", 3),
    ("outage_weight", 2),
    ("outage_epochs", 2),
    ("slash_outage", 3),
    ("expel_score", 2),
    ("slash_expel", 2),
    ("compensation_window", 5),
    ("slash_bounty", 4),
    ("epoch_length", 3),
    ("reward_base", 2),
    ("sellers_half", 5),
    ("commission_max", 3),
    ("storage_fee", 5),
    ("components_max", 3),
];

impl History<'_> {
    /// A position that is right but for once in a while.
    fn position(&mut self, expected: u64) -> u64 {
        expected.wrapping_add(u64::from(self.chance.one_in(60)))
    }

    pub(super) fn deposited(&mut self, account: Address, amount: Amount) -> Observation {
        let index = self.world.globals().inbox_count;
        Observation::Deposit(Deposit {
            index,
            account,
            amount,
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    pub(super) fn deposit_of_somebody(&mut self) -> Observation {
        let whole = self.chance.below(20_000);
        let who = match self.chance.below(4) {
            0 => self.somebody(),
            1 => self.chance.pick(&self.owners).copied().unwrap_or_default(),
            _ => self.poorest_consumer(),
        };
        let mut observation = self.deposited(who, Amount(tokens(whole.into()).0 + u128::from(whole)));
        if let Observation::Deposit(deposit) = &mut observation {
            deposit.index = self.position(deposit.index);
        }
        observation
    }

    pub(super) fn weight_of(&mut self, operator: Address, investor: Address, weight: u128) -> Input {
        Input::Observation(Observation::InvestorWeight(InvestorWeight {
            index: self.world.globals().restaking_count,
            operator,
            investor,
            weight,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    pub(super) fn investor_change(&mut self) -> Observation {
        let expected = self.world.globals().restaking_count;
        Observation::InvestorWeight(InvestorWeight {
            index: self.position(expected),
            operator: person(0x0a, self.chance.below(OPERATORS)),
            investor: investor(self.chance.below(INVESTORS)),
            weight: match self.chance.below(60) {
                0 => u128::MAX,
                _ => u128::from(self.chance.below(5_000)),
            },
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    pub(super) fn operator_change(&mut self) -> Observation {
        let expected = self.world.globals().restaking_count;
        let number = self.chance.below(OPERATORS);
        let stake = match self.chance.below(60) {
            0 => u128::MAX,
            1..=9 => 0,
            _ => 100 + u128::from(self.chance.below(400)),
        };
        Observation::OperatorStake(OperatorStake {
            index: self.position(expected),
            operator: person(0x0a, number),
            stake,
            commission: Ppm(self.chance.below(400_000) as u32),
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    /// Keys of which some are shared, some not proven, and most are new.
    pub(super) fn keys_change(&mut self) -> Observation {
        let expected = self.world.globals().restaking_count;
        let operator = person(0x0a, self.chance.below(OPERATORS));
        let fresh = self.chance.below(1 << 20);
        let key = match self.chance.below(6) {
            0 => person(0x0a, self.chance.below(OPERATORS)),
            _ => person(0x5e, fresh),
        };
        Observation::OperatorKeys(OperatorKeys {
            index: self.position(expected),
            operator,
            consensus_key: key.into_word(),
            // The contract lets nobody take another's.
            checkpoint_key: person(0xc4, fresh * OPERATORS + u64::from(operator[19])),
            proven: !self.chance.one_in(6),
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    /// A message through the inbox: somebody's, or bytes that are none.
    pub(super) fn forced(&mut self) -> Observation {
        let (account, mut message) = match (self.chance.below(12), self.act()) {
            // The same once more: its place in the inbox is another.
            (0, _) => self.forced.clone(),
            (_, Some((signer, message))) => (signer, message.to_bytes()),
            (_, None) => (self.somebody(), vec![1, 2, 3]),
        };
        self.forced = (account, message.clone());
        match self.chance.below(12) {
            0 => message.push(0),
            1 => message.truncate(message.len() / 2),
            2 if !message.is_empty() => message[0] = self.chance.below(32) as u8,
            3 | 4 => self.chance.spoil(&mut message),
            5 => {
                let count = self.chance.below(200);
                message = self.chance.bytes(count);
            }
            _ => {}
        }
        message.truncate(rampart_protocol::observation::MAX_FORCED);
        let expected = self.world.globals().inbox_count;
        Observation::Forced(Forced {
            index: self.position(expected),
            account,
            message: message.into(),
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    pub(super) fn decision(&mut self) -> Observation {
        let action = self.action();
        let expected = self.world.globals().restaking_count;
        Observation::Governance(Governance {
            index: self.position(expected),
            action,
            block_number: 1,
            block_hash: B256::ZERO,
        })
    }

    fn action(&mut self) -> GovernanceAction {
        let provider = self.some_provider().unwrap_or_default();
        match self.chance.below(24) {
            0..=8 => self.changes(),
            9 => Suspend { provider }.into(),
            10 => Expel { provider }.into(),
            11..=14 => {
                let expelled = self.chance.pick(&self.expelled).copied();
                let patient = self.chance.percent(50);
                let provider = expelled.filter(|_| patient).unwrap_or(provider);
                Pardon { provider }.into()
            }
            15 | 16 => Slash {
                provider,
                amount: self.amount(tokens(200).0),
            }
            .into(),
            17..=20 => {
                let case = self.chance.pick(&self.escalated).copied();
                Judge {
                    case: case.unwrap_or(CaseId(B256::repeat_byte(4))),
                    upheld: self.chance.percent(50),
                }
                .into()
            }
            _ => Spend {
                recipient: self.somebody(),
                amount: self.amount(tokens(20).0),
            }
            .into(),
        }
    }

    /// A parameter at one of its ends, until it is put right again: nobody can live with it for long.
    fn extreme(&mut self) -> Option<ParameterChange> {
        let spec = self.chance.pick(Params::SPECS)?;
        let value = match self.chance.below(3) {
            0 => spec.min,
            1 => spec.max,
            _ => spec.min + 1,
        };
        self.strange.push(spec);
        Some(change(spec, value))
    }

    /// New values around the defaults; at times one that cannot be.
    fn changes(&mut self) -> GovernanceAction {
        if !self.strange.is_empty() && self.chance.percent(60) {
            let strange = std::mem::take(&mut self.strange);
            let changes = strange.iter().map(|spec| change(spec, spec.default)).collect();
            return SetParameters { changes }.into();
        }
        if self.chance.one_in(4) {
            let changes = self.extreme().into_iter().collect();
            return SetParameters { changes }.into();
        }
        let count = self.chance.between(1, 3);
        let mut changes = Vec::new();
        for _ in 0..count {
            let Some((name, spread)) = self.chance.pick(GOVERNED).copied() else {
                break;
            };
            let Some(spec) = Params::SPECS.iter().find(|spec| spec.name == name) else {
                continue;
            };
            let factor = u128::from(self.chance.between(1, spread));
            let value = if self.chance.percent(50) {
                spec.default * factor
            } else {
                spec.default / factor
            };
            changes.push(change(spec, value.clamp(spec.min, spec.max)));
        }
        if self.chance.one_in(12) {
            let name =
                ["wait_max", "no_such_parameter", "prior_mean", "wait_min"][self.chance.below(4) as usize];
            changes.push(ParameterChange {
                name: name.into(),
                value: u128::MAX >> self.chance.below(128),
            });
        }
        SetParameters { changes }.into()
    }
}

fn change(spec: &ParamSpec, value: u128) -> ParameterChange {
    ParameterChange {
        name: spec.name.into(),
        value,
    }
}
