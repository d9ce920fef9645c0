//! Operators and investors: verdicts, bitmaps, rewards. Some are absent, some reveal another thing than they sealed.

use super::chance::splitmix;
use super::consumers::digest;
use super::world::person;
use super::{Act, History, INVESTORS, OPERATORS, investor};
use rampart_ledger::{Ballot, Key, OperatorSet, SERVICES_PER_PAGE};
use rampart_protocol::message::{
    Challenge, ClaimRefund, ClaimRewards, CommitVerdict, ReportAvailability, RevealVerdict,
};
use rampart_protocol::verdict::commitment;
use rampart_protocol::{Address, Amount, B256, CaseId, Message, Nonce, PurchaseId, ServiceId};
use std::sync::Arc;

impl History<'_> {
    fn some_operator(&mut self) -> Address {
        let number = self.chance.below(OPERATORS);
        let operator = person(0x0a, number);
        match self.world.get::<OperatorSet>(Key::operator_set()) {
            // One without stake rather lets another go first.
            Some(set) if set.stake_of(&operator) == 0 => self
                .chance
                .pick(&set.seats)
                .map_or(operator, |seat| seat.operator),
            _ => operator,
        }
    }

    /// What an operator owes of a case: its commitment, or its reveal.
    pub(super) fn judge(&mut self) -> Act {
        if self.chance.one_in(40) {
            return self.commit(CaseId(B256::repeat_byte(3)), 1, false);
        }
        if self.chance.one_in(100) {
            // Too early, too late, or once more.
            let sealed: Vec<_> = self.sealed.keys().copied().collect();
            let (case, round, operator) = *self.chance.pick_recent(&sealed)?;
            return self.reveal(case, round, operator);
        }
        let reveals = self.ripe_reveal();
        if let Some((case, round, operator)) = reveals.filter(|_| !self.chance.one_in(10)) {
            return self.reveal(case, round, operator);
        }
        let (mut case, mut round, mut provider) = *self.chance.pick_recent(&self.cases)?;
        for _ in 0..3 {
            let votes = self
                .sealed
                .range((case, round, Address::ZERO)..=(case, round, Address::repeat_byte(0xff)));
            if votes.count() < 4 {
                break;
            }
            (case, round, provider) = *self.chance.pick_recent(&self.cases)?;
        }
        let bad = provider.0.is_multiple_of(3);
        let upheld = self.chance.percent(if bad { 85 } else { 20 });
        self.commit(case, round, upheld)
    }

    /// A sealed verdict whose time has come. One operator in four cannot be bothered, case by case.
    fn ripe_reveal(&mut self) -> Option<(CaseId, u32, Address)> {
        let now = self.world.env.timestamp;
        let ripe = self.sealed.keys().filter(|(case, round, operator)| {
            let ballot: Option<Arc<Ballot>> = self.world.get(Key::ballot(case));
            let lazy = (case.0[0] ^ operator[19]).is_multiple_of(4) && *round == 1;
            let unrevealed = |b: &Ballot| {
                let mut votes = b.votes.iter();
                votes
                    .any(|vote| vote.operator == *operator && !vote.revealed && vote.commitment != B256::ZERO)
            };
            ballot.is_some_and(|b| {
                b.round == *round && now > b.commit_until && now <= b.reveal_until && unrevealed(&b) && !lazy
            })
        });
        let ripe: Vec<_> = ripe.copied().collect();
        self.chance.pick(&ripe).copied()
    }

    fn commit(&mut self, case: CaseId, mut round: u32, upheld: bool) -> Act {
        let mut operator = self.some_operator();
        for _ in 0..6 {
            if self.sealed.contains_key(&(case, round, operator)) {
                operator = self.some_operator();
            }
        }
        if self.chance.one_in(60) {
            operator = self.somebody();
        }
        if self.chance.one_in(60) {
            round += 1;
        }
        let salt = B256::repeat_byte(self.chance.below(256) as u8);
        self.sealed
            .entry((case, round, operator))
            .or_insert((upheld, salt));
        let message = CommitVerdict {
            case,
            round,
            commitment: commitment(case, round, operator, upheld, salt),
            nonce: self.nonce(operator),
        };
        Some((operator, message.into()))
    }

    fn reveal(&mut self, case: CaseId, round: u32, operator: Address) -> Act {
        let (mut upheld, mut salt) = *self.sealed.get(&(case, round, operator))?;
        match self.chance.below(30) {
            0 => upheld = !upheld,
            1 => salt = B256::ZERO,
            _ => {}
        }
        let message = RevealVerdict {
            case,
            round,
            upheld,
            salt,
            nonce: self.nonce(operator),
        };
        Some((operator, message.into()))
    }

    /// The bitmap of a page: what is true, seldom something else.
    pub(super) fn report_availability(&mut self) -> Act {
        let state = self.world.globals().epoch;
        let operator = if self.chance.one_in(60) {
            self.somebody()
        } else {
            self.some_operator()
        };
        let mut epoch = state.number.saturating_sub(1);
        let mut page = self.chance.below(state.pages.max(1));
        match self.chance.below(40) {
            0 => epoch = epoch.wrapping_add(1),
            1 => page = state.pages,
            _ => {}
        }
        let mut down = B256::ZERO;
        for place in 0..SERVICES_PER_PAGE {
            let id = ServiceId(page * SERVICES_PER_PAGE + place + 1);
            if id >= self.world.globals().next_service {
                break;
            }
            if self.is_down(id, epoch) {
                down[(place / 8) as usize] |= 1 << (place % 8);
            }
        }
        let message = ReportAvailability {
            epoch,
            page: u32::try_from(page).unwrap_or(u32::MAX),
            down,
            nonce: self.nonce(operator),
        };
        Some((operator, message.into()))
    }

    /// What is true of a service in an epoch. Outages of bad providers last for some epochs.
    fn is_down(&self, service: ServiceId, epoch: u64) -> bool {
        let mut state = self.truth ^ (service.0 << 32) ^ (epoch / 4);
        let share = if self.is_bad(service) { 6 } else { 80 };
        splitmix(&mut state).is_multiple_of(share)
    }

    pub(super) fn claim_rewards(&mut self) -> Act {
        let operator = self.some_operator();
        let signer = match self.chance.below(8) {
            0 => self.somebody(),
            1..=4 => operator,
            _ => investor(self.chance.below(INVESTORS)),
        };
        let message = ClaimRewards {
            operator,
            nonce: self.nonce(signer),
        };
        Some((signer, message.into()))
    }

    /// A message of somebody about nothing that exists.
    pub(super) fn about_nothing(&mut self, nonce: Nonce) -> Message {
        let message: Message = ClaimRewards {
            operator: Address::repeat_byte(7),
            nonce,
        }
        .into();
        let purchase = self.some_purchase();
        match self.chance.below(7) {
            0 => message,
            2 => Challenge {
                purchase,
                bond: Amount::ZERO,
                evidence: B256::ZERO,
                nonce,
            }
            .into(),
            3 => ClaimRefund {
                purchase: PurchaseId(digest(&message)),
                nonce,
            }
            .into(),
            1 => RevealVerdict {
                case: CaseId(digest(&message)),
                round: 1,
                upheld: true,
                salt: B256::ZERO,
                nonce,
            }
            .into(),
            _ => CommitVerdict {
                case: CaseId(digest(&message)),
                round: u32::MAX,
                commitment: B256::ZERO,
                nonce,
            }
            .into(),
        }
    }
}
