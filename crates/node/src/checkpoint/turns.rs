//! Whose turn it is to submit a checkpoint: one operator at a time, the next when nothing has arrived. Pure.
//!
//! The first turn rotates with the height, so that the cost is shared and no single operator can hold checkpoints up.
//! Submitting out of turn harms nobody: the contract takes a height once.

/// Ticks until the next operator takes over.
pub(super) const TAKEOVER_TICKS: u64 = 5;

/// How many of `seats` operators have their turn before the one at position `seat`, for the checkpoint of `height`.
pub(super) const fn before(height: u64, interval: u64, seats: u64, seat: u64) -> u64 {
    match (height.checked_div(interval), seats) {
        (None, _) | (_, 0) => 0,
        (Some(round), seats) => (seat % seats + seats - round % seats) % seats,
    }
}

/// How long something has been waiting for its submitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    accepted: u64,
    ticks: u64,
}

impl Turns {
    /// What is on chain now; a newer checkpoint there starts the next round.
    pub(super) const fn on_chain(&mut self, accepted: u64) {
        if self.accepted != accepted {
            *self = Self { accepted, ticks: 0 };
        }
    }

    /// Nothing can be submitted yet.
    pub(super) const fn nothing_due(&mut self) {
        self.ticks = 0;
    }

    /// A tick with something to submit: whether it is the turn of the operator that has `before` others before it.
    /// One attempt a turn.
    pub(super) const fn is_ours(&mut self, before: u64) -> bool {
        self.ticks = self.ticks.saturating_add(1);
        let ours = self.ticks > before.saturating_mul(TAKEOVER_TICKS);
        if ours {
            self.ticks = 0;
        }
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_turn_rotates_over_all_operators() {
        for (height, order) in [
            (10, [3, 0, 1, 2]),
            (20, [2, 3, 0, 1]),
            (40, [0, 1, 2, 3]),
            (50, [3, 0, 1, 2]),
        ] {
            assert_eq!(
                [0, 1, 2, 3].map(|seat| before(height, 10, 4, seat)),
                order,
                "{height}"
            );
        }
        assert_eq!(before(30, 10, 1, 0), 0);
        assert_eq!(before(30, 0, 4, 1), 0);
        assert_eq!(before(30, 10, 0, 1), 0);
    }

    #[test]
    fn the_first_operator_submits_at_once_and_the_others_one_after_the_other() {
        let ticks_until = |before| {
            let mut turns = Turns::default();
            (1..).find(|_| turns.is_ours(before))
        };
        assert_eq!(
            [0, 1, 2, 3].map(ticks_until),
            [Some(1), Some(6), Some(11), Some(16)]
        );
    }

    #[test]
    fn after_an_attempt_a_whole_turn_passes_before_the_next() {
        let mut turns = Turns::default();
        let attempts: Vec<u64> = (1..=20).filter(|_| turns.is_ours(1)).collect();
        assert_eq!(attempts, [6, 12, 18]);
    }

    #[test]
    fn a_newer_checkpoint_on_chain_starts_the_next_round() {
        let mut turns = Turns::default();
        for _ in 0..5 {
            turns.on_chain(0);
            assert!(!turns.is_ours(1));
        }
        turns.on_chain(10);
        assert!(!turns.is_ours(1), "the next round has just begun");
        turns.on_chain(10);
        assert_eq!((0..9).position(|_| turns.is_ours(1)), Some(4));
    }

    #[test]
    fn time_without_anything_to_submit_does_not_count() {
        let mut turns = Turns::default();
        for _ in 0..5 {
            assert!(!turns.is_ours(1));
        }
        turns.nothing_due();
        assert_eq!((0..9).position(|_| turns.is_ours(1)), Some(5));
    }
}
