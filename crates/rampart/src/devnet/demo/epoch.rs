//! Step 10: operators report availability, an epoch ends, and they claim what it paid them (P3, U2).

use super::books::{more, networks};
use super::verdict::part;
use super::{Stage, tokens};
use crate::devnet::OPERATORS;
use crate::devnet::market::WAIT;
use crate::operator;
use crate::session::applied;
use anyhow::{Context, bail, ensure};
use futures::future::try_join_all;
use rampart_protocol::api::EpochReportView;
use rampart_protocol::message::ClaimRewards;
use rampart_protocol::{Amount, Ppm};
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

/// All operators report the epoch that ended last, within one epoch.
pub async fn report(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let mut epoch = running(stage).await?;
    // Nothing can be reported in the first one.
    if epoch == 0 {
        epoch = next(stage, epoch).await?;
    }
    let mut pages = Vec::new();
    for _ in 0..3 {
        let session = &stage.session;
        let operators = stage.layout.accounts.operators.iter();
        let reports = operators.map(|signer| operator::report_availability(session, signer, &[], WAIT));
        let reported = try_join_all(reports).await;
        let now = running(stage).await?;
        if now == epoch {
            pages = reported?;
            break;
        }
        // The epoch ended meanwhile; what was reported counts for that one.
        epoch = now;
    }
    let all = pages.iter().filter(|pages| !pages.is_empty()).count();
    stage.saw(
        all == OPERATORS,
        format!("in epoch {epoch}, {all} operators report every service available in the one before"),
    )?;
    stage.reported = epoch;
    Ok(())
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
        "The epoch ends; the operators that reported are paid, and one claims",
    )?;
    let network = networks(&stage.totals().await?);
    let epoch = stage.reported;
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
    let before = client.operator(signer.address()).await?;
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
