//! What this operator knows of the settlement's escape hatch (X2): whether it is open for good, and how long the oldest
//! forced message has waited, which opens it.
//!
//! A background task asks the L2 and says what it finds; others decide what follows from it. Everything is as the L2's
//! latest block tells, by the L2's clock, since that is what the contract goes by.

use rampart_chain::{ChainError, Settlement};
use rampart_protocol::{Seconds, Timestamp};
use std::time::Duration;
use tokio::sync::watch;

/// Least time between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Entries of the inbox that one look may ask about: an endpoint is not to be asked for a flood's every entry at once.
const LOOKS: u64 = 64;

/// A forced message that no checkpoint accepted on chain has consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forced {
    /// Its position in the inbox.
    pub index: u64,
    /// When it was forced.
    pub at: Timestamp,
    /// From when on anyone may freeze the settlement over it.
    pub freezable_at: Timestamp,
}

impl Forced {
    /// Whether half of its time is over.
    fn is_urgent(&self, now: Timestamp) -> bool {
        now.0 >= self.at.0.midpoint(self.freezable_at.0)
    }
}

/// What is known of the hatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether the settlement is frozen for ever.
    pub frozen: bool,
    /// The oldest forced message that waits.
    pub oldest: Option<Forced>,
}

/// The hatch as this operator sees it. Clones share one view.
#[derive(Clone, Debug, Default)]
pub struct Hatch {
    seen: watch::Sender<Seen>,
}

impl Hatch {
    /// What is known now; before the first look, that nothing is frozen and nothing waits.
    #[must_use]
    pub fn seen(&self) -> Seen {
        *self.seen.borrow()
    }

    /// Whether the settlement is known to be frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.seen.borrow().frozen
    }

    /// Changes whenever what is known does.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    pub(crate) fn learn(&self, now: Seen) {
        self.seen.send_if_modified(|seen| {
            if seen.frozen != now.frozen {
                announce(now.frozen);
            }
            let news = *seen != now;
            *seen = now;
            news
        });
    }
}

fn announce(frozen: bool) {
    if frozen {
        tracing::error!(
            "the settlement is frozen for ever: what the last checkpoint on the L2 gives is all that is ever paid. This \
             operator takes no more transactions and submits no more checkpoints. Keep it running: accounts ask it for \
             the proofs with which they leave"
        );
    } else {
        tracing::error!("the settlement is not frozen after all: the L2 was reorganised");
    }
}

/// How far the inbox was looked through for forced messages, and what was said of the one found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Search {
    /// Entries below this one are consumed, or are deposits.
    next: u64,
    found: Option<Forced>,
    /// Entries up to this one were warned of.
    warned: Option<u64>,
}

impl Search {
    /// What the settlement has consumed now; what was found below it no longer waits.
    fn consumed(&mut self, consumed: u64) {
        self.found = self.found.filter(|found| found.index >= consumed);
        self.next = self.next.max(consumed);
    }

    /// Whether there is to be a warning of what was found: one for each message.
    fn warns(&mut self, now: Timestamp) -> Option<Forced> {
        let urgent = self.found.filter(|found| found.is_urgent(now))?;
        let new = self.warned.is_none_or(|warned| warned < urgent.index);
        self.warned = self.warned.max(Some(urgent.index));
        new.then_some(urgent)
    }
}

/// Watches the hatch for ever. An endpoint that fails leaves what is known as it was.
pub async fn watch(hatch: Hatch, settlement: Settlement, interval: Duration) {
    let (mut search, mut delay, mut fails) = (Search::default(), None, false);
    loop {
        let looked = look(&settlement, &mut search, &mut delay).await;
        match &looked {
            Ok(seen) => hatch.learn(*seen),
            // Once each time: whoever submits checkpoints says so at every attempt.
            Err(error) if !fails => tracing::warn!(%error, "the settlement's hatch cannot be looked at"),
            Err(_) => {}
        }
        fails = looked.is_err();
        tokio::time::sleep(interval.max(TICK)).await;
    }
}

async fn look(
    settlement: &Settlement,
    search: &mut Search,
    delay: &mut Option<Seconds>,
) -> Result<Seen, ChainError> {
    let frozen = settlement.is_frozen().await?;
    let (received, consumed) = settlement.inbox().await?;
    search.consumed(consumed);
    if search.found.is_none() && search.next < received {
        let force_delay = match *delay {
            Some(known) => known,
            None => *delay.insert(settlement.force_delay().await?),
        };
        let end = received.min(search.next.saturating_add(LOOKS));
        while search.found.is_none() && search.next < end {
            let index = search.next;
            search.found = settlement.forced_at(index).await?.map(|at| Forced {
                index,
                at,
                freezable_at: Timestamp(at.0.saturating_add(force_delay.0)),
            });
            search.next += 1;
        }
    }
    if search.found.is_some()
        && let Some(urgent) = search.warns(settlement.time().await?)
    {
        tracing::warn!(
            index = urgent.index,
            forced_at = urgent.at.0,
            freezable_at = urgent.freezable_at.0,
            "a forced message has waited for half of its time: if no checkpoint that consumes it is accepted by \
             freezable_at, anyone may freeze the settlement for ever"
        );
    }
    Ok(Seen {
        frozen,
        oldest: search.found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forced(index: u64) -> Forced {
        Forced {
            index,
            at: Timestamp(100),
            freezable_at: Timestamp(201),
        }
    }

    #[test]
    fn a_message_that_a_checkpoint_consumed_no_longer_waits() {
        let mut search = Search {
            next: 8,
            found: Some(forced(7)),
            warned: None,
        };
        search.consumed(7);
        assert_eq!(search.found, Some(forced(7)));
        search.consumed(8);
        assert_eq!((search.found, search.next), (None, 8));
        search.consumed(20);
        assert_eq!(search.next, 20, "what is consumed is not asked about");
    }

    #[test]
    fn each_message_is_warned_of_once_and_not_before_half_of_its_time() {
        let mut search = Search {
            next: 8,
            found: Some(forced(7)),
            warned: None,
        };
        assert_eq!(search.warns(Timestamp(149)), None);
        assert_eq!(search.warns(Timestamp(150)), Some(forced(7)));
        assert_eq!(search.warns(Timestamp(151)), None);
        search.found = Some(forced(9));
        assert_eq!(search.warns(Timestamp(500)), Some(forced(9)));
        search.found = None;
        assert_eq!(search.warns(Timestamp(500)), None);
    }

    #[test]
    fn those_who_wait_learn_of_a_change_and_of_nothing_else() {
        let hatch = Hatch::default();
        let mut changes = hatch.watch();
        hatch.learn(Seen::default());
        assert_eq!(changes.has_changed().ok(), Some(false));
        hatch.learn(Seen {
            frozen: true,
            oldest: None,
        });
        assert_eq!(changes.has_changed().ok(), Some(true));
        assert!(changes.borrow_and_update().frozen && hatch.is_frozen());
    }
}
