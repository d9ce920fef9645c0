//! The duties as they go on, turn by turn: the shell around everything in this module.
//!
//! A failure of one duty is logged and counted, and neither stops the others nor the operator: consensus matters more. What
//! failed is tried again with the next turn.

use super::DutyError;
use super::config::{DutiesConfig, MAX_BODY};
use super::counters::Counters;
use super::evidence::Basics;
use super::judging::Judging;
use super::ledger::Ledger;
use super::outbox::{Outbox, Wanted};
use super::probe::{ProbeLimits, Prober, public_roots};
use super::report::Reporter;
use super::store::Store;
use super::tally::Rule;
use super::watch::Watch;
use crate::api::submit::now_ms;
use crate::application::Senders;
use crate::config::{NodeConfig, read_secret};
use crate::engine::{Chain, Runtime};
use crate::index::Index;
use crate::keys::{KeyError, decrypt};
use crate::mempool::Mempool;
use crate::storage::StateReader;
use alloy::signers::local::PrivateKeySigner;
use rampart_ledger::{Globals, Params};
use rampart_protocol::{B256, Seconds, keccak256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Pause between turns: how punctual probes are.
const TURN: Duration = Duration::from_millis(200);
/// Pause between looks at what the ledger is to know, milliseconds.
const LOOK_MS: u64 = 600;
/// Pause after which the same failure is told again, milliseconds.
const REPEAT_MS: u64 = 60_000;
/// Age of the last final block, milliseconds, beyond which this operator does not know how things stand: it is catching up,
/// or cut off from the others, and then its probes say nothing of providers either.
const STALE_MS: u64 = 60_000;

/// What the duties draw on.
pub struct Tools<E: Runtime> {
    /// Finalised state.
    pub state: StateReader<E>,
    /// Finalised blocks.
    pub chain: Chain,
    /// The index over them.
    pub index: Index,
    /// Waiting transactions.
    pub mempool: Mempool,
    /// Recovers accounts.
    pub senders: Senders,
    /// Transactions to pass on to the other operators.
    pub gossip: mpsc::Sender<Vec<u8>>,
}

/// The account that an operator does its duties with; nothing when it is configured to do none.
///
/// # Errors
/// When its keystore cannot be unlocked.
pub fn account(
    node: &NodeConfig,
    checkpoint: &PrivateKeySigner,
) -> Result<Option<PrivateKeySigner>, DutyError> {
    let Some(config) = &node.duties else {
        tracing::warn!(
            "no [duties] are configured: this operator neither reports nor judges, and earns nothing"
        );
        return Ok(None);
    };
    let Some(keystore) = &config.keystore else {
        return Ok(Some(checkpoint.clone()));
    };
    let password = config.password_file.as_ref().ok_or(DutyError::NoPassword)?;
    let password = read_secret(password).map_err(KeyError::from)?;
    Ok(Some(decrypt(keystore, &password)?))
}

/// What duties are done with, as far as it can be had before the engine runs, and may not be had at all.
pub struct Means {
    store: Store,
    prober: Prober,
}

impl Means {
    /// Opens the record of duties under the state directory. `deployment` is any value that no two networks share.
    ///
    /// # Errors
    /// When the record cannot be opened or TLS cannot be set up.
    pub fn new(node: &NodeConfig, deployment: B256) -> Result<Self, DutyError> {
        let config = node.duties.clone().unwrap_or_default();
        let limits = ProbeLimits {
            timeout: Duration::from_millis(config.probe_timeout_ms.max(1)),
            max_body: MAX_BODY,
            allow_private_addresses: node.allow_private_addresses,
        };
        Ok(Self {
            store: Store::open(&node.state_dir.join("duties.redb"), deployment)?,
            prober: Prober::new(limits, public_roots())?,
        })
    }
}

/// An operator's duties.
pub struct Duties<E: Runtime> {
    config: DutiesConfig,
    ledger: Ledger<E>,
    store: Store,
    watch: Watch,
    reporter: Reporter,
    judging: Judging,
    outbox: Outbox<E>,
    counters: Counters,
    followed_ms: Option<u64>,
    looked_ms: u64,
    told: BTreeMap<&'static str, (String, u64)>,
}

impl<E: Runtime> Duties<E> {
    /// The duties of the account `signer`, with what they must not forget under the state directory.
    pub fn new(node: &NodeConfig, signer: PrivateKeySigner, means: Means, tools: Tools<E>) -> Self {
        let (config, state_dir) = (node.duties.clone().unwrap_or_default(), &node.state_dir);
        let counters = Counters::default();
        let domain = *tools.senders.domain();
        // Known to nobody else, and the same after a restart.
        let seed = keccak256([b"rampart-duties-v1".as_slice(), signer.to_bytes().as_slice()].concat());
        let Means { store, prober } = means;
        let Tools {
            state,
            chain,
            index,
            mempool,
            senders,
            gossip,
        } = tools;
        let verdicts = state_dir.join("verdicts");
        Self {
            watch: Watch::new(&config, domain, seed, prober, counters.clone()),
            reporter: Reporter {
                seed,
                store: store.clone(),
                counters: counters.clone(),
                done: None,
            },
            judging: Judging::new(seed, store.clone(), &verdicts, &domain, counters.clone()),
            outbox: Outbox::new(signer, state.clone(), senders, mempool, gossip, counters.clone()),
            ledger: Ledger { state, chain, index },
            store,
            config,
            counters,
            followed_ms: None,
            looked_ms: 0,
            told: BTreeMap::new(),
        }
    }

    /// The numbers that the duties come to.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Does the duties for ever.
    pub async fn run(mut self) -> Infallible {
        let account = self.outbox.account();
        tracing::info!(%account, duties = ?self.config.names(), "duties are done");
        let mut turns = tokio::time::interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            let now_ms = now_ms();
            match self.ledger.basics().await {
                Ok(Some((globals, params))) => self.turn(&globals, &params, now_ms).await,
                // Starting, or fetching the state: there is nothing to go by yet.
                Ok(None) => {}
                Err(error) => self.tell("reading the ledger", &error, now_ms),
            }
        }
    }

    async fn turn(&mut self, globals: &Globals, params: &Params, now_ms: u64) {
        let last_ms = self.ledger.chain.tip().timestamp_ms;
        if now_ms > last_ms.saturating_add(STALE_MS) {
            self.watch.forget();
            return;
        }
        if self.config.probe
            && let Err(error) = self.probe(globals, now_ms).await
        {
            self.tell("probing", &error, now_ms);
        }
        if now_ms < self.looked_ms.saturating_add(LOOK_MS) {
            return;
        }
        self.looked_ms = now_ms;
        let account = self.outbox.account();
        match self.ledger.has_duties(&account).await {
            Ok(true) => {}
            Ok(false) => return self.tell("looking for duties", &DutyError::NoStake(account), now_ms),
            Err(error) => return self.tell("reading the operator", &error, now_ms),
        }
        let wanted = self.wanted(globals, params, now_ms).await;
        if let Err(error) = self.outbox.send(&wanted, now_ms).await {
            self.tell("sending", &error, now_ms);
        }
    }

    /// Reveals and commitments first: they have the nearer ends.
    async fn wanted(&mut self, globals: &Globals, params: &Params, now_ms: u64) -> Vec<Wanted> {
        let operator = self.outbox.account();
        let rule = Rule {
            min_probes: self.config.min_probes,
            availability_min: params.availability_min,
        };
        let basics = Basics {
            globals,
            params,
            rule,
            now: self.ledger.now(),
        };
        let mut wanted = Vec::new();
        if self.config.judge {
            match self.judging.wanted(&self.ledger, operator, &basics).await {
                Ok(votes) => wanted.extend(votes),
                Err(error) => self.tell("judging", &error, now_ms),
            }
        }
        if self.config.report {
            let (epoch, length) = (&globals.epoch, params.epoch_length);
            let reports = self
                .reporter
                .wanted(&self.ledger, operator, epoch, length, rule)
                .await;
            match reports {
                Ok(reports) => wanted.extend(reports),
                Err(error) => self.tell("reporting", &error, now_ms),
            }
        }
        wanted
    }

    async fn probe(&mut self, globals: &Globals, now_ms: u64) -> Result<(), DutyError> {
        let pause = u64::try_from(self.config.interval().as_millis() / 4).unwrap_or(u64::MAX);
        let is_stale = |at: u64| now_ms >= at.saturating_add(pause.clamp(500, 30_000));
        if self.followed_ms.is_none_or(is_stale) {
            self.followed_ms = Some(now_ms);
            let grace = Seconds(self.config.grace_s);
            let listed = self.ledger.listed(globals, grace, self.ledger.now()).await?;
            self.watch.follow(listed, now_ms);
        }
        self.watch.turn(now_ms);
        if let Some((epoch, counts)) = self.watch.close(globals.epoch.number, now_ms)
            && !counts.is_empty()
        {
            let (store, now) = (self.store.clone(), self.ledger.now());
            tokio::task::spawn_blocking(move || store.add(epoch, &counts, now)).await??;
        }
        Ok(())
    }

    /// Logs a failure, the same one once a minute.
    fn tell(&mut self, what: &'static str, error: &DutyError, now_ms: u64) {
        if matches!(error, DutyError::State(crate::storage::StateError::Syncing)) {
            return;
        }
        let text = error.to_string();
        let is_news = |(last, at): &(String, u64)| *last != text || now_ms >= at.saturating_add(REPEAT_MS);
        if self.told.get(what).is_none_or(is_news) {
            self.counters.failure(1);
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "a duty failed: {what}");
            self.told.insert(what, (text, now_ms));
        }
    }
}
