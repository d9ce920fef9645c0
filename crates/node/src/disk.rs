//! Room on the disk. Storage that fails in the middle of a write ends the engine with a panic, by its design; so an operator
//! stops by itself before that, while all that it wrote is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked at. At a block of one mebibyte every 100 ms, less than 100 MiB are written in between.
const EVERY: Duration = Duration::from_secs(5);

/// Bytes that this process may still write to the file system of a path.
///
/// # Errors
/// When the file system cannot be asked.
pub fn free(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Ends when less than `least` bytes are free, and returns how many are. A file system that cannot be asked is no reason to
/// stop.
pub async fn until_less_than(path: PathBuf, least: u64) -> u64 {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut warned = false;
    loop {
        ticks.tick().await;
        match free(&path) {
            Ok(free) if free < least => return free,
            Ok(free) if free / 4 < least => {
                if !warned {
                    tracing::warn!(
                        free_mib = free >> 20,
                        least_mib = least >> 20,
                        "the disk is filling up"
                    );
                }
                warned = true;
            }
            Ok(_) => warned = false,
            Err(error) => tracing::warn!(%error, "the free space of the disk cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn it_ends_when_the_disk_has_less_than_asked_and_not_before() {
        let folder = tempfile::TempDir::new().unwrap();
        let here = folder.path().to_owned();
        let found = until_less_than(here.clone(), u64::MAX).await;
        assert!(found > 0 && found < u64::MAX);
        let patient = tokio::time::timeout(Duration::from_millis(50), until_less_than(here, 0));
        assert!(patient.await.is_err());
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error() {
        assert!(free(Path::new("/nonexistent/state")).is_err());
    }
}
