//! Step 10: operators have seen and reported that a service is never served; an epoch ends, and they claim what it paid
//! them (P3, V4, U2).

use super::books::{more, networks};
use super::verdict::part;
use super::{Stage, tokens};
use crate::consumer::{self, Order};
use crate::devnet::OPERATORS;
use crate::devnet::market::{WAIT, wallet};
use crate::session::applied;
use anyhow::{Context, bail, ensure};
use rampart_protocol::api::EpochReportView;
use rampart_protocol::message::{ClaimRewards, UpdateService};
use rampart_protocol::{Amount, B256, Ppm, Seconds};
use std::time::Duration;
use tokio::time::Instant;

/// What every operator has earned since the beginning, claimed or not, in the order of the layout's accounts.
#[derive(Clone, Debug)]
pub struct Earned {
    /// The epoch that ran.
    pub epoch: u64,
    /// The commission that each of them keeps.
    pub commission: Ppm,
    /// By operator.
    pub operators: Vec<Amount>,
}

/// Asks for all operators' rewards within one epoch.
pub async fn earned(stage: &Stage<'_>) -> anyhow::Result<Earned> {
    let client = &stage.session.client;
    for _ in 0..3 {
        let epoch = client.current_epoch().await?.number;
        let (mut operators, mut commission) = (Vec::new(), Ppm(0));
        for signer in &stage.layout.accounts.operators {
            let view = client.operator(signer.address()).await?;
            commission = view.commission;
            operators.push(Amount(view.owed.0 + view.claimed.0));
        }
        if client.current_epoch().await?.number == epoch {
            return Ok(Earned {
                epoch,
                commission,
                operators,
            });
        }
    }
    bail!("epochs end faster than the operators can be asked")
}

/// What the epochs that ended in between paid each operator.
pub async fn paid_between(stage: &Stage<'_>, before: &Earned, after: &Earned) -> anyhow::Result<Amount> {
    let mut sum = 0;
    for number in before.epoch..after.epoch {
        sum += each(&stage.session.client.epoch(number).await?, after.commission)?.0;
    }
    Ok(Amount(sum))
}

/// What an epoch paid each operator: of equal shares, the commission. All of them earned, or none.
fn each(report: &EpochReportView, commission: Ppm) -> anyhow::Result<Amount> {
    let operators = u128::from(report.operators);
    ensure!(
        operators == 0 || usize::try_from(operators)? == OPERATORS,
        "epoch {} paid {operators} of {OPERATORS} operators",
        report.number
    );
    let share = report.paid.0.checked_div(operators).unwrap_or(0);
    Ok(part(Amount(share), commission))
}

/// The bundle of step 8 is sold where nothing answers. Nobody says so: operators probe it, and the ledger counts their
/// reports. Its owner retires it then, or each further epoch would cost it.
async fn outage(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let bundle = stage.bundle.clone().context("no bundle was sold")?;
    let client = stage.session.client.clone();
    let deadline = Instant::now() + Duration::from_secs(3 * stage.network.params.epoch_length.0 + WAIT);
    let service = loop {
        let service = client.service(bundle.service).await?;
        if service.outages > 0 {
            break service;
        }
        ensure!(Instant::now() < deadline, "no operator noticed the outage");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let score = stage.provider(bundle.provider).await?.score;
    stage.saw(
        score < bundle.score,
        format!(
            "nothing answers for service {}: probes of more than half of the stake said so; its provider's score fell, {} -> {} ppm",
            service.id, bundle.score, score
        ),
    )?;
    let mut others = Vec::new();
    for service in stage
        .market
        .providers
        .iter()
        .flat_map(|provider| &provider.services)
    {
        others.push(client.service(service.id).await?.outages);
    }
    stage.saw(
        others.iter().all(|outages| *outages == 0),
        format!("the {} services that sidecars serve were found up", others.len()),
    )?;
    let message = UpdateService {
        service: service.id,
        category: service.category,
        description: service.description,
        endpoint: String::new(),
        openapi: B256::ZERO,
        requests: service.requests,
        fee: service.fee,
        min_duration: service.min_duration,
        max_duration: service.max_duration,
        components: service.components,
        upstream_key: service.upstream_key.context("a bundle has an upstream key")?,
        active: false,
        nonce: stage.account(&bundle.owner).await?.nonce,
    };
    applied(&stage.session.send(&bundle.owner, message.into(), WAIT).await?)?;
    Ok(())
}

/// Waits until all operators have reported in one epoch, by themselves, and makes sure that it has a pool; returns it.
async fn reported(stage: &mut Stage<'_>) -> anyhow::Result<u64> {
    let deadline = Instant::now() + Duration::from_secs(3 * stage.network.params.epoch_length.0 + WAIT);
    let epoch = loop {
        let epoch = running(stage).await?;
        let mut all = true;
        for signer in &stage.layout.accounts.operators {
            let duty = stage
                .session
                .client
                .operator(signer.address())
                .await?
                .participation;
            all &= duty.epoch == epoch && duty.pages > 0 && duty.reported == duty.pages;
        }
        if all {
            let order = Order {
                service: stage.market.providers[0].services[1].id,
                duration: Some(Seconds(3600)),
            };
            let buyer = stage.layout.accounts.consumer.clone();
            consumer::buy(&stage.session, &buyer, &wallet(stage.layout), order, WAIT).await?;
            if running(stage).await? == epoch {
                break epoch;
            }
        }
        ensure!(Instant::now() < deadline, "not all operators report");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    stage.saw(
        true,
        format!("in epoch {epoch}, all {OPERATORS} operators reported on the one before by themselves"),
    )?;
    Ok(epoch)
}

async fn running(stage: &Stage<'_>) -> anyhow::Result<u64> {
    Ok(stage.session.client.current_epoch().await?.number)
}

/// Waits for the end of an epoch.
async fn next(stage: &Stage<'_>, epoch: u64) -> anyhow::Result<u64> {
    let length = stage.network.params.epoch_length.0;
    let deadline = Instant::now() + Duration::from_secs(length + WAIT);
    loop {
        let now = running(stage).await?;
        if now > epoch {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "epoch {epoch} does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub async fn rewards(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        10,
        "Operators found a service down and reported it; the epoch ends, they are paid, and one claims",
    )?;
    outage(stage).await?;
    let epoch = reported(stage).await?;
    let network = networks(&stage.totals().await?);
    next(stage, epoch).await?;
    let report = stage.session.client.epoch(epoch).await?;
    let paid = paid(stage, &report);
    stage.saw(
        report.paid == paid && report.operators == u32::try_from(OPERATORS)?,
        format!(
            "epoch {epoch} had a pool of {}, {} sellers, {} verdicts; by the formula {} operators share {}",
            tokens(report.pool),
            report.sellers,
            report.verdicts,
            report.operators,
            tokens(report.paid)
        ),
    )?;
    let now = networks(&stage.totals().await?);
    stage.saw(
        now == network,
        format!("pool, treasury and rewards together stay {}", tokens(now)),
    )?;
    claim(stage, &report).await?;
    stage.conserved().await
}

/// U2's formula, each term rounded down, and the operators' equal shares of it.
fn paid(stage: &Stage<'_>, report: &EpochReportView) -> Amount {
    let params = &stage.network.params;
    let term = |weight: Ppm, count: u64, half: u32| {
        u128::from(weight.0) * u128::from(count) / (u128::from(count) + u128::from(half))
    };
    let share = u128::from(params.reward_base.0)
        + term(params.reward_sellers, report.sellers, params.sellers_half.0)
        + term(params.reward_verdicts, report.verdicts, params.verdicts_half.0);
    let paid = report.pool.0 * share / 1_000_000;
    let operators = u128::from(report.operators);
    Amount(paid.checked_div(operators).unwrap_or(0) * operators)
}

async fn claim(stage: &mut Stage<'_>, report: &EpochReportView) -> anyhow::Result<()> {
    let signer = stage.layout.accounts.operators[0].clone();
    let client = stage.session.client.clone();
    // Its own node uses the account too; once it has reported it is quiet until the next epoch.
    let deadline = Instant::now() + Duration::from_secs(stage.network.params.epoch_length.0 + WAIT);
    let before = loop {
        let view = client.operator(signer.address()).await?;
        if view.participation.reported == view.participation.pages {
            break view;
        }
        ensure!(Instant::now() < deadline, "an operator does not report");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let due = each(report, before.commission)?;
    let account = stage.account(&signer).await?;
    let message = ClaimRewards {
        operator: signer.address(),
        nonce: account.nonce,
    };
    applied(&stage.session.send(&signer, message.into(), WAIT).await?)?;
    let after = client.operator(signer.address()).await?;
    let claimed = more(after.claimed, before.claimed).context("the operator's claims")?;
    let received = more(stage.account(&signer).await?.balance, account.balance)?;
    stage.saw(
        received == claimed && claimed >= before.owed && before.owed >= due && due > Amount::ZERO,
        format!(
            "an operator's part of the epoch is {}; with what it judged for, it claims {}",
            tokens(due),
            tokens(received)
        ),
    )
}
