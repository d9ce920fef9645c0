//! Step 9: two negative reviews (C7, V8). One nobody challenges; the other the operators judge.

use super::books::more;
use super::{Stage, tokens};
use crate::consumer::{self, Bought, Order, review};
use crate::devnet::OPERATORS;
use crate::devnet::market::WAIT;
use crate::devnet::network::operator_name;
use crate::provider::challenge;
use alloy::signers::local::PrivateKeySigner;
use anyhow::bail;
use rampart_gateway::wallet::Wallet;
use rampart_node::monitor::judge::Decisions;
use rampart_protocol::api::{CaseView, ReviewStage, ReviewView, VoteView};
use rampart_protocol::{Amount, B256, CaseId, PurchaseId, ServiceId, verdict};
use std::time::Duration;
use tokio::time::Instant;

/// Balance of the second consumer.
const FUNDS: Amount = Amount(50 * Amount::TOKEN.0);
/// The operator that leaves it to its judge, and so votes against the others.
pub(super) const DISSENTER: usize = 3;

pub async fn judge(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        9,
        "A second consumer reviews two purchases; one review stands, the other is challenged and judged",
    )?;
    let buyer = stage.layout.accounts.consumer2.clone();
    stage.open_account(buyer.address(), FUNDS).await?;
    let (package, trial) = (
        stage.market.providers[0].services[0].id,
        stage.market.providers[1].services[1].id,
    );
    let quiet = buy(stage, &buyer, trial).await?;
    let disputed = buy(stage, &buyer, package).await?;
    let unchallenged = file(stage, &buyer, &quiet, "It never answered").await?;
    let challenged = disputes(stage, &buyer, &disputed).await?;
    let case = verdict::review(challenged.purchase);
    committed(stage, case).await?;
    let purchases = [&quiet, &disputed].map(|bought| bought.confirmation.record.fee.0);
    let fees = [unchallenged.fee.0, challenged.fee.0];
    let paid = Amount(purchases.into_iter().chain(fees).sum());
    stands(stage, &buyer, unchallenged.purchase, paid).await?;
    revealed(stage, case).await?;
    super::verdict::executed(stage, &buyer, &disputed, &challenged).await
}

/// Buys a package that is never used.
async fn buy(stage: &Stage<'_>, buyer: &PrivateKeySigner, service: ServiceId) -> anyhow::Result<Bought> {
    let order = Order {
        service,
        duration: None,
    };
    let wallet = Wallet::new(stage.layout.path("consumer2/purchases"));
    consumer::buy(&stage.session, buyer, &wallet, order, WAIT).await
}

async fn file(
    stage: &mut Stage<'_>,
    buyer: &PrivateKeySigner,
    bought: &Bought,
    comment: &str,
) -> anyhow::Result<ReviewView> {
    let record = &bought.confirmation.record;
    let before = stage.provider(record.provider).await?;
    let review = review::file(
        &stage.session,
        buyer,
        record.id,
        comment.to_owned(),
        B256::ZERO,
        WAIT,
    )
    .await?;
    let after = stage.provider(record.provider).await?;
    stage.saw(
        after.score < before.score && review.stage == ReviewStage::Open,
        format!(
            "review of a purchase for {} from provider {}: fee {}; its score fell at once, {} -> {} ppm",
            tokens(record.fee),
            record.provider,
            tokens(review.fee),
            before.score,
            after.score
        ),
    )?;
    Ok(review)
}

/// Reviews the purchase that is disputed; its provider challenges.
async fn disputes(
    stage: &mut Stage<'_>,
    buyer: &PrivateKeySigner,
    disputed: &Bought,
) -> anyhow::Result<ReviewView> {
    let id = disputed.confirmation.record.provider;
    let before = stage.provider(id).await?;
    let filed = file(stage, buyer, disputed, "Half of the listed addresses passed").await?;
    // Before the case is there, so that no judge can come first, however slow this machine is.
    decide(stage, verdict::review(filed.purchase))?;
    let owner = stage.layout.accounts.providers[0].clone();
    let balance = stage.account(&owner).await?.balance;
    let challenged = challenge(&stage.session, &owner, filed.purchase, B256::repeat_byte(1), WAIT).await?;
    let held = more(balance, stage.account(&owner).await?.balance)?;
    let after = stage.provider(id).await?;
    stage.saw(
        challenged.stage == ReviewStage::Challenged && held == challenged.fee && held == challenged.bond,
        format!("provider {id} challenges with a bond of {}", tokens(held)),
    )?;
    stage.saw(
        after.negative_evidence == before.negative_evidence && after.score.0.abs_diff(before.score.0) <= 1,
        format!(
            "until the verdict the review's evidence is out, exactly: score {} ppm",
            after.score
        ),
    )?;
    stage.conserved().await?;
    Ok(challenged)
}

/// The people of all operators but one look at the review and leave their decision. That one leaves it to its judge, which sees no outage and a package that was never used.
fn decide(stage: &mut Stage<'_>, case: CaseId) -> anyhow::Result<()> {
    let deciding = (0..OPERATORS).filter(|operator| *operator != DISSENTER);
    for operator in deciding.clone() {
        let state = stage
            .layout
            .path(&format!("{}/state/verdicts", operator_name(operator)));
        let decisions = Decisions::new(&state, &stage.network.operators.domain);
        decisions.decide(case, true, "we tried the addresses ourselves".to_owned())?;
    }
    stage.saw(
        true,
        format!(
            "the people of {} operators decide to uphold it if it is challenged, the other leaves it to its judge",
            deciding.count()
        ),
    )
}

/// All operators seal their verdicts.
async fn committed(stage: &mut Stage<'_>, case: CaseId) -> anyhow::Result<()> {
    let view = until(stage, case, |vote| vote.committed).await?;
    let sealed = view.votes.iter().all(|vote| vote.upheld.is_none());
    stage.saw(
        view.votes.len() == OPERATORS && sealed,
        format!(
            "{} operators committed by themselves; what to, nobody can tell",
            view.votes.len()
        ),
    )
}

/// The time for commitments over, all operators open their verdicts.
async fn revealed(stage: &mut Stage<'_>, case: CaseId) -> anyhow::Result<()> {
    let view = until(stage, case, |vote| vote.upheld.is_some()).await?;
    let (upheld, all) = (
        view.votes.iter().filter(|vote| vote.upheld == Some(true)).count(),
        view.votes.len(),
    );
    stage.saw(
        upheld == OPERATORS - 1 && all == OPERATORS,
        format!("after the commitments all reveal: {upheld} of {all} uphold the review"),
    )
}

/// Waits until all votes on a case are so.
async fn until(
    stage: &Stage<'_>,
    case: CaseId,
    done: impl Fn(&VoteView) -> bool,
) -> anyhow::Result<CaseView> {
    let deadline = Instant::now() + Duration::from_secs(WAIT);
    loop {
        let view = stage.session.client.case(case).await?;
        if view.votes.iter().all(&done) {
            return Ok(view);
        }
        if Instant::now() > deadline {
            bail!("operators do not vote on {case}: {:?}", view.votes);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a review is decided.
pub(super) async fn decided(
    stage: &Stage<'_>,
    purchase: PurchaseId,
    expected: ReviewStage,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(WAIT);
    loop {
        let state = stage.session.client.review(purchase).await?.stage;
        if state == expected {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the review of {purchase} is {state}, not {expected}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The review that nobody challenged stands: its fee is spent, the purchase refunded. `paid` is what the consumer paid for
/// both purchases and both reviews.
async fn stands(
    stage: &mut Stage<'_>,
    buyer: &PrivateKeySigner,
    purchase: PurchaseId,
    paid: Amount,
) -> anyhow::Result<()> {
    decided(stage, purchase, ReviewStage::Stood).await?;
    let view = stage.session.client.purchase(purchase).await?;
    stage.saw(
        view.closed && view.refunded == view.record.fee,
        format!(
            "unchallenged, the first review stands; {}, all of it unused, are refunded",
            tokens(view.refunded)
        ),
    )?;
    let account = stage.account(buyer).await?;
    stage.saw(
        account.balance.0 == FUNDS.0 - paid.0 + view.refunded.0,
        format!("the second consumer has {} left", tokens(account.balance)),
    )?;
    stage.conserved().await
}
