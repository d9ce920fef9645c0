//! Step 12: from metered use to tokens in the provider's wallet, and the sums.

use super::{Stage, tokens};
use crate::consumer::Bought;
use crate::devnet::layout::url;
use crate::devnet::market::WAIT;
use crate::network::{held, parts};
use crate::provider::report;
use crate::session::applied;
use anyhow::Context;
use rampart_chain::Settlement;
use rampart_protocol::api::WithdrawalView;
use rampart_protocol::message::{Claim, Withdraw};
use rampart_protocol::{Amount, PurchaseId};
use std::time::Duration;
use tokio::time::Instant;

pub async fn pay(stage: &mut Stage<'_>, trial: &Bought) -> anyhow::Result<()> {
    stage.step(
        12,
        "The provider reports, claims, withdraws, and is paid on the L2 by a certified checkpoint",
    )?;
    let provider = stage.market.providers[0].id;
    let owner = stage.layout.accounts.providers[0].clone();
    let reports = report(
        &stage.session,
        &owner,
        &url(stage.layout.sidecar_admin(0)),
        None,
        WAIT,
    )
    .await?;
    for id in [stage.market.packages[0], trial.confirmation.record.id] {
        let reported = reports
            .iter()
            .find(|(purchase, _)| *purchase == id)
            .map_or(0, |(_, used)| *used);
        let ledger = stage.session.client.purchase(id).await?.used;
        stage.saw(
            ledger == reported && ledger > 0,
            format!(
                "purchase {}: {ledger} requests proven by the consumer's signature",
                short(id)
            ),
        )?;
    }

    let view = stage.session.client.provider(provider).await?;
    let escrow = view.escrow;
    wait_until_claimable(stage, escrow).await?;
    let before = stage.session.client.account(owner.address()).await?;
    let claim = Claim {
        provider,
        nonce: before.nonce,
    };
    applied(&stage.session.send(&owner, claim.into(), WAIT).await?)?;
    let after = stage.session.client.account(owner.address()).await?;
    let claimed = Amount(after.balance.0 - before.balance.0);
    stage.saw(
        claimed == escrow,
        format!(
            "claimed {} of escrow after the wait of at most {} s",
            tokens(claimed),
            view.wait
        ),
    )?;

    let l2 = Settlement::new(
        &url(stage.layout.l2()),
        stage.network.contracts.settlement,
        Some(owner.clone()),
    )?;
    let wallet = l2.token_balance(owner.address()).await?;
    let withdraw = Withdraw {
        recipient: owner.address(),
        amount: claimed,
        nonce: after.nonce,
    };
    let height = applied(&stage.session.send(&owner, withdraw.into(), WAIT).await?)?;
    let withdrawal = certified(stage, owner.address()).await?;
    let checkpoint = l2.accepted_height().await?;
    stage.saw(
        checkpoint >= height,
        format!("withdrawn at height {height}; a quorum's checkpoint of height {checkpoint} is on the L2"),
    )?;
    let (transaction, _) = l2
        .withdraw(
            withdrawal.index,
            withdrawal.recipient,
            withdrawal.amount,
            withdrawal.proof.clone(),
        )
        .await?;
    let paid = Amount(l2.token_balance(owner.address()).await?.0 - wallet.0);
    stage.saw(
        paid == claimed,
        format!(
            "{} in the provider's wallet, transaction {transaction}",
            tokens(paid)
        ),
    )?;
    let again = l2
        .withdraw(
            withdrawal.index,
            withdrawal.recipient,
            withdrawal.amount,
            withdrawal.proof,
        )
        .await;
    let refusal = again.err().map(|error| error.to_string()).unwrap_or_default();
    stage.saw(
        !refusal.is_empty(),
        format!("a second time is refused: {refusal}"),
    )?;
    reconcile(stage, paid).await
}

fn short(id: PurchaseId) -> String {
    format!("{:#x}", id.0).chars().take(10).collect()
}

async fn wait_until_claimable(stage: &Stage<'_>, amount: Amount) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(WAIT);
    loop {
        let view = stage
            .session
            .client
            .provider(stage.market.providers[0].id)
            .await?;
        if view.claimable >= amount {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "only {} of {} became claimable",
            view.claimable,
            amount
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the recipient's last withdrawal is under a checkpoint on the L2.
async fn certified(
    stage: &Stage<'_>,
    recipient: rampart_protocol::Address,
) -> anyhow::Result<WithdrawalView> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let all = stage.session.client.withdrawals_of(recipient).await?;
        let last = all
            .into_iter()
            .next_back()
            .context("the withdrawal is not listed")?;
        if last.certified {
            return Ok(last);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "withdrawal {} was not certified in 90 seconds",
            last.index
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// What the contract holds is what the ledger owes, to the unit, and every balance is somebody's.
async fn reconcile(stage: &mut Stage<'_>, paid: Amount) -> anyhow::Result<()> {
    let contract = stage
        .network
        .settlement(stage.layout)?
        .token_balance(stage.network.contracts.settlement)
        .await?;
    let totals = stage.totals().await?;
    let owed = held(&totals).context("the totals exceed all tokens")?;
    let places = parts(&totals).into_iter();
    let places = places.filter(|(_, amount)| *amount > Amount::ZERO);
    let places: Vec<String> = places
        .map(|(name, amount)| format!("{name} {}", amount.to_tokens()))
        .collect();
    stage.saw(
        contract == owed,
        format!("the contract holds {} = {}", tokens(contract), places.join(" + ")),
    )?;
    let (deposited, withdrawn) = (totals.deposited, totals.withdrawn);
    stage.saw(
        deposited.checked_sub(withdrawn) == Some(owed) && withdrawn == paid,
        format!(
            "deposits {} - withdrawals {} = the same, to the unit",
            tokens(deposited),
            tokens(withdrawn)
        ),
    )?;
    let mut sum = 0;
    for holder in stage.holders.clone() {
        sum += stage.session.client.account(holder).await?.balance.0;
    }
    stage.saw(
        sum == totals.balances.0,
        format!(
            "the {} accounts that took part hold {}, all balances there are",
            stage.holders.len(),
            tokens(Amount(sum))
        ),
    )
}
