//! The background task of one source: asks its endpoints round after round, hands on what became final, says what people
//! should know, and keeps how far it came.

use super::health::name;
use super::{ChainFeed, MarkFile, Marks, SourceHealth};
use rampart_chain::Watcher;
use rampart_chain::events::MAX_RANGE;
use rampart_chain::tracker::News;
use std::time::Duration;
use tokio::time::Instant;

/// Pause after a round that nobody answered.
const RETRY: Duration = Duration::from_secs(1);
/// Least time between two writes of how far was read; a restart reads what came in between again.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// Asks for ever, adding what becomes final of the watcher's source. Between two rounds it pauses for `interval`, unless it
/// is catching up.
pub async fn poll(feed: ChainFeed, mut watcher: Watcher, file: MarkFile, interval: Duration) {
    let source = watcher.source();
    let start = Instant::now();
    let (mut marks, mut kept) = (Marks::default(), None::<Instant>);
    let mut paused = false;
    loop {
        let full = feed.is_full(source);
        if full && !paused {
            tracing::warn!(
                source = name(source),
                "the ledger lags behind what is final on the chain: reading pauses"
            );
        }
        paused = full;
        let before = watcher.tracker().cursor();
        let mut pause = interval;
        if !full {
            let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            let round = watcher.round(now_ms).await;
            for news in &round.news {
                tell(&watcher, news);
                if *news == News::ReadAgain {
                    marks.clear();
                }
            }
            feed.stop(source, watcher.tracker().is_halted());
            if !round.entries.is_empty() {
                feed.extend(round.entries);
            }
            match round.mark {
                Some(mark) => marks.add(mark),
                None if !round.news.is_empty() => pause = interval.max(RETRY),
                None => {}
            }
            feed.tell_health(source, SourceHealth::of(&watcher));
        }
        if kept.is_none_or(|at| at.elapsed() >= KEEP_EVERY)
            && let Some(mark) = marks.reached(feed.consumed_of(source))
        {
            let file = file.clone();
            kept = Some(Instant::now());
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || file.store(mark)).await {
                tracing::warn!(source = name(source), %error, "how far the chain was read cannot be kept");
            }
        }
        // While catching up, the next range is read at once.
        let read = watcher
            .tracker()
            .cursor()
            .next_block
            .saturating_sub(before.next_block);
        if read < MAX_RANGE {
            tokio::time::sleep(pause).await;
        }
    }
}

fn tell(watcher: &Watcher, news: &News) {
    let source = name(watcher.source());
    match news {
        News::Distrusted {
            position,
            fault,
            for_ms,
        } => tracing::error!(source, endpoint = watcher.label(*position), %fault, for_ms,
            "an endpoint of the chain cannot be trusted; it is not asked for a while"),
        News::Silent { position, reason } => {
            tracing::warn!(
                source,
                endpoint = watcher.label(*position),
                reason,
                "an endpoint of the chain does not answer"
            );
        }
        News::Back(position) => {
            tracing::info!(
                source,
                endpoint = watcher.label(*position),
                "an endpoint of the chain answers again"
            );
        }
        News::Reorganised { agreed, now } => {
            tracing::error!(source, block = agreed.number, was = %agreed.hash, %now,
            "what was final on the chain is not: this operator proposes and votes for nothing of it until a quorum of \
             endpoints is back at what was final. Find out which chain is right before you change anything")
        }
        News::Restored => tracing::warn!(
            source,
            "a quorum of endpoints is back at what was final: reading goes on"
        ),
        News::Split { block } => tracing::error!(
            source,
            block,
            "endpoints contradict each other, and the quorum configured is too small to decide: nothing is taken"
        ),
        News::ReadAgain => tracing::error!(
            source,
            "entries were hidden by endpoints earlier: all are read again"
        ),
    }
}
