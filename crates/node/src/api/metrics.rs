//! `GET /metrics`, in Prometheus' text format, on a listener of its own: the engine's metrics as its runtime tells them,
//! ours, and those that EigenLayer's specification names (`eigen_*`). Each is described in docs/metrics.md.
//!
//! The answer is made anew at each request, from what is in memory and four records of the state; no label's value is a
//! client's.

use super::health::{Health, health};
use super::reads::{find, globals};
use super::submit::now_ms;
use super::{MAX_STREAMS, Shared};
use crate::engine::Runtime;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use rampart_chain::tracker::Standing;
use rampart_ledger::{Key, Operator};
use rampart_protocol::Header;
use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

/// What the engine tells of itself.
pub type EngineMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Metrics as text.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        // Writing to a string does not fail.
        let _ = self.one(name, help, "gauge", value);
    }

    /// A gauge with a label; nothing when there are no rows.
    fn labelled(&mut self, name: &str, help: &str, label: &str, rows: Vec<(&str, String)>) {
        if rows.is_empty() {
            return;
        }
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (key, value) in rows {
            let _ = writeln!(self.0, "{name}{{{label}=\"{key}\"}} {value}");
        }
    }

    fn one(&mut self, name: &str, help: &str, kind: &str, value: impl Display) -> fmt::Result {
        let family = name.split('{').next().unwrap_or(name).trim_end_matches("_total");
        let family = if kind == "counter" {
            family
        } else {
            name.split('{').next().unwrap_or(name)
        };
        writeln!(self.0, "# HELP {family} {help}")?;
        writeln!(self.0, "# TYPE {family} {kind}")?;
        writeln!(self.0, "{name} {value}")
    }
}

/// `GET /metrics`
pub(super) async fn metrics<E: Runtime>(State(context): State<Shared<E>>) -> Response {
    let engine = (context.engine)();
    let mut text = Text(engine.trim_end().trim_end_matches("# EOF").to_owned());
    chain(&context, &mut text);
    feed(&context, &mut text);
    operator(&context, &mut text).await;
    context.requests.write(&mut text.0);
    text.0.push_str("# EOF\n");
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, media)], text.0).into_response()
}

fn chain<E: Runtime>(context: &Shared<E>, text: &mut Text) {
    let tip = context.chain.tip();
    let age = now_ms().saturating_sub(tip.timestamp_ms);
    text.gauge(
        "rampart_block_height",
        "Height of the last final block.",
        tip.height,
    );
    text.gauge(
        "rampart_block_age_seconds",
        "Time since the last final block.",
        seconds(age),
    );
    text.gauge(
        "rampart_epoch",
        "Consensus epoch of the last final block.",
        tip.epoch,
    );
    if context.operator.is_some() {
        seats(context, &tip, text);
    }
    disk(context, text);
    text.gauge(
        "rampart_inbox_consumed",
        "Messages of the settlement's inbox that the ledger has consumed.",
        tip.inbox_count,
    );
    if let Ok(height) = context.index.height() {
        text.gauge("rampart_index_height", "Height that the index knows.", height);
    }
    let complete = context.index.has_gap().is_ok_and(|gap| !gap);
    text.gauge(
        "rampart_index_complete",
        "1 when the index knows every block.",
        u8::from(complete),
    );
    let (waiting, capacity) = context.mempool.load();
    text.gauge("rampart_mempool_transactions", "Transactions that wait.", waiting);
    text.gauge(
        "rampart_mempool_capacity",
        "Most transactions that may wait.",
        capacity,
    );
    let accepted = context.checkpoints.accepted().height;
    text.gauge(
        "rampart_checkpoint_accepted_height",
        "Height of the last checkpoint accepted on the L2; 0 for none.",
        accepted,
    );
    text.gauge(
        "rampart_checkpoint_lag_blocks",
        "Blocks since that checkpoint.",
        tip.height.saturating_sub(accepted),
    );
    if let Some((signed, _, _)) = context.checkpoints.newest() {
        text.gauge(
            "rampart_checkpoint_signed_height",
            "Height of the newest checkpoint that this operator signed.",
            signed.height,
        );
    }
    let hatch = context.hatch.seen();
    text.gauge(
        "rampart_settlement_frozen",
        "1 when the settlement is frozen for ever.",
        u8::from(hatch.frozen),
    );
    let oldest = hatch
        .oldest
        .map_or(0, |forced| (now_ms() / 1_000).saturating_sub(forced.at.0));
    text.gauge(
        "rampart_forced_message_age_seconds",
        "Age of the oldest forced message that waits; 0 for none.",
        oldest,
    );
    text.gauge(
        "rampart_event_streams",
        "Streams of events that are open.",
        context.streams.open(),
    );
    text.gauge(
        "rampart_event_streams_capacity",
        "Most streams of events.",
        MAX_STREAMS,
    );
}

/// Whether this operator votes, now and next.
fn seats<E: Runtime>(context: &Shared<E>, tip: &Header, text: &mut Text) {
    let seated = |epoch| u8::from(context.committees.is_seated(epoch));
    text.gauge(
        "rampart_seated",
        "1 when this operator's key has a seat in that epoch.",
        seated(tip.epoch),
    );
    if context.committees.newest() > tip.epoch {
        text.gauge(
            "rampart_seated_next",
            "1 when it has one in the epoch after; absent until that committee is drawn.",
            seated(tip.epoch.saturating_add(1)),
        );
    }
}

fn disk<E: Runtime>(context: &Shared<E>, text: &mut Text) {
    // Told by its absence where the file system cannot be asked.
    if let Ok(free) = crate::disk::free(&context.disk.folder) {
        text.gauge(
            "rampart_disk_free_bytes",
            "Bytes that may still be written where the state is.",
            free,
        );
    }
    text.gauge(
        "rampart_disk_least_free_bytes",
        "With fewer bytes free the operator stops.",
        context.disk.least_free,
    );
}

/// What is seen of the chains, and the accounts that pay there.
fn feed<E: Runtime>(context: &Shared<E>, text: &mut Text) {
    let sources = context.feed.health();
    let agreed = sources
        .iter()
        .filter_map(|source| Some((source.source, source.agreed_block?.to_string())));
    text.labelled(
        "rampart_feed_agreed_block",
        "The last block of the chain that a quorum of endpoints agreed is final.",
        "source",
        agreed.collect(),
    );
    let next = sources
        .iter()
        .map(|source| (source.source, source.next_index.to_string()));
    text.labelled(
        "rampart_feed_next_index",
        "Number of the entry that is read next.",
        "source",
        next.collect(),
    );
    let stopped = sources
        .iter()
        .map(|source| (source.source, u8::from(source.stopped).to_string()));
    text.labelled(
        "rampart_feed_stopped",
        "1 when what was final is not any more, and nothing of the source is voted for.",
        "source",
        stopped.collect(),
    );
    let endpoints = sources
        .iter()
        .map(|source| (source.source, source.endpoints.len().to_string()));
    text.labelled(
        "rampart_feed_endpoints",
        "Endpoints that are asked.",
        "source",
        endpoints.collect(),
    );
    let distrusted = sources.iter().map(|source| {
        let standings = source.endpoints.iter().map(|endpoint| endpoint.status.standing);
        let distrusted = standings.filter(|standing| *standing == Standing::Distrusted);
        (source.source, distrusted.count().to_string())
    });
    text.labelled(
        "rampart_feed_endpoints_distrusted",
        "Those of them that contradicted the others or themselves, and are left alone for a while.",
        "source",
        distrusted.collect(),
    );
    let balance = |status: &Option<rampart_chain::outgoing::OutgoingStatus>| {
        status
            .as_ref()
            .and_then(|status| status.balance)
            .map(|wei| wei.to_string())
    };
    let balances = [
        ("l2", balance(&context.accounts.l2.borrow())),
        ("l1", balance(&context.accounts.l1.borrow())),
    ];
    text.labelled(
        "rampart_account_balance_wei",
        "What the account that pays for transactions on the chain has.",
        "chain",
        balances
            .into_iter()
            .filter_map(|(chain, wei)| Some((chain, wei?)))
            .collect(),
    );
}

/// What EigenLayer's specification names, of this operator's account.
async fn operator<E: Runtime>(context: &Shared<E>, text: &mut Text) {
    let Some(key) = context.operator else {
        return;
    };
    let health = health(context).await;
    let known = context.operators.operators.iter();
    let mut known = known.filter(|operator| operator.public_key == key);
    let address = known.next().map(|operator| operator.checkpoint_key);
    let record: Option<Arc<Operator>> = match address {
        Some(address) => find(context, Key::operator(&address)).await.unwrap_or_default(),
        None => None,
    };
    let epoch = globals(context).await.map(|globals| globals.epoch.number).ok();
    let missed = record
        .as_ref()
        .is_some_and(|record| epoch.is_some_and(|epoch| record.missed == epoch.saturating_add(1)));
    text.gauge(
        "eigen_performance_score",
        "100 when the node is healthy, 50 partially, 0 when not; half of it after a missed vote in this epoch.",
        score(health, missed),
    );
    if let Some(record) = record {
        text.gauge(
            "eigen_registered_stakes{quorum_number=\"0\",quorum_name=\"rampart\"}",
            "The operator's stake as the ledger knows it, base units.",
            record.stake,
        );
        let earned = record.owed.0.saturating_add(record.claimed.0);
        // Writing to a string does not fail.
        let _ = text.one(
            "eigen_fees_earned_total{token=\"utility\"}",
            "The operator's own rewards so far, base units.",
            "counter",
            earned,
        );
    }
}

const fn score(health: Health, missed_vote: bool) -> u8 {
    let whole = match health {
        Health::Healthy => 100,
        Health::Partial => 50,
        Health::Unhealthy => 0,
    };
    if missed_vote { whole / 2 } else { whole }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_its_help_and_its_type_and_labels_are_no_part_of_the_name() {
        let mut text = Text::default();
        text.gauge("a{b=\"c\"}", "What.", 5);
        let _ = text.one("d_total{e=\"f\"}", "How many.", "counter", 6);
        assert_eq!(
            text.0,
            "# HELP a What.\n# TYPE a gauge\na{b=\"c\"} 5\n\
             # HELP d How many.\n# TYPE d counter\nd_total{e=\"f\"} 6\n"
        );
        assert_eq!(seconds(61_005), "61.005");
    }

    #[test]
    fn a_missed_vote_halves_the_score() {
        assert_eq!(
            (score(Health::Healthy, false), score(Health::Healthy, true)),
            (100, 50)
        );
        assert_eq!(score(Health::Unhealthy, true), 0);
    }
}
