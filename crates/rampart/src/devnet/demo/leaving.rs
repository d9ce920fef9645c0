//! Step 16: all operators stop for good, and everybody leaves with exactly what the last checkpoint gives (X2).

use super::{Stage, tokens};
use crate::devnet::OPERATORS;
use crate::devnet::children::Children;
use crate::devnet::layout::url;
use crate::devnet::market::WAIT;
use crate::devnet::network::{HATCH, operator_name};
use alloy::providers::{Provider as _, ProviderBuilder};
use anyhow::{Context, ensure};
use rampart_chain::Settlement;
use rampart_client::{NodeClient, verify_archive, verify_roots};
use rampart_protocol::api::Totals;
use rampart_protocol::{Address, Amount, ProvableExits};
use std::time::Duration;
use tokio::time::Instant;

/// The operator that stops last, and gives everybody's exits before it does.
const LAST: usize = 0;

pub async fn everybody(stage: &mut Stage<'_>, children: &mut Children) -> anyhow::Result<()> {
    stage.step(
        16,
        "All operators stop for good; the settlement freezes, and everybody leaves with kept proofs alone",
    )?;
    for operator in (0..OPERATORS).filter(|operator| *operator != LAST) {
        children.kill(&operator_name(operator)).await?;
    }
    let anyone = stage.layout.accounts.fresh.clone();
    let settlement = Settlement::new(
        &url(stage.layout.l2()),
        stage.network.contracts.settlement,
        Some(anyone),
    )?;
    let (exits, totals) = kept(stage, &settlement).await?;
    children.kill(&operator_name(LAST)).await?;
    let checkpoint = exits.archive().checkpoint;
    stage.saw(
        !exits.archive().is_empty(),
        format!(
            "kept beforehand: {} accounts' exits under the last checkpoint, of height {}",
            exits.archive().len(),
            checkpoint.height
        ),
    )?;
    let early = settlement
        .freeze()
        .await
        .err()
        .context("the settlement froze at once")?;
    stage.saw(true, format!("at once nobody can freeze it: {early}"))?;
    pass(stage, HATCH.exit_delay.0).await?;
    settlement.freeze().await?;
    stage.saw(
        settlement.is_frozen().await?,
        format!(
            "after {} s without a checkpoint it is frozen for ever",
            HATCH.exit_delay.0
        ),
    )?;
    leave(stage, &settlement, &exits, &totals).await
}

/// The exits under the last checkpoint on chain, and the totals of a ledger that has stopped.
async fn kept(stage: &Stage<'_>, settlement: &Settlement) -> anyhow::Result<(ProvableExits, Totals)> {
    let client = NodeClient::new(vec![url(stage.layout.api(LAST))]);
    let deadline = Instant::now() + Duration::from_secs(WAIT);
    loop {
        let exits = verify_archive(client.exits().await?, &stage.network.operators)?;
        // A checkpoint that had its quorum may still have been on its way.
        if verify_roots(&exits.archive().checkpoint, &settlement.roots().await?).is_ok() {
            return Ok((exits, client.totals().await?));
        }
        ensure!(
            Instant::now() < deadline,
            "the last checkpoint's exits cannot be had"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Lets time pass on the L2.
async fn pass(stage: &Stage<'_>, seconds: u64) -> anyhow::Result<()> {
    let node = ProviderBuilder::new().connect_http(url(stage.layout.l2()).parse()?);
    node.raw_request::<_, serde_json::Value>("evm_increaseTime".into(), [seconds])
        .await?;
    node.raw_request::<_, serde_json::Value>("anvil_mine".into(), ["0x1"])
        .await?;
    Ok(())
}

async fn leave(
    stage: &mut Stage<'_>,
    settlement: &Settlement,
    exits: &ProvableExits,
    totals: &Totals,
) -> anyhow::Result<()> {
    let due: Vec<(Address, Amount)> = exits
        .archive()
        .exits()
        .filter(|(_, amount)| *amount > Amount::ZERO)
        .collect();
    let mut paid = 0;
    for (account, amount) in &due {
        let exit = exits.of(*account).context("an account without a proof")?;
        let before = settlement.token_balance(*account).await?;
        settlement
            .exit(exit.account, exit.amount, exit.proof.clone())
            .await?;
        let after = settlement.token_balance(*account).await?;
        ensure!(
            after.0 - before.0 == amount.0,
            "{account} received another amount"
        );
        paid += amount.0;
        if paid == amount.0 {
            let again = settlement.exit(exit.account, exit.amount, exit.proof).await;
            let again = again.err().context("an exit was paid twice")?;
            stage.saw(true, format!("a second time is refused: {again}"))?;
        }
    }
    stage.saw(
        !due.is_empty(),
        format!(
            "{} accounts received their {} on the L2",
            due.len(),
            tokens(Amount(paid))
        ),
    )?;
    let left = settlement
        .token_balance(stage.network.contracts.settlement)
        .await?;
    let nobodys = [
        totals.pool,
        totals.rewards,
        totals.treasury,
        totals.bonds,
        totals.compensation,
    ];
    let nobodys = Amount(nobodys.iter().map(|part| part.0).sum());
    stage.saw(
        left == nobodys,
        format!(
            "what is left, {}, is the pool, the treasury and what nobody had claimed, to the unit",
            tokens(left)
        ),
    )
}
