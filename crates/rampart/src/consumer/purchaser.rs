//! Delegated purchasers: keys that buy in an account's name, within a limit and until a time.

use crate::args::{NodeArgs, OutputArgs, SendArgs};
use crate::session::Session;
use crate::{clock, output, submit};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_client::Submitted;
use rampart_gateway::wallet::{Wallet, read_key};
use rampart_protocol::message::{DelegatePurchaser, RevokePurchaser};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Message, Nonce, Signature, SignedTransaction, Timestamp,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who signs a purchase.
#[derive(Debug)]
pub enum Buyer<'a> {
    /// The account's own wallet.
    Wallet(&'a PrivateKeySigner),
    /// A key that the account delegated to.
    Delegated(Box<Delegated>),
}

/// A delegated key and the account that it buys for. The key is in no output of `Debug`.
#[derive(Debug)]
pub struct Delegated {
    consumer: Address,
    key: SigningKey,
}

impl Delegated {
    /// Reads the key's file.
    pub fn read(consumer: Address, file: &Path) -> anyhow::Result<Self> {
        let key = read_key(file)?;
        Ok(Self { consumer, key })
    }
}

fn public(key: &SigningKey) -> AccessKey {
    AccessKey(B256::new(key.verifying_key().to_bytes()))
}

impl Buyer<'_> {
    /// The account that pays.
    pub fn consumer(&self) -> Address {
        match self {
            Self::Wallet(signer) => signer.address(),
            Self::Delegated(delegated) => delegated.consumer,
        }
    }

    /// The nonce that the next purchase carries.
    pub async fn nonce(&self, session: &Session) -> anyhow::Result<Nonce> {
        let account = session.client.account(self.consumer()).await?;
        match self {
            Self::Wallet(_) => Ok(account.nonce),
            Self::Delegated(delegated) => {
                let Delegated { consumer, key } = &**delegated;
                let mut all = account.purchasers.iter();
                let found = all.find(|one| one.key == public(key));
                found.map(|one| one.nonce).with_context(|| {
                    format!(
                        "account {consumer} does not delegate purchasing to the key {}",
                        public(key).0
                    )
                })
            }
        }
    }

    /// Signs, submits and waits for it to be final.
    pub async fn send(&self, session: &Session, message: Message, wait: u64) -> anyhow::Result<Submitted> {
        let transaction = match self {
            Self::Wallet(signer) => session.sign(signer, message)?,
            Self::Delegated(delegated) => {
                let Delegated { key, .. } = &**delegated;
                let digest = message.signing_hash(&session.domain);
                let signature = key.sign(digest.as_slice()).to_bytes();
                SignedTransaction {
                    message,
                    signature: Signature::delegated(public(key), &signature),
                }
            }
        };
        let wait = Some(Duration::from_secs(wait));
        Ok(session.client.submit(&transaction, wait).await?)
    }
}

/// Permits a key to buy. Without a file for it there, a new key is made first.
pub async fn delegate(
    file: PathBuf,
    limit: Amount,
    duration: Duration,
    send: SendArgs,
) -> anyhow::Result<()> {
    let key = if file.try_exists()? {
        read_key(&file)?
    } else {
        Wallet::create_key_file(&file, rand::random())?
    };
    let expires_at = Timestamp(clock::now()?.saturating_add(duration).as_secs());
    let purchaser = public(&key);
    submit::submit(send, |nonce| {
        DelegatePurchaser {
            purchaser,
            limit,
            expires_at,
            nonce,
        }
        .into()
    })
    .await
}

/// Ends what a key was permitted.
pub async fn undelegate(purchaser: AccessKey, send: SendArgs) -> anyhow::Result<()> {
    submit::submit(send, |nonce| RevokePurchaser { purchaser, nonce }.into()).await
}

/// Shows whom an account delegates purchasing to.
pub async fn list(account: Address, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let purchasers = session.client.account(account).await?.purchasers;
    output::print(output, &purchasers, |all| {
        let line = |one: &rampart_protocol::api::PurchaserView| {
            format!(
                "{}  {} tokens until {}, next nonce {}",
                one.key.0,
                one.left.to_tokens(),
                one.expires_at,
                one.nonce
            )
        };
        all.iter().map(line).collect()
    })
}

/// A public key on the command line.
pub fn public_key(text: &str) -> Result<AccessKey, String> {
    text.parse::<B256>()
        .map(AccessKey)
        .map_err(|error| format!("a public key is 32 bytes in hexadecimal: {error}"))
}
