//! A user's session with the operators: the deployment, its operator set, an account, and signed messages.

use crate::args::{KeyArgs, NodeArgs};
use crate::keys;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_client::{FollowedOperators, NodeClient, Submitted};
use rampart_protocol::{Domain, Message, Nonce, SignedTransaction, TrustedOperators};
use std::path::Path;
use std::time::Duration;

/// A connection to one deployment.
#[derive(Debug)]
pub struct Session {
    /// The operators' API.
    pub client: NodeClient,
    /// Whom to trust, and whom they handed over to.
    pub operators: FollowedOperators,
    /// The deployment.
    pub domain: Domain,
}

impl Session {
    /// A session with the nodes at these URLs that trusts an operator set.
    pub fn new(nodes: Vec<String>, trusted: &TrustedOperators) -> anyhow::Result<Self> {
        Ok(Self {
            client: NodeClient::new(nodes.clone()),
            operators: FollowedOperators::new(trusted, nodes, None)?,
            domain: trusted.domain(),
        })
    }

    /// Connects. With a pinned operator set, checks that the node serves its deployment; without one, believes the node,
    /// which is good enough to read, and to sign messages that are worth nothing in another deployment.
    pub async fn open(args: &NodeArgs) -> anyhow::Result<Self> {
        let client = NodeClient::new(args.nodes.clone());
        let trusted = match &args.operators {
            Some(path) => pinned(&client, path).await?,
            None => {
                let first = client.operator_set().await;
                TrustedOperators::new(0, first.context("the operator set cannot be had")?)
            }
        };
        Self::new(args.nodes.clone(), &trusted)
    }

    /// Connects for a command that moves tokens to a contract: which one must not be the node's word.
    pub async fn open_pinned(args: &NodeArgs) -> anyhow::Result<Self> {
        ensure!(
            args.operators.is_some(),
            "name the operator set that you trust with --operators: it says which contract receives the tokens"
        );
        Self::open(args).await
    }

    /// Signs a message for this deployment.
    pub fn sign(&self, signer: &PrivateKeySigner, message: Message) -> anyhow::Result<SignedTransaction> {
        let signature = signer.sign_hash_sync(&message.signing_hash(&self.domain))?;
        Ok(SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        })
    }

    /// The nonce that the account's next message carries.
    pub async fn nonce(&self, signer: &PrivateKeySigner) -> anyhow::Result<Nonce> {
        Ok(self.client.account(signer.address()).await?.nonce)
    }

    /// Signs, submits and waits for it to be final.
    pub async fn send(
        &self,
        signer: &PrivateKeySigner,
        message: Message,
        wait: u64,
    ) -> anyhow::Result<Submitted> {
        let transaction = self.sign(signer, message)?;
        Ok(self
            .client
            .submit(&transaction, Some(Duration::from_secs(wait)))
            .await?)
    }
}

/// The operator set in a file, if the node serves its deployment.
async fn pinned(client: &NodeClient, path: &Path) -> anyhow::Result<TrustedOperators> {
    let pinned = read_operators(path)?;
    let status = client.status().await?;
    let served = Domain {
        chain_id: status.chain_id,
        settlement: status.settlement,
    };
    ensure!(
        served == pinned.domain(),
        "the node serves settlement {} on chain {}, {} is for {} on chain {}",
        served.settlement,
        served.chain_id,
        path.display(),
        pinned.set.domain.settlement,
        pinned.set.domain.chain_id
    );
    Ok(pinned)
}

/// A session with an unlocked account.
pub async fn open(node: &NodeArgs, key: &KeyArgs) -> anyhow::Result<(Session, PrivateKeySigner)> {
    let signer = keys::unlock(key)?;
    Ok((Session::open(node).await?, signer))
}

/// Reads an operator set, with those before it, from its own file, or from a network file that contains it.
pub fn read_operators(path: &Path) -> anyhow::Result<TrustedOperators> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let set = value
        .get_mut("operatorSet")
        .map(serde_json::Value::take)
        .unwrap_or(value);
    serde_json::from_value(set).with_context(|| format!("{} holds no operator set", path.display()))
}

/// Fails with a sentence when a submission is still waiting.
pub fn applied(submitted: &Submitted) -> anyhow::Result<u64> {
    ensure!(
        submitted.height.is_some(),
        "transaction {} is still waiting; ask again with: rampart account transaction {}",
        submitted.hash,
        submitted.hash
    );
    Ok(submitted.height.unwrap_or_default())
}
