//! What every request of a sidecar shares.

use crate::claim::TokenPolicy;
use crate::config::Limits;
use crate::confirmations::Confirmations;
use crate::counters::Counters;
use crate::meter::MeterStore;
use crate::offer::Offers;
use crate::rate::Rates;
use crate::routes::Routes;
use crate::upstream::Upstream;
use crate::verifier::Verifier;
use rampart_protocol::mac::AgreementSecret;
use rampart_protocol::{ProviderId, Timestamp};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time: an argument, so that tests decide it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the sidecar reads the clock"
)]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        // A clock before 1970 makes every token look made in the future: nothing is served.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_secs())
    })
}

/// The parts of a running sidecar.
pub struct Core {
    /// Whose it is.
    pub provider: ProviderId,
    /// The `@authority` of every signature.
    pub authority: String,
    /// The time.
    pub clock: Clock,
    /// What a token may say about time.
    pub policy: TokenPolicy,
    /// Limits of the port.
    pub limits: Limits,
    /// Services by path.
    pub routes: Arc<Routes>,
    /// The upstream of each route, by position.
    pub upstreams: Vec<Arc<Upstream>>,
    /// The meter.
    pub store: Arc<MeterStore>,
    /// How purchases become known.
    pub confirmations: Confirmations,
    /// Who checks signatures.
    pub verifier: Verifier,
    /// What keys of blocks are agreed on with; a new one at every start.
    pub agreement: AgreementSecret,
    /// What is on sale.
    pub offers: Offers,
    /// Requests a second.
    pub rates: Rates,
    /// Counters.
    pub counters: Arc<Counters>,
}
