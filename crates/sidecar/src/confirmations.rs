//! How a purchase becomes known: a confirmation from the consumer, or from a node when the consumer sent none.
//!
//! Either way it is verified against the operator set alone (X1) and then kept durably; afterwards requests need only
//! their signature. Verification is the one costly thing that a stranger can ask for, so few run at a time.

use crate::config::Config;
use crate::counters::Counters;
use crate::meter::MeterStore;
use crate::refusal::{Refusal, Refused};
use crate::routes::Routes;
use base64ct::{Base64, Encoding};
use rampart_client::{FollowedOperators, NodeClient, OperatorChain};
use rampart_protocol::confirmation::MAX_CONFIRMATION;
use rampart_protocol::{Confirmation, ProviderId, PurchaseId, PurchaseRecord, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Verifications at once.
const VERIFYING: usize = 2;
/// Questions to the nodes at once.
const FETCHING: usize = 4;
/// Time that one question to the nodes may take, waiting for its turn included.
const FETCH_WITHIN: Duration = Duration::from_secs(5);
/// How long a fruitless question is not asked again: short, since a purchase may become final at any moment.
const MISS_FOR: Duration = Duration::from_secs(1);
/// Fruitless questions remembered.
const MAX_MISSES: usize = 4096;

/// The gate through which purchases enter the meter.
#[derive(Debug)]
pub struct Confirmations {
    operators: FollowedOperators,
    provider: ProviderId,
    routes: Arc<Routes>,
    store: Arc<MeterStore>,
    counters: Arc<Counters>,
    nodes: Option<NodeClient>,
    verifying: Semaphore,
    fetching: Semaphore,
    misses: Mutex<BTreeMap<PurchaseId, (Instant, Refused)>>,
}

impl Confirmations {
    /// A gate for this configuration.
    #[must_use]
    pub fn new(
        config: &Config,
        operators: FollowedOperators,
        routes: Arc<Routes>,
        store: Arc<MeterStore>,
        counters: Arc<Counters>,
    ) -> Self {
        let asks = config.fetch_confirmations && !config.nodes.is_empty();
        Self {
            operators,
            provider: config.provider,
            routes,
            store,
            counters,
            nodes: asks.then(|| NodeClient::new(config.nodes.clone())),
            verifying: Semaphore::new(VERIFYING),
            fetching: Semaphore::new(FETCHING),
            misses: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes a confirmation in its canonical encoding; `true` when the purchase is new. With `expected`, it must be that
    /// purchase's.
    ///
    /// # Errors
    /// Why it gives no right here.
    pub async fn accept(
        &self,
        bytes: &[u8],
        expected: Option<PurchaseId>,
        now: Timestamp,
    ) -> Result<(PurchaseRecord, bool), Refused> {
        let confirmation = Confirmation::from_bytes(bytes)
            .map_err(|error| Refusal::BadConfirmation.because(error.to_string()))?;
        if expected.is_some_and(|id| id != confirmation.record.id) {
            return Err(
                Refusal::BadConfirmation.because("the confirmation is for another purchase than the token")
            );
        }
        self.admit(confirmation, now).await
    }

    /// Asks the nodes for a purchase that is not known.
    ///
    /// # Errors
    /// [`Refusal::UnknownPurchase`] when they have none, or why what they have gives no right here.
    pub async fn fetch(&self, id: PurchaseId, now: Timestamp) -> Result<PurchaseRecord, Refused> {
        let Some(nodes) = &self.nodes else {
            return Err(Refusal::UnknownPurchase.into());
        };
        if let Some(refused) = self.recent_miss(id) {
            return Err(refused);
        }
        let asked = timeout(FETCH_WITHIN, self.ask(nodes, id, now));
        let outcome = asked.await.unwrap_or_else(|_| {
            Err(Refusal::UnknownPurchase.because("the operators did not answer in time"))
        });
        if let Err(refused) = &outcome {
            self.remember_miss(id, refused);
        }
        outcome
    }

    async fn ask(
        &self,
        nodes: &NodeClient,
        id: PurchaseId,
        now: Timestamp,
    ) -> Result<PurchaseRecord, Refused> {
        let _turn = self
            .fetching
            .acquire()
            .await
            .expect("this semaphore is never closed");
        // Requests that arrived together ask once: whoever was before us may have brought it.
        if let Some(record) = self.store.purchase(id) {
            return Ok(record);
        }
        let confirmation = nodes.confirmation(id).await.map_err(|error| {
            if !error.is_not_found() {
                tracing::warn!(purchase = %id, %error, "no confirmation from the operators");
            }
            Refused::from(Refusal::UnknownPurchase)
        })?;
        if confirmation.record.id != id {
            return Err(Refusal::UnknownPurchase.because("the operators answered with another purchase"));
        }
        Ok(self.admit(confirmation, now).await?.0)
    }

    async fn admit(
        &self,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> Result<(PurchaseRecord, bool), Refused> {
        let record = confirmation.record;
        if record.provider != self.provider {
            return Err(Refusal::WrongProvider.into());
        }
        if let Some(known) = self.store.purchase(record.id) {
            return Ok((known, false));
        }
        // Before a turn is taken: nodes that do not answer must hold up nobody else's verification.
        let epoch = confirmation.certified().map_or(0, |certified| certified.epoch);
        let operators = self.operators.known_for(epoch).await;
        let _turn = self
            .verifying
            .acquire()
            .await
            .expect("this semaphore is never closed");
        // What is stored was verified. Requests that arrived together verify once.
        if let Some(known) = self.store.purchase(record.id) {
            return Ok((known, false));
        }
        Self::verify(operators, confirmation).await?;
        if now >= record.expires_at {
            return Err(Refusal::Expired.into());
        }
        if !self.routes.sells(record.service) {
            return Err(Refusal::WrongService.because("the purchase is for a service that is not sold here"));
        }
        let added = self.store.add(record, now).await.map_err(|error| {
            tracing::error!(%error, "a purchase could not be stored");
            Refused::from(Refusal::MeterUnavailable)
        })?;
        if added {
            self.counters.confirmations.inc();
            tracing::info!(purchase = %record.id, consumer = %record.consumer, service = %record.service, "new purchase");
        }
        Ok((record, added))
    }

    async fn verify(operators: Arc<OperatorChain>, confirmation: Confirmation) -> Result<(), Refused> {
        // A certificate of a hundred operators takes milliseconds; other requests do not wait for it.
        let verified = tokio::task::spawn_blocking(move || operators.verify(&confirmation)).await;
        match verified {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::UnprovenConfirmation.because(error.to_string())),
            Err(error) => {
                tracing::error!(%error, "the verification of a confirmation broke off");
                Err(Refusal::UnprovenConfirmation.into())
            }
        }
    }

    fn recent_miss(&self, id: PurchaseId) -> Option<Refused> {
        let misses = self.misses();
        let (at, refused) = misses.get(&id)?;
        (at.elapsed() < MISS_FOR).then(|| refused.clone())
    }

    fn remember_miss(&self, id: PurchaseId, refused: &Refused) {
        let mut misses = self.misses();
        if misses.len() >= MAX_MISSES {
            misses.retain(|_, (at, _)| at.elapsed() < MISS_FOR);
        }
        if misses.len() < MAX_MISSES {
            misses.insert(id, (Instant::now(), refused.clone()));
        }
    }

    fn misses(&self) -> std::sync::MutexGuard<'_, BTreeMap<PurchaseId, (Instant, Refused)>> {
        self.misses
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}

/// The bytes of a `Rampart-Confirmation` field: an RFC 8941 byte sequence.
///
/// # Errors
/// [`Refusal::BadConfirmation`].
pub fn from_field(field: &str) -> Result<Vec<u8>, Refused> {
    let bad = || Refusal::BadConfirmation.because("Rampart-Confirmation must be :base64: of a confirmation");
    let encoded = field
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or_else(bad)?;
    if encoded.len() > 4 * MAX_CONFIRMATION.div_ceil(3) {
        return Err(bad());
    }
    Base64::decode_vec(encoded).map_err(|_| bad())
}
