//! The one entry: an input against a state, at a moment, into changes.
//!
//! Decides nothing itself: it dispatches to `rules`, and says which records an input will probably read.

use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::Record;
use crate::rules;
use crate::view::View;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rampart_protocol::{Address, B256, Domain, Message, Observation, Timestamp};

/// When and where an input is applied: the block around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnv {
    /// The deployment; purchase ids depend on it.
    pub domain: Domain,
    /// The block's height.
    pub height: u64,
    /// The block's time, which never falls from block to block.
    pub timestamp: Timestamp,
    /// The consensus epoch.
    pub epoch: u64,
}

/// Something that happens to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An account's message, its signature verified by the caller.
    Transaction {
        /// The account that signed.
        signer: Address,
        /// The transaction's hash.
        id: B256,
        /// What is asked.
        message: Message,
    },
    /// Something seen on a chain, agreed on by the operators.
    Observation(Observation),
}

/// What an applied input changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changeset {
    /// The records to write, `None` to delete.
    pub writes: BTreeMap<Key, Option<Record>>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Applies one input to a state.
///
/// # Errors
/// [`Fault::Reject`] when a rule forbids it: nothing changes, not even the nonce. [`Fault::Missing`] when a record
/// must be loaded first. [`Fault::Corrupt`] when the state contradicts itself.
pub fn apply(view: &impl View, env: &BlockEnv, input: &Input) -> Result<Changeset, Fault> {
    let mut draft = Draft::new(view);
    match input {
        Input::Observation(Observation::Deposit(deposit)) => rules::credit_deposit(&mut draft, deposit)?,
        Input::Transaction { signer, id, message } => {
            rules::execute(&mut draft, env, *signer, *id, message)?;
        }
    }
    Ok(draft.finish())
}

/// The records that an input will probably read: a hint for loading them in one go, never needed for correctness.
///
/// What depends on other records, such as pages of escrow, is left to [`Fault::Missing`].
#[must_use]
pub fn reads(env: &BlockEnv, input: &Input) -> Vec<Key> {
    let mut keys = alloc::vec![Key::globals(), Key::params()];
    let (signer, message) = match input {
        Input::Observation(Observation::Deposit(deposit)) => {
            keys.push(Key::account(&deposit.account));
            return keys;
        }
        Input::Transaction { signer, message, .. } => (signer, message),
    };
    keys.push(Key::account(signer));
    match message {
        Message::RegisterProvider(_) | Message::Withdraw(_) => {}
        Message::UpdateProvider(m) => keys.push(Key::provider(m.provider)),
        Message::AddStake(m) => keys.push(Key::provider(m.provider)),
        Message::RegisterService(m) => keys.push(Key::provider(m.provider)),
        Message::UpdateService(m) => keys.push(Key::service(m.service)),
        Message::Claim(m) => keys.push(Key::provider(m.provider)),
        Message::ReportUsage(m) => keys.push(Key::purchase(&m.purchase)),
        Message::Purchase(m) => keys.extend([
            Key::provider(m.provider),
            Key::service(m.service),
            Key::purchase(&m.id(&env.domain)),
            Key::pair(signer, m.provider),
        ]),
    }
    keys
}
