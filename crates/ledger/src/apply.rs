//! The one entry: an input against a state, at a moment, into changes.
//!
//! Decides nothing itself: it dispatches to `rules`, and says which records an input will probably read.

use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::rules;
use crate::view::View;
use crate::writes::Writes;
use alloc::vec::Vec;
use rampart_protocol::ed25519::is_acceptable_key;
use rampart_protocol::{AccessKey, Address, B256, Domain, Message, Observation, Timestamp};

/// When and where an input is applied: the block around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// What can be worked out of a message before its turn comes, on any core. Small, so that it can be remembered whatever the
/// message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    digest: B256,
    key_is_good: bool,
}

impl Checked {
    /// Looks at a message whose EIP-712 digest is at hand.
    #[must_use]
    pub fn new(digest: B256, message: &Message) -> Self {
        let key_is_good = match message {
            Message::Purchase(m) => is_acceptable_key(&m.access_key),
            Message::RotateAccessKey(m) => is_acceptable_key(&m.access_key),
            Message::DelegatePurchaser(m) => is_acceptable_key(&m.purchaser),
            Message::RegisterService(m) => m.components.is_empty() || is_acceptable_key(&m.upstream_key),
            Message::UpdateService(m) => m.components.is_empty() || is_acceptable_key(&m.upstream_key),
            _ => true,
        };
        Self { digest, key_is_good }
    }
}

/// An account's message, with what can be worked out before its turn comes: its digest and whether the
/// access key that it names is one. Its signature is the caller's to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    signer: Address,
    purchaser: Option<AccessKey>,
    id: B256,
    checked: Checked,
    message: Message,
}

impl Prepared {
    /// Prepares a message of `signer`; `id` is the transaction's hash.
    #[must_use]
    pub fn new(domain: &Domain, signer: Address, id: B256, message: Message) -> Self {
        let checked = Checked::new(message.signing_hash(domain), &message);
        Self::checked(checked, signer, id, message)
    }

    /// The same when the message was looked at before.
    #[must_use]
    pub const fn checked(checked: Checked, signer: Address, id: B256, message: Message) -> Self {
        Self {
            signer,
            purchaser: None,
            id,
            checked,
            message,
        }
    }

    /// The same message, signed by a delegated key in the account's name.
    #[must_use]
    pub const fn by(mut self, purchaser: Option<AccessKey>) -> Self {
        self.purchaser = purchaser;
        self
    }

    /// The delegated key that signed, if the account's wallet did not.
    #[must_use]
    pub const fn purchaser(&self) -> Option<AccessKey> {
        self.purchaser
    }

    /// The account that signed, or that a delegated key signed for.
    #[must_use]
    pub const fn signer(&self) -> Address {
        self.signer
    }

    /// The transaction's hash.
    #[must_use]
    pub const fn id(&self) -> B256 {
        self.id
    }

    /// The EIP-712 digest of the message: a purchase's id.
    #[must_use]
    pub const fn digest(&self) -> B256 {
        self.checked.digest
    }

    /// Whether the access key that the message names, if it does, can sign anything.
    #[must_use]
    pub const fn key_is_good(&self) -> bool {
        self.checked.key_is_good
    }

    /// What is asked.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }
}

/// Something that happens to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "inputs are made one at a time and passed by reference"
)]
pub enum Input {
    /// A block begins: what is due by time is done. First in each block, once.
    Begin,
    /// An account's message, its signature verified by the caller.
    Transaction(Prepared),
    /// Something seen on a chain, agreed on by the operators.
    Observation(Observation),
}

/// What an applied input changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changeset {
    /// The records to write, `None` to delete.
    pub writes: Writes,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Applies one input to a state.
///
/// # Errors
/// [`Fault::Reject`] when a rule forbids it: nothing changes, not even the nonce. [`Fault::Missing`] when a record
/// must be loaded first. [`Fault::Corrupt`] when the state contradicts itself.
pub fn apply(view: &impl View, env: &BlockEnv, input: &Input) -> Result<Changeset, Fault> {
    let mut draft = Draft::new(view, *env)?;
    match input {
        Input::Begin => rules::begin(&mut draft)?,
        Input::Observation(observation) => rules::observe(&mut draft, observation)?,
        Input::Transaction(prepared) => rules::execute(&mut draft, prepared)?,
    }
    Ok(draft.finish())
}

/// The records that an input will probably read: a hint for loading them in one go, never needed for correctness.
///
/// What depends on other records, such as pages of escrow, is left to [`Fault::Missing`].
#[must_use]
pub fn reads(input: &Input) -> Vec<Key> {
    let mut keys = Vec::with_capacity(8);
    keys.extend([Key::globals(), Key::params()]);
    match input {
        Input::Begin => {}
        Input::Observation(observation) => observed(observation, &mut keys),
        Input::Transaction(prepared) => {
            keys.push(Key::account(&prepared.signer));
            if prepared.purchaser.is_some() {
                keys.push(Key::purchasers(&prepared.signer));
            }
            asked(prepared, &mut keys);
        }
    }
    keys
}

fn observed(observation: &Observation, keys: &mut Vec<Key>) {
    match observation {
        Observation::Deposit(o) => keys.push(Key::account(&o.account)),
        Observation::Forced(o) => keys.push(Key::account(&o.account)),
        Observation::OperatorStake(o) => keys.extend([
            Key::account(&o.operator),
            Key::operator(&o.operator),
            Key::operator_set(),
        ]),
        Observation::OperatorKeys(o) => {
            keys.extend([Key::account(&o.operator), Key::operator(&o.operator)]);
        }
        Observation::InvestorWeight(o) => keys.extend([
            Key::account(&o.investor),
            Key::operator(&o.operator),
            Key::investor(&o.operator, &o.investor),
        ]),
        Observation::Governance(_) => {}
    }
}

fn asked(prepared: &Prepared, keys: &mut Vec<Key>) {
    let signer = &prepared.signer;
    match &prepared.message {
        Message::RegisterProvider(_) | Message::Withdraw(_) => {}
        Message::Transfer(m) => keys.push(Key::account(&m.recipient)),
        Message::UpdateProvider(m) => keys.push(Key::provider(m.provider)),
        Message::AddStake(m) => keys.push(Key::provider(m.provider)),
        Message::Unbond(m) => keys.push(Key::provider(m.provider)),
        Message::ReleaseStake(m) => keys.push(Key::provider(m.provider)),
        Message::SetAutoStake(m) => keys.push(Key::provider(m.provider)),
        Message::Reinstate(m) => keys.push(Key::provider(m.provider)),
        Message::Claim(m) => keys.push(Key::provider(m.provider)),
        Message::RegisterService(m) => {
            keys.push(Key::provider(m.provider));
            keys.extend(m.components.iter().map(|c| Key::service(c.service)));
        }
        Message::UpdateService(m) => {
            keys.push(Key::service(m.service));
            keys.extend(m.components.iter().map(|c| Key::service(c.service)));
        }
        Message::ReportUsage(m) => keys.push(Key::purchase(&m.purchase)),
        Message::RotateAccessKey(m) => keys.push(Key::purchase(&m.purchase)),
        Message::ClaimRefund(m) => keys.push(Key::purchase(&m.purchase)),
        Message::Review(m) => keys.push(Key::purchase(&m.purchase)),
        Message::Challenge(m) => keys.extend([
            Key::purchase(&m.purchase),
            Key::review(&m.purchase),
            Key::operator_set(),
        ]),
        Message::CommitVerdict(m) => keys.extend([Key::ballot(&m.case), Key::operator(signer)]),
        Message::RevealVerdict(m) => keys.push(Key::ballot(&m.case)),
        Message::ReportAvailability(m) => {
            keys.extend([Key::availability(m.epoch, m.page), Key::operator(signer)]);
        }
        Message::ClaimRewards(m) => {
            keys.extend([Key::operator(&m.operator), Key::investor(&m.operator, signer)]);
        }
        Message::DelegatePurchaser(_) | Message::RevokePurchaser(_) => keys.push(Key::purchasers(signer)),
        Message::Purchase(m) => keys.extend([
            Key::provider(m.provider),
            Key::service(m.service),
            Key::purchase(&rampart_protocol::PurchaseId(prepared.digest())),
            Key::pair(signer, m.provider),
        ]),
    }
}
