//! What a provider puts at stake: its registration's deposit, and bonds of challenges.

use crate::session::{Session, applied};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use rampart_protocol::api::ReviewView;
use rampart_protocol::message::{Challenge, RegisterProvider};
use rampart_protocol::{Amount, B256, ProviderId, PurchaseId};

/// Registers the signer as a provider; returns its id and the height.
pub async fn register(
    session: &Session,
    signer: &PrivateKeySigner,
    name: String,
    endpoint: String,
    stake: Amount,
    wait: u64,
) -> anyhow::Result<(ProviderId, u64)> {
    let message = RegisterProvider {
        name,
        endpoint,
        stake,
        nonce: session.nonce(signer).await?,
    };
    let height = applied(&session.send(signer, message.into(), wait).await?)?;
    let provider = session.client.account(signer.address()).await?.provider;
    let id = provider.context("the registration is applied, but the account owns no provider")?;
    Ok((id, height))
}

/// Challenges a review with a bond that matches its fee, and returns the review as the ledger then keeps it.
pub async fn challenge(
    session: &Session,
    signer: &PrivateKeySigner,
    purchase: PurchaseId,
    evidence: B256,
    wait: u64,
) -> anyhow::Result<ReviewView> {
    let bond = session.client.review(purchase).await?.fee;
    let challenge = Challenge {
        purchase,
        bond,
        evidence,
        nonce: session.nonce(signer).await?,
    };
    applied(&session.send(signer, challenge.into(), wait).await?)?;
    Ok(session.client.review(purchase).await?)
}
