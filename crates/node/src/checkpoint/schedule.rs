//! Which heights are checkpoints, and which epoch's operators sign them. Pure.
//!
//! Every so many blocks, and at the last block of each epoch besides: that one hands over to the next epoch's operators,
//! and the settlement contract takes nothing of theirs before it.

/// The heights of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Blocks between checkpoints.
    pub interval: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
}

impl Schedule {
    /// Whether the state after a height is signed.
    #[must_use]
    pub const fn is_due(&self, height: u64) -> bool {
        height != 0 && (height.is_multiple_of(self.interval) || self.is_last(height))
    }

    /// Whether a height is the last of its epoch.
    #[must_use]
    pub const fn is_last(&self, height: u64) -> bool {
        match height.checked_add(1) {
            Some(next) => next.is_multiple_of(self.epoch_blocks),
            None => false,
        }
    }

    /// The epoch of a height, whose operators sign it.
    #[must_use]
    pub const fn epoch(&self, height: u64) -> u64 {
        match height.checked_div(self.epoch_blocks) {
            Some(epoch) => epoch,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_made_at_intervals_and_at_the_end_of_each_epoch() {
        let schedule = Schedule {
            interval: 5,
            epoch_blocks: 20,
        };
        let due: Vec<u64> = (0..=45).filter(|height| schedule.is_due(*height)).collect();
        assert_eq!(due, [5, 10, 15, 19, 20, 25, 30, 35, 39, 40, 45]);
        let last: Vec<u64> = (0..=45).filter(|height| schedule.is_last(*height)).collect();
        assert_eq!(last, [19, 39]);
        assert_eq!(
            [0, 19, 20, 39, 40].map(|height| schedule.epoch(height)),
            [0, 0, 1, 1, 2]
        );
    }
}
