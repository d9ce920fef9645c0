//! The end of step 9: what the operators' verdict moved, to the unit (V4, V8, I2).

use super::books::{more, networks};
use super::reviews::{DISSENTER, decided};
use super::{Stage, tokens};
use crate::consumer::Bought;
use alloy::signers::local::PrivateKeySigner;
use rampart_protocol::api::{ProviderView, ReviewStage, ReviewView};
use rampart_protocol::{Amount, Ppm};

/// Waits for the verdict and sees that it moves exactly what the rules say.
pub async fn executed(
    stage: &mut Stage<'_>,
    buyer: &PrivateKeySigner,
    bought: &Bought,
    review: &ReviewView,
) -> anyhow::Result<()> {
    let (id, fee) = (
        bought.confirmation.record.provider,
        bought.confirmation.record.fee,
    );
    let owner = stage.layout.accounts.providers[0].clone();
    let (buyer_before, owner_before) = (stage.account(buyer).await?, stage.account(&owner).await?);
    let (before, totals) = (stage.provider(id).await?, stage.totals().await?);
    let earned = super::epoch::earned(stage).await?;
    let open = stage.session.client.review(review.purchase).await?.stage;
    stage.saw(
        open == ReviewStage::Challenged,
        "the verdict waits for the last reveals",
    )?;
    decided(stage, review.purchase, ReviewStage::Upheld).await?;

    let params = stage.network.params;
    let slash = part(fee, params.slash_review).max(params.slash_review_min);
    let half = Amount(review.bond.0 / 2);
    let rest = Amount(review.bond.0 - half.0);
    let back = more(stage.account(buyer).await?.balance, buyer_before.balance)?;
    stage.saw(
        back.0 == review.fee.0 + half.0 + fee.0,
        format!(
            "upheld: the consumer has {} more: its fee, half of the bond, and {} refunded",
            tokens(back),
            tokens(fee)
        ),
    )?;
    let after = stage.provider(id).await?;
    let (escrow, stake) = (
        more(before.escrow, after.escrow)?,
        more(before.stake, after.stake)?,
    );
    let untouched = stage.account(&owner).await?.balance == owner_before.balance;
    stage.saw(
        escrow == fee && stake == slash && untouched && after.bonds == Amount::ZERO,
        format!(
            "the provider lost its bond, {} of escrow and {} of stake",
            tokens(escrow),
            tokens(stake)
        ),
    )?;
    score(stage, &before, &after)?;
    let now = stage.totals().await?;
    let gained = more(networks(&now), networks(&totals))?;
    stage.saw(
        gained.0 == slash.0 + rest.0 && now.bonds == Amount::ZERO && now.deposits == Amount::ZERO,
        format!(
            "judges, pool and treasury share {}: the slash and the bond's other half",
            tokens(gained)
        ),
    )?;
    judges(stage, &earned, part(slash, params.slash_bounty), rest).await?;
    stage.conserved().await
}

/// A part of an amount, rounded down. The demonstration's amounts are far from 128 bits.
pub(super) fn part(amount: Amount, share: Ppm) -> Amount {
    Amount(amount.0 * u128::from(share.0) / 1_000_000)
}

/// The review counts again, and the score is what its formula says of the evidence.
fn score(stage: &mut Stage<'_>, before: &ProviderView, after: &ProviderView) -> anyhow::Result<()> {
    let params = stage.network.params;
    let (good, bad) = (after.positive_evidence.0, after.negative_evidence.0);
    let prior = params.prior_strength.0;
    let favourable = good * 1_000_000 + prior * u128::from(params.prior_mean.0);
    let expected = favourable / (good + bad + prior);
    stage.saw(
        u128::from(after.score.0) == expected && after.score < before.score,
        format!(
            "the review counts: score {} -> {} ppm, as the formula has it of {good} : {bad} evidence",
            before.score, after.score
        ),
    )
}

/// The operators that voted with the majority share the bounty and half of the bond; the other gets nothing of them.
async fn judges(
    stage: &mut Stage<'_>,
    before: &super::epoch::Earned,
    bounty: Amount,
    bond: Amount,
) -> anyhow::Result<()> {
    let after = super::epoch::earned(stage).await?;
    // Their stakes are equal, so each has an equal part; of that it keeps its commission, and has no investors.
    let commission = after.commission;
    let judges = u128::try_from(after.operators.len() - 1)?;
    let each = [bounty, bond].map(|amount| part(Amount(amount.0 / judges), commission).0);
    let each = Amount(each.iter().sum());
    let epochs = super::epoch::paid_between(stage, before, &after).await?;
    let mut exact = true;
    for (index, (now, was)) in after.operators.iter().zip(&before.operators).enumerate() {
        let expected = if index == DISSENTER { 0 } else { each.0 };
        exact &= now.0 - was.0 == expected + epochs.0;
    }
    stage.saw(
        exact,
        format!(
            "each of the {judges} that upheld it earned {}, the other nothing",
            tokens(each)
        ),
    )
}
