//! Sending what the duties want the ledger to know: signed by the operator's account, into its own mempool, and on to the
//! other operators.
//!
//! It remembers no state of what it sent. Who wants something asks for it again and again until the ledger shows it; here it
//! gets the account's next nonces in that order, so asking twice makes the same transaction, and a nonce that someone else
//! used meanwhile heals by itself.

use super::DutyError;
use super::counters::Counters;
use crate::api::submit::next_nonce;
use crate::application::{Lane, Senders};
use crate::engine::Runtime;
use crate::mempool::{Mempool, PoolError};
use crate::storage::StateReader;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use rampart_protocol::message::{CommitVerdict, ReportAvailability, RevealVerdict};
use rampart_protocol::{Address, B256, CaseId, Message, Nonce, SignedTransaction};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Transactions that are kept on their way at a time.
const IN_FLIGHT: usize = 64;
/// Pause before something that was rejected is tried again, milliseconds.
const REJECTED_PAUSE_MS: u64 = 5_000;

/// Something that the ledger is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A page of an availability report.
    Report { epoch: u64, page: u32, down: B256 },
    /// A sealed verdict.
    Commit {
        case: CaseId,
        round: u32,
        commitment: B256,
    },
    /// Its opening.
    Reveal {
        case: CaseId,
        round: u32,
        upheld: bool,
        salt: B256,
    },
}

impl Wanted {
    fn message(&self, nonce: Nonce) -> Message {
        match *self {
            Self::Report { epoch, page, down } => ReportAvailability {
                epoch,
                page,
                down,
                nonce,
            }
            .into(),
            Self::Commit {
                case,
                round,
                commitment,
            } => CommitVerdict {
                case,
                round,
                commitment,
                nonce,
            }
            .into(),
            Self::Reveal {
                case,
                round,
                upheld,
                salt,
            } => RevealVerdict {
                case,
                round,
                upheld,
                salt,
                nonce,
            }
            .into(),
        }
    }
}

/// Sends.
pub(super) struct Outbox<E: Runtime> {
    signer: PrivateKeySigner,
    state: StateReader<E>,
    senders: Senders,
    mempool: Mempool,
    gossip: mpsc::Sender<Vec<u8>>,
    /// Rejected transactions, and when each may be tried again.
    rejected: BTreeMap<B256, u64>,
    counters: Counters,
}

impl<E: Runtime> Outbox<E> {
    pub(super) const fn new(
        signer: PrivateKeySigner,
        state: StateReader<E>,
        senders: Senders,
        mempool: Mempool,
        gossip: mpsc::Sender<Vec<u8>>,
        counters: Counters,
    ) -> Self {
        Self {
            signer,
            state,
            senders,
            mempool,
            gossip,
            rejected: BTreeMap::new(),
            counters,
        }
    }

    /// The account that signs.
    pub(super) const fn account(&self) -> Address {
        self.signer.address()
    }

    /// Has these on their way, in this order.
    pub(super) async fn send(&mut self, wanted: &[Wanted], now_ms: u64) -> Result<(), DutyError> {
        if wanted.is_empty() || self.mempool.is_frozen() {
            self.rejected.clear();
            return Ok(());
        }
        // Entries of what is not wanted any more; a few tries more do no harm.
        if self.rejected.len() > 8 * IN_FLIGHT {
            self.rejected.clear();
        }
        let next = next_nonce(&self.state, Lane::wallet(self.account())).await?;
        let first = next.map_err(|_| DutyError::NoAccount(self.account()))?;
        let mut nonce = first;
        for wanted in wanted.iter().take(IN_FLIGHT) {
            if self.submit(wanted.message(nonce), first, now_ms)? {
                nonce = Nonce(nonce.0.saturating_add(1));
            }
        }
        Ok(())
    }

    /// Signs and submits one; whether its nonce is taken by it, or by another that waits.
    fn submit(&mut self, message: Message, first: Nonce, now_ms: u64) -> Result<bool, DutyError> {
        let digest = message.signing_hash(self.senders.domain());
        let signature = self.signer.sign_hash_sync(&digest).map_err(DutyError::Sign)?;
        let name = message.name();
        let transaction = SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        };
        let (hash, bytes) = (transaction.hash(), transaction.to_bytes());
        if self.mempool.contains(&hash) {
            return Ok(true);
        }
        match self.rejected.get(&hash) {
            Some(until) if *until > now_ms => return Ok(false),
            Some(_) => {
                self.rejected.remove(&hash);
            }
            None => {
                if let Some(rejection) = self.mempool.rejection(&hash) {
                    let reason = rejection.message;
                    tracing::warn!(name, code = rejection.code, reason, "a duty was rejected");
                    self.rejected
                        .insert(hash, now_ms.saturating_add(REJECTED_PAUSE_MS));
                    return Ok(false);
                }
            }
        }
        let verified = self.senders.verify(transaction).map_err(DutyError::Signature)?;
        match self.mempool.add(verified, first, now_ms) {
            Ok(()) => {
                self.counters.submitted(1);
                // Full, the others learn of it from the block.
                let _ = self.gossip.try_send(bytes);
                Ok(true)
            }
            Err(PoolError::Known | PoolError::NonceTaken(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
