//! Blocks of sequence numbers at a sidecar (`rampart_protocol::request_block`): opened by one signature, used by MACs.
//!
//! A block covers what [`crate::sequence`] has reserved on disk, so it is this gateway's alone. While one is being opened the
//! other requests of the purchase wait, for a number that the access key signs meanwhile would spoil the block. What a
//! sidecar does not open is signed by the access key, request by request. A sidecar that was restarted knows no block: the
//! first request that learns of it opens another from its own number on, and those that follow use that one.

use crate::asking::refusal;
use crate::client::HttpClient;
use crate::purchase::Purchase;
use rampart_protocol::Sequence;
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use rampart_protocol::request_block::{BlockOpened, MAX_BODY, OpenBlock};
use tokio::sync::Mutex;

/// Seconds for which a sidecar that opened no block is not asked for another.
const PAUSE: u64 = 60;
/// Blocks whose keys are kept.
const KEPT: usize = 8;

/// The blocks of one purchase.
#[derive(Debug)]
pub struct Blocks {
    secret: AgreementSecret,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest last; a request may still come with a number of one before.
    open: Vec<Block>,
    /// How many were opened.
    opened: u64,
    /// Unix seconds before which no block is asked for.
    not_before: u64,
}

/// An open block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Unlike that of any other: a restarted sidecar may open the same numbers again.
    id: u64,
    from: Sequence,
    to: Sequence,
    pub key: MacKey,
}

/// Why there is no new block.
enum Unopened {
    /// A number of it was used: the next ones may do.
    Used,
    /// Anything else, which will not be different at once.
    Refused,
}

impl Blocks {
    pub fn new() -> Self {
        Self {
            secret: AgreementSecret::new(rand::random()),
            state: Mutex::default(),
        }
    }

    /// The block with `sequence`, an open one or a new one; nothing when there is none with that number.
    pub async fn with(
        &self,
        purchase: &Purchase,
        client: &HttpClient,
        sequence: Sequence,
        now: u64,
    ) -> Option<Block> {
        let mut state = self.state.lock().await;
        let with = |block: &&Block| block.from <= sequence && sequence <= block.to;
        if let Some(block) = state.open.iter().find(with) {
            return Some(block.clone());
        }
        if state.open.last().is_some_and(|newest| sequence < newest.from) {
            return None;
        }
        let to = purchase.reserved().await;
        if now < state.not_before || to <= sequence {
            return None;
        }
        match self.open(purchase, client, sequence, to, now).await {
            Ok(key) => {
                state.opened += 1;
                let block = Block {
                    id: state.opened,
                    from: sequence,
                    to,
                    key,
                };
                if state.open.len() >= KEPT {
                    state.open.remove(0);
                }
                state.open.push(block.clone());
                Some(block)
            }
            Err(Unopened::Used) => None,
            Err(Unopened::Refused) => {
                state.not_before = now.saturating_add(PAUSE);
                None
            }
        }
    }

    /// Gives a block up that the sidecar does not know, if nobody did before.
    pub async fn forget(&self, block: &Block) {
        let mut state = self.state.lock().await;
        state.open.retain(|open| open.id != block.id);
    }

    async fn open(
        &self,
        purchase: &Purchase,
        client: &HttpClient,
        from: Sequence,
        to: Sequence,
        now: u64,
    ) -> Result<MacKey, Unopened> {
        let log = |reason: &dyn std::fmt::Display| {
            tracing::warn!(purchase = %purchase.record.id, %reason, "the sidecar opens no block of requests");
            Unopened::Refused
        };
        let asked = OpenBlock {
            from,
            key: self.secret.public(),
        };
        let body = serde_json::to_vec(&asked).map_err(|error| log(&error))?;
        let request = purchase
            .block_request(to, body.into(), now)
            .map_err(|error| log(&error))?;
        let answered = client.send_and_read(request, MAX_BODY).await;
        let response = answered.map_err(|error| log(&error))?;
        match refusal(&response) {
            None => {}
            Some("replayed") => return Err(Unopened::Used),
            Some(code) => return Err(log(&code)),
        }
        let opened: BlockOpened = serde_json::from_slice(response.body()).map_err(|error| log(&error))?;
        if (opened.from, opened.to) != (from, to) {
            return Err(log(&"it answered with other numbers"));
        }
        purchase.set_known(true);
        let agreed = self.secret.agree(Side::Consumer, &opened.key, purchase.record.id);
        agreed.ok_or_else(|| log(&"its key is of small order"))
    }
}
