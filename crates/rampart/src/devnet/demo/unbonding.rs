//! Steps 2 and 11: a provider takes out stake, which stays slashable until its unbonding period is over (V4).

use super::books::more;
use super::{Stage, tokens};
use crate::devnet::market::WAIT;
use crate::session::applied;
use anyhow::{Context, bail, ensure};
use rampart_client::ClientError;
use rampart_protocol::message::{ReleaseStake, Unbond};
use rampart_protocol::{Amount, Message};
use std::time::Duration;
use tokio::time::Instant;

/// What is taken out.
const PART: Amount = Amount(100 * Amount::TOKEN.0);
/// The ledger's rejection of a release that comes too early.
const STILL_UNBONDING: u16 = 85;

/// The second provider asks for a part of its stake, and cannot have it yet.
pub async fn begin(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let provider = stage.market.providers[1].id;
    let owner = stage.layout.accounts.providers[1].clone();
    let before = stage.provider(provider).await?;
    let message = Unbond {
        provider,
        amount: PART,
        nonce: stage.account(&owner).await?.nonce,
    };
    applied(&stage.session.send(&owner, message.into(), WAIT).await?)?;
    let after = stage.provider(provider).await?;
    let unbonding = after.unbonding.first().context("nothing is unbonding")?;
    stage.saw(
        more(before.stake, after.stake)? == PART && unbonding.amount == PART,
        format!(
            "provider {provider} takes {} out of its stake, to be released from {} on",
            tokens(PART),
            unbonding.release_at
        ),
    )?;
    let early = release(stage).await.err();
    let refusal = early.as_ref().and_then(anyhow::Error::downcast_ref);
    let Some(ClientError::Refused { error, .. }) = refusal else {
        bail!("releasing at once did not fail as it must: {early:?}");
    };
    stage.saw(
        error.code == Some(STILL_UNBONDING),
        format!("at once it is refused: {} ({})", error.message, error.name),
    )?;
    stage.conserved().await
}

async fn release(stage: &Stage<'_>) -> anyhow::Result<()> {
    let owner = stage.layout.accounts.providers[1].clone();
    let message: Message = ReleaseStake {
        provider: stage.market.providers[1].id,
        nonce: stage.account(&owner).await?.nonce,
    }
    .into();
    applied(&stage.session.send(&owner, message, WAIT).await?)?;
    Ok(())
}

/// The period over, the stake is the owner's again.
pub async fn end(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(11, "The unbonding period over, the stake is released")?;
    let provider = stage.market.providers[1].id;
    let owner = stage.layout.accounts.providers[1].clone();
    let view = stage.provider(provider).await?;
    let release_at = view.unbonding.first().context("nothing is unbonding")?.release_at;
    let deadline = Instant::now() + Duration::from_secs(WAIT + stage.network.params.unbond_period.0);
    while stage.session.client.status().await?.timestamp_ms / 1000 < release_at.0 {
        ensure!(Instant::now() < deadline, "no block came after {release_at}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = stage.account(&owner).await?.balance;
    release(stage).await?;
    let received = more(stage.account(&owner).await?.balance, before)?;
    let after = stage.provider(provider).await?;
    stage.saw(
        received == PART && after.unbonding.is_empty() && after.stake == view.stake,
        format!(
            "{} in its owner's balance, {} still at stake",
            tokens(received),
            tokens(after.stake)
        ),
    )?;
    stage.conserved().await
}
