//! Passing transactions on: what a client gave this operator goes to all others once, and what others give is
//! checked like a client's. Nothing is passed on twice, so there is no storm; an operator that misses a transaction
//! meets it again in a block.
//!
//! A message is an RLP list of transactions, at most [`MAX_GOSSIP`] bytes. What comes in within [`LINGER`] goes out
//! together, so that the channel's quota bounds messages and not transactions, and signatures are verified in batches.

use crate::api::submit::{Lanes, now_ms};
use crate::application::Senders;
use crate::engine::{MAX_GOSSIP, Runtime};
use crate::mempool::{Mempool, PoolError};
use crate::storage::StateReader;
use alloy_rlp::Header;
use commonware_p2p::{Receiver, Recipients, Sender};
use rampart_protocol::{DecodeError, SignedTransaction};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the first transaction of a message waits for others.
const LINGER: Duration = Duration::from_millis(5);
/// Most bytes of a message that are transactions: the list's prefix takes up to four.
const MAX_PAYLOAD: usize = MAX_GOSSIP - 4;

/// Runs until the network stops. `outgoing` are encoded transactions.
pub async fn run<E: Runtime, S: Sender, R: Receiver>(
    outgoing: mpsc::Receiver<Vec<u8>>,
    (sender, receiver): (S, R),
    state: StateReader<E>,
    mempool: Mempool,
    senders: Senders,
) {
    // Apart, so that neither direction waits for the other.
    tokio::select! {
        () = give(outgoing, sender) => {}
        () = take_all(receiver, state, mempool, senders) => {}
    }
}

async fn give<S: Sender>(mut outgoing: mpsc::Receiver<Vec<u8>>, mut sender: S) {
    let mut left = None;
    loop {
        let first = match left.take() {
            Some(first) => first,
            None => match outgoing.recv().await {
                Some(first) => first,
                // Whoever submits is gone, and the operator ends.
                None => return std::future::pending().await,
            },
        };
        let mut payload: Vec<u8> = first;
        let full = tokio::time::sleep(LINGER);
        tokio::pin!(full);
        loop {
            tokio::select! {
                biased;
                more = outgoing.recv() => match more {
                    Some(more) if payload.len() + more.len() <= MAX_PAYLOAD => payload.extend(more),
                    more => {
                        left = more;
                        break;
                    }
                },
                () = &mut full => break,
            }
        }
        sender.send(Recipients::All, framed(&payload), false);
    }
}

/// A list of transactions that are encoded already.
fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 4);
    let payload_length = payload.len();
    Header {
        list: true,
        payload_length,
    }
    .encode(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// Reads a message, strictly: each transaction in its one encoding, and nothing behind the list.
///
/// # Errors
/// When anything of it is not such a list; then nothing of it is taken.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<SignedTransaction>, DecodeError> {
    let mut rest = bytes;
    let mut list = Header::decode_bytes(&mut rest, true)?;
    if !rest.is_empty() {
        return Err(DecodeError::Trailing(rest.len()));
    }
    let mut transactions = Vec::new();
    while !list.is_empty() {
        let mut behind = list;
        let header = Header::decode(&mut behind)?;
        let length = (list.len() - behind.len()).saturating_add(header.payload_length);
        let (one, others) = list
            .split_at_checked(length)
            .ok_or(alloy_rlp::Error::InputTooShort)?;
        transactions.push(SignedTransaction::from_bytes(one)?);
        list = others;
    }
    Ok(transactions)
}

async fn take_all<E: Runtime, R: Receiver>(
    mut receiver: R,
    state: StateReader<E>,
    mempool: Mempool,
    senders: Senders,
) {
    while let Ok((peer, bytes)) = receiver.recv().await {
        if let Err(error) = take(bytes.as_ref(), &state, &mempool, &senders).await {
            tracing::debug!(?peer, error, "a peer's transactions were not taken");
        }
    }
}

/// Takes what can be taken; tells of the last that could not.
async fn take<E: Runtime>(
    bytes: &[u8],
    state: &StateReader<E>,
    mempool: &Mempool,
    senders: &Senders,
) -> Result<(), String> {
    let mut transactions = read(bytes).map_err(|error| error.to_string())?;
    transactions.retain(|transaction| !mempool.contains(&transaction.hash()));
    let senders = senders.clone();
    let verified =
        tokio::task::spawn_blocking(move || senders.verify_together(transactions, &mut rand::rng()))
            .await
            .map_err(|error| error.to_string())?;
    let mut lanes = Lanes::default();
    let mut outcome = Ok(());
    for (_, verified) in verified {
        let taken = async {
            let verified = verified.map_err(|error| error.to_string())?;
            let next = lanes.next(state, verified.lane()).await;
            let next = next
                .map_err(|error| error.to_string())?
                .map_err(|reject| reject.to_string())?;
            match mempool.add(verified, next, now_ms()) {
                Ok(()) | Err(PoolError::Known) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        };
        if let Err(error) = taken.await {
            outcome = Err(error);
        }
    }
    outcome
}

#[cfg(test)]
#[path = "gossip_tests.rs"]
mod tests;
