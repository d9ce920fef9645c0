//! Passing transactions on: what a client gave this operator goes to all others once, and what others give is
//! checked like a client's. Nothing is passed on twice, so there is no storm; an operator that misses a transaction
//! meets it again in a block.

use crate::api::submit::{next_nonce, now_ms};
use crate::application::Senders;
use crate::engine::Runtime;
use crate::mempool::Mempool;
use crate::storage::StateReader;
use commonware_p2p::{Receiver, Recipients, Sender};
use rampart_protocol::SignedTransaction;
use tokio::sync::mpsc;

/// Runs until the network stops.
pub async fn run<E: Runtime, S: Sender, R: Receiver>(
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    (mut sender, mut receiver): (S, R),
    state: StateReader<E>,
    mempool: Mempool,
    senders: Senders,
) {
    loop {
        tokio::select! {
            Some(bytes) = outgoing.recv() => {
                sender.send(Recipients::All, bytes, false);
            }
            message = receiver.recv() => match message {
                Ok((peer, bytes)) => {
                    if let Err(error) = take(bytes.as_ref(), &state, &mempool, &senders).await {
                        tracing::debug!(?peer, error, "a peer's transaction was not taken");
                    }
                }
                Err(_) => return,
            },
        }
    }
}

async fn take<E: Runtime>(
    bytes: &[u8],
    state: &StateReader<E>,
    mempool: &Mempool,
    senders: &Senders,
) -> Result<(), String> {
    let transaction = SignedTransaction::from_bytes(bytes).map_err(|error| error.to_string())?;
    if mempool.contains(&transaction.hash()) {
        return Ok(());
    }
    let senders = senders.clone();
    let verified = tokio::task::spawn_blocking(move || senders.verify(transaction))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let next = next_nonce(state, verified.lane())
        .await
        .map_err(|error| error.to_string())?
        .map_err(|reject| reject.to_string())?;
    mempool
        .add(verified, next, now_ms())
        .map_err(|error| error.to_string())
}
