//! The one place where the command line reads the clock.

use anyhow::Context;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a person's command acts now")]
pub fn now() -> anyhow::Result<Duration> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")
}
