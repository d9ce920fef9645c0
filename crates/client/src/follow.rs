//! Keeping up with the operators: handovers are fetched from any node, verified, and what was learned may be saved to a file.
//!
//! Nodes are asked only when something is of an epoch that is not known yet, and not more often than every [`PAUSE`], since
//! anyone may show a made-up epoch. Left to others: what the first set is (the caller is given it), and what is verified.

use crate::chain::{HandoverError, OperatorChain};
use crate::node::{ClientError, NodeClient};
use crate::verify::VerifyError;
use rampart_protocol::{Confirmation, TrustedOperators};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two questions to the nodes.
pub const PAUSE: Duration = Duration::from_secs(2);

/// Longest time to ask for later operators, before going on with those that are known.
const ASK_WITHIN: Duration = Duration::from_secs(8);

/// Why the operators cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The operators' file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The operators' file is none.
    #[error("{path} does not hold an operator set: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The sets can certify nothing.
    #[error(transparent)]
    Operators(#[from] VerifyError),
    /// The nodes do not answer, or refuse.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// A node's handover is false.
    #[error("a node sent a false handover: {0}")]
    Handover(#[from] HandoverError),
}

/// Reads an operators' file.
///
/// # Errors
/// [`FollowError::File`], [`FollowError::Json`].
pub fn load(path: &Path) -> Result<TrustedOperators, FollowError> {
    let file = |source| FollowError::File {
        path: path.to_owned(),
        source,
    };
    let text = fs::read(path).map_err(file)?;
    serde_json::from_slice(&text).map_err(|source| FollowError::Json {
        path: path.to_owned(),
        source,
    })
}

/// Writes an operators' file, whole or not at all.
///
/// # Errors
/// [`FollowError::File`], [`FollowError::Json`].
pub fn save(path: &Path, trusted: &TrustedOperators) -> Result<(), FollowError> {
    let text = serde_json::to_vec_pretty(trusted).map_err(|source| FollowError::Json {
        path: path.to_owned(),
        source,
    })?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = || {
        let mut file = fs::File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(|source| FollowError::File {
        path: path.to_owned(),
        source,
    })
}

/// Learns all that the nodes can prove of later epochs; returns how many it learned.
///
/// # Errors
/// When no node answers, or one that does sends what does not verify. What was learned before stays.
pub async fn catch_up(chain: &mut OperatorChain, nodes: &NodeClient) -> Result<u64, FollowError> {
    let before = *chain.epochs().end();
    loop {
        let newest = *chain.epochs().end();
        let page = nodes.operator_sets(newest).await?;
        for handover in &page.handovers {
            chain.learn(handover)?;
        }
        if page.next.is_none() || page.handovers.is_empty() {
            return Ok(chain.epochs().end() - before);
        }
    }
}

/// The operators as they are known, and where to ask when that is not enough. Share it.
#[derive(Debug)]
pub struct FollowedOperators {
    chain: Mutex<Arc<OperatorChain>>,
    nodes: Option<NodeClient>,
    progress: Option<PathBuf>,
    /// When the nodes were asked last; who holds it asks.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

impl FollowedOperators {
    /// Starts from a trusted set, or from the progress saved in a file, if that was made from the same set. Without nodes
    /// nothing is ever asked.
    ///
    /// # Errors
    /// [`FollowError::Operators`]. Progress that cannot be used is no error, since it can be made again.
    pub fn new(
        trusted: &TrustedOperators,
        nodes: Vec<String>,
        progress: Option<PathBuf>,
    ) -> Result<Self, FollowError> {
        let given = OperatorChain::new(trusted)?;
        let saved = progress.as_deref().and_then(|path| load(path).ok());
        let saved = saved.and_then(|saved| OperatorChain::new(&saved).ok());
        let continues = |saved: &OperatorChain| {
            let epochs = given.epochs();
            saved.domain() == given.domain()
                && saved.epochs().start() == epochs.start()
                && saved.epochs().end() >= epochs.end()
                && saved.set(*epochs.start()) == given.set(*epochs.start())
                && saved.set(*epochs.end()) == given.set(*epochs.end())
        };
        Ok(Self {
            chain: Mutex::new(Arc::new(saved.filter(continues).unwrap_or(given))),
            nodes: (!nodes.is_empty()).then(|| NodeClient::new(nodes)),
            progress,
            asked: tokio::sync::Mutex::new(None),
        })
    }

    /// What is known now.
    #[must_use]
    pub fn known(&self) -> Arc<OperatorChain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known, after asking the nodes if that does not reach to an epoch. They may not know it either.
    pub async fn known_for(&self, epoch: u64) -> Arc<OperatorChain> {
        let known = self.known();
        let Some(nodes) = self.nodes.as_ref().filter(|_| epoch > *known.epochs().end()) else {
            return known;
        };
        let mut asked = self.asked.lock().await;
        // Those who waited for this one's answer need not ask again.
        let known = self.known();
        if epoch <= *known.epochs().end() || asked.is_some_and(|at| at.elapsed() < PAUSE) {
            return known;
        }
        let mut chain = OperatorChain::clone(&known);
        let learned = tokio::time::timeout(ASK_WITHIN, catch_up(&mut chain, nodes)).await;
        match learned {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, epoch, "the operators of a later epoch cannot be learned")
            }
            Err(_) => tracing::warn!(epoch, "the operators of a later epoch were not told in time"),
        }
        *asked = Some(Instant::now());
        self.keep(chain)
    }

    fn keep(&self, chain: OperatorChain) -> Arc<OperatorChain> {
        let known = self.known();
        if chain.epochs().end() <= known.epochs().end() {
            return known;
        }
        if let Some(Err(error)) = self.progress.as_deref().map(|path| save(path, &chain.trusted())) {
            tracing::warn!(%error, "what was learned of the operators is not saved");
        }
        let chain = Arc::new(chain);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain.clone();
        chain
    }

    /// Checks a confirmation of any epoch, asking the nodes for the operators of one that is not known yet. `Ok` means final.
    ///
    /// # Errors
    /// See [`OperatorChain::verify`].
    pub async fn verify(&self, confirmation: &Confirmation) -> Result<(), VerifyError> {
        let certified = confirmation.certified().ok_or(VerifyError::NotLinked)?;
        self.known_for(certified.epoch).await.verify(confirmation)
    }
}
