//! Block time: milliseconds, strictly increasing, never ahead of an honest operator's clock, and at most
//! [`MAX_STEP`] after the parent.
//!
//! Only the last two bounds are needed against a dishonest leader. The clock decides when a candidate is looked at,
//! never whether it is valid, because operators' clocks differ; the step bounds how long that can take.

use commonware_runtime::Clock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Largest difference of a block's time and its parent's. After a halt the chain catches up in steps of this.
pub const MAX_STEP: Duration = Duration::from_secs(60);

/// [`MAX_STEP`] in the header's unit.
const MAX_STEP_MS: u64 = 60_000;

/// The runtime's time, Unix milliseconds. Times before 1970 count as 1970.
pub fn now_ms(clock: &impl Clock) -> u64 {
    let since = clock
        .current()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The runtime's moment for a block time, or `None` when it is past the end of the platform's time.
pub fn moment(timestamp_ms: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(timestamp_ms))
}

/// The time that a proposer gives a child: now, within the bounds that [`is_valid_step`] checks.
pub fn child_timestamp(parent_ms: u64, now_ms: u64) -> u64 {
    now_ms.clamp(parent_ms.saturating_add(1), parent_ms.saturating_add(MAX_STEP_MS))
}

/// Whether a child's time fits its parent's. Depends on the chain alone, so all operators agree.
pub const fn is_valid_step(parent_ms: u64, child_ms: u64) -> bool {
    child_ms > parent_ms && child_ms - parent_ms <= MAX_STEP_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposed_times_are_always_valid_steps() {
        for now in [0, 999, 1_000, 1_001, 60_999, 61_000, 61_001, u64::MAX] {
            assert!(is_valid_step(1_000, child_timestamp(1_000, now)), "now {now}");
        }
        assert_eq!(child_timestamp(1_000, 5_000), 5_000);
        assert_eq!(child_timestamp(1_000, 500), 1_001);
        assert_eq!(MAX_STEP.as_millis(), u128::from(MAX_STEP_MS));
    }

    #[test]
    fn refuses_times_that_stand_still_go_back_or_leap() {
        assert!(!is_valid_step(1_000, 1_000));
        assert!(!is_valid_step(1_000, 999));
        assert!(!is_valid_step(1_000, 61_001));
        assert!(is_valid_step(1_000, 61_000));
    }
}
