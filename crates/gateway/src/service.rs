//! A configured service and the purchases that pay for it.
//!
//! A service takes the usable purchase that expires first. When none is left its wallet is looked at again, at most
//! once a second, so that a package bought while the gateway runs is used without a restart.

use crate::breaker::Breaker;
use crate::config::{Config, ServiceConfig};
use crate::error::GatewayError;
use crate::kept::Kept;
use crate::purchase::{Purchase, Spent};
use crate::sequence::Sequences;
use crate::target::Target;
use crate::wallet::{StoredPurchase, Wallet, public_key, read_key};
use rampart_client::{FollowedOperators, NodeClient, VerifyError, follow};
use rampart_protocol::{Confirmation, PurchaseId};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What all services share.
#[derive(Debug)]
pub struct Shared {
    pub sequences: Arc<Sequences>,
    pub wallet: Option<Wallet>,
    pub nodes: Option<NodeClient>,
    pub operators: Option<FollowedOperators>,
}

impl Shared {
    pub fn new(config: &Config) -> Result<Self, GatewayError> {
        let follow = |path: &Path| {
            let trusted = follow::load(path).map_err(GatewayError::Operators)?;
            let progress = config.state.join("operators.json");
            FollowedOperators::new(&trusted, config.nodes.clone(), Some(progress))
                .map_err(GatewayError::Operators)
        };
        Ok(Self {
            sequences: Arc::new(Sequences::open(&config.state)?),
            operators: config.operators.as_deref().map(follow).transpose()?,
            wallet: config.wallet.clone().map(Wallet::new),
            nodes: (!config.nodes.is_empty()).then(|| NodeClient::new(config.nodes.clone())),
        })
    }

    /// Learns whatever operators there are by now, so that purchases of later epochs can be verified.
    pub async fn catch_up(&self) {
        if let Some(operators) = &self.operators {
            operators.known_for(u64::MAX).await;
        }
    }
}

/// Why a service cannot be asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpaid {
    /// There is no purchase of it.
    Missing,
    /// Every purchase is spent; this is the last one's reason.
    Spent(Spent),
}

/// A configured service.
#[derive(Debug)]
pub struct Service {
    pub config: ServiceConfig,
    /// Verdicts that are used again; none if they are not.
    pub kept: Option<Kept>,
    /// Whether it is left alone.
    pub breaker: Breaker,
    shared: Arc<Shared>,
    purchases: Mutex<Vec<Arc<Purchase>>>,
    /// Unix seconds of the last look into the wallet.
    looked: Mutex<u64>,
}

impl Service {
    /// Loads what is there. A wallet without a purchase is no error: it may come.
    pub fn new(config: ServiceConfig, shared: Arc<Shared>) -> Result<Self, GatewayError> {
        let service = Self {
            kept: (config.cache_ms > 0).then(|| Kept::new(Duration::from_millis(config.cache_ms))),
            breaker: Breaker::new(config.breaker),
            config,
            shared,
            purchases: Mutex::default(),
            looked: Mutex::new(0),
        };
        match (&service.config.access_key_file, &service.config.confirmation_file) {
            (Some(key), Some(confirmation)) => service.add(stored_in_files(key, confirmation)?)?,
            _ => service.look()?,
        }
        Ok(service)
    }

    /// The purchase to use at `now`, unix seconds.
    pub async fn usable(self: &Arc<Self>, now: u64) -> Result<Arc<Purchase>, Unpaid> {
        match self.first_usable(now).await {
            Ok(purchase) => Ok(purchase),
            Err(unpaid) if !self.may_look(now) => Err(unpaid),
            Err(_) => {
                self.shared.catch_up().await;
                let service = Arc::clone(self);
                let looked = tokio::task::spawn_blocking(move || service.look()).await;
                if let Ok(Err(error)) = looked {
                    tracing::error!(service = self.config.name, %error, "cannot read the wallet");
                }
                self.first_usable(now).await
            }
        }
    }

    async fn first_usable(&self, now: u64) -> Result<Arc<Purchase>, Unpaid> {
        let mut unpaid = Unpaid::Missing;
        for purchase in self.purchases() {
            match purchase.spent(now).await {
                None => return Ok(purchase),
                Some(spent) => unpaid = Unpaid::Spent(spent),
            }
        }
        Err(unpaid)
    }

    /// Every purchase, the first to expire first.
    pub fn purchases(&self) -> Vec<Arc<Purchase>> {
        self.purchases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Fetches the confirmation of a purchase that has none, if operators' nodes are configured.
    pub async fn fetch_confirmation(&self, purchase: &Purchase) {
        let Some(nodes) = &self.shared.nodes else { return };
        match nodes.confirmation(purchase.record.id).await {
            Ok(confirmation) if confirmation.record != purchase.record => {
                tracing::error!(
                    service = self.config.name,
                    "a node sent the confirmation of another record"
                );
            }
            Ok(confirmation) => match self.verified_by_now(&confirmation).await {
                Ok(()) => purchase.set_confirmation(&confirmation),
                Err(error) => {
                    tracing::error!(service = self.config.name, %error, "a node sent a false confirmation")
                }
            },
            Err(error) => tracing::warn!(service = self.config.name, %error, "cannot fetch a confirmation"),
        }
    }

    /// As [`Self::verified`], after learning of the operators that certified it.
    async fn verified_by_now(&self, confirmation: &Confirmation) -> Result<(), GatewayError> {
        if let (Some(operators), Some(certified)) = (&self.shared.operators, confirmation.certified()) {
            operators.known_for(certified.epoch).await;
        }
        self.verified(confirmation)
    }

    fn verified(&self, confirmation: &Confirmation) -> Result<(), GatewayError> {
        let fail = |reason| GatewayError::Purchase {
            purchase: confirmation.record.id,
            reason,
        };
        match &self.shared.operators {
            Some(operators) => operators
                .known()
                .verify(confirmation)
                .map_err(|error| match error {
                    VerifyError::UnknownEpoch { .. } => fail("the operators that certified it are not known"),
                    _ => fail("its confirmation does not verify against the operator set"),
                }),
            None if confirmation.is_included() && confirmation.certified().is_some() => Ok(()),
            None => Err(fail("its confirmation proves another block")),
        }
    }

    fn may_look(&self, now: u64) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = self.config.access_key_file.is_none() && *looked != now;
        *looked = now;
        may
    }

    /// Adds the wallet's purchases of this service that are not known yet. One that cannot be used is logged and left
    /// out: a broken file must not switch the others off.
    fn look(&self) -> Result<(), GatewayError> {
        let Some(wallet) = &self.shared.wallet else {
            return Ok(());
        };
        for id in wallet.list()? {
            let wanted = self.config.purchase.is_none_or(|wanted| wanted == id);
            if wanted && !self.knows(id) {
                let added = match wallet.load(id) {
                    Ok(stored) if stored.record.service != self.config.service => Ok(()),
                    Ok(stored) => self.add(stored),
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = added {
                    tracing::warn!(service = self.config.name, purchase = %id, %error, "a purchase cannot be used");
                }
            }
        }
        Ok(())
    }

    fn knows(&self, id: PurchaseId) -> bool {
        self.purchases().iter().any(|purchase| purchase.record.id == id)
    }

    fn add(&self, stored: StoredPurchase) -> Result<(), GatewayError> {
        let record = stored.record;
        let fail = |reason| GatewayError::Purchase {
            purchase: record.id,
            reason,
        };
        if record.service != self.config.service {
            return Err(fail("it is of another service"));
        }
        if self
            .config
            .provider
            .is_some_and(|provider| provider != record.provider)
        {
            return Err(fail("it is from another provider"));
        }
        if public_key(&stored.access_key) != record.access_key {
            return Err(fail("the key file is not its access key"));
        }
        if let Some(confirmation) = &stored.confirmation {
            self.verified(confirmation)?;
        }
        let sidecar = self.config.sidecar.as_deref().unwrap_or(&stored.sidecar);
        let limit = self
            .config
            .requests
            .map_or(record.requests, |share| share.min(record.requests));
        let counter = self.shared.sequences.counter(record.id, limit)?;
        let purchase = Purchase::new(
            record,
            stored.access_key,
            Target::parse(sidecar)?,
            &self.config.path,
            counter,
            self.config.signature,
        )?;
        if let Some(confirmation) = &stored.confirmation {
            purchase.set_confirmation(confirmation);
        }
        tracing::info!(service = self.config.name, purchase = %record.id, requests = limit, "purchase ready");
        let mut purchases = self.purchases.lock().unwrap_or_else(PoisonError::into_inner);
        // Two looks at once may both have found it, each with a counter of its own: only one may stay.
        if !purchases.iter().any(|other| other.record.id == record.id) {
            purchases.push(Arc::new(purchase));
            purchases.sort_by_key(|purchase| purchase.record.expires_at);
        }
        Ok(())
    }
}

fn stored_in_files(key: &Path, confirmation: &Path) -> Result<StoredPurchase, GatewayError> {
    let bytes = std::fs::read(confirmation).map_err(|source| GatewayError::Read {
        path: confirmation.to_owned(),
        source,
    })?;
    let bytes = alloy::hex::decode(bytes.trim_ascii()).unwrap_or(bytes);
    let decoded = Confirmation::from_bytes(&bytes).map_err(|source| GatewayError::Confirmation {
        path: confirmation.to_owned(),
        source,
    })?;
    Ok(StoredPurchase {
        record: decoded.record,
        confirmation: Some(decoded),
        access_key: read_key(key)?,
        sidecar: String::new(),
    })
}
