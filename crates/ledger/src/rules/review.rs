//! Negative reviews and their challenge (C7, S2, V8).
//!
//! A review counts from its publication. A challenge takes its evidence out, exactly, until the verdict; an upheld review
//! counts as if it had never been challenged, an overturned or dropped one as if it had never been written.

use super::funds::{account, credit, debit, give, take};
use super::rewards::{self, Beneficiary};
use super::text::check_text;
use super::{case, check_owner, expulsion, refund, slash};
use crate::decay::{Decaying, Steps};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::math::ppm_of_up;
use crate::params::Params;
use crate::record::{Provider, Purchase, QueueKind, Review, ReviewState, Subject};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::{self, Challenge};
use rampart_protocol::verdict::review as review_case;
use rampart_protocol::{Address, Amount, B256, PurchaseId};

/// The fee of a review of a purchase: a share of what was paid, rounded up, and no less than the least.
#[must_use]
pub fn review_fee(params: &Params, purchase_fee: Amount) -> Option<Amount> {
    let share = ppm_of_up(purchase_fee, params.review_fee_share)?;
    Some(share.max(params.review_fee_min))
}

/// Publishes a review; it counts at once.
pub(super) fn file<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &message::Review,
) -> Result<(), Fault> {
    check_text("the comment", &m.comment, true)?;
    let mut purchase = draft.purchase(m.purchase)?;
    check_reviewer(signer, &purchase)?;
    let overflow = |what| Reject::Overflow { what };
    let asked = review_fee(&draft.params, purchase.record.fee).ok_or(overflow("the review's fee"))?;
    check_deposit("the review's fee", m.fee, asked)?;
    check_reviewable(draft, &purchase)?;
    debit(draft, signer, m.fee)?;
    let consumer = account(draft, signer)?;
    give(&mut consumer.deposits, m.fee, "the account's deposits")?;
    give(&mut draft.globals.deposits, m.fee, "the sum of deposits held")?;
    let times = u128::from(draft.params.negative_weight.0);
    let weight = (purchase.evidence.0.checked_mul(times))
        .and_then(|evidence| Decaying::of(evidence, draft.score_steps()))
        .ok_or(overflow("the review's evidence"))?;
    let mut provider = accused(draft, &purchase)?;
    provider.negative = (provider.negative.plus(&weight)).ok_or(overflow("the provider's evidence"))?;
    let now = draft.now();
    let until = now.checked_add(draft.params.challenge_window);
    let review = Review {
        purchase: m.purchase,
        provider: provider.id,
        consumer: signer,
        state: ReviewState::Open,
        fee: m.fee,
        bond: Amount::ZERO,
        comment: m.comment.clone(),
        consumer_evidence: m.evidence,
        provider_evidence: B256::ZERO,
        filed_at: now,
        challenge_until: until.ok_or(overflow("the challenge window"))?,
        round: 0,
        pardons: provider.pardons,
        weight,
    };
    super::begin::enqueue(draft, QueueKind::Challenge, review.challenge_until, m.purchase.0)?;
    draft.emit(Event::Reviewed {
        purchase: m.purchase,
        provider: provider.id,
        consumer: signer,
        fee: m.fee,
        comment: m.comment.clone(),
        evidence: m.evidence,
    });
    purchase.reviewed = true;
    draft.put(purchase);
    draft.put(review);
    expulsion::accuse(draft, &mut provider)?;
    draft.put(provider);
    Ok(())
}

/// Whether the signer may review the purchase.
fn check_reviewer(signer: Address, purchase: &Purchase) -> Result<(), Reject> {
    let (id, consumer) = (purchase.record.id, purchase.record.consumer);
    if consumer != signer {
        return Err(Reject::NotConsumer {
            purchase: id,
            consumer,
            signer,
        });
    }
    if purchase.reviewed {
        return Err(Reject::AlreadyReviewed { purchase: id });
    }
    Ok(())
}

/// Whether the purchase can be reviewed now.
fn check_reviewable<V: View>(draft: &Draft<'_, V>, purchase: &Purchase) -> Result<(), Reject> {
    if purchase.closed {
        return Err(Reject::PurchaseClosed {
            purchase: purchase.record.id,
        });
    }
    let until = purchase.record.expires_at.checked_add(draft.params.review_window);
    match until {
        Some(until) if draft.now() > until => Err(Reject::TooLate {
            what: "a review",
            until,
        }),
        _ => Ok(()),
    }
}

fn check_deposit(what: &'static str, signed: Amount, asked: Amount) -> Result<(), Reject> {
    if signed == asked {
        Ok(())
    } else {
        Err(Reject::DepositMismatch { what, signed, asked })
    }
}

fn accused<V: View>(draft: &Draft<'_, V>, purchase: &Purchase) -> Result<Provider, Fault> {
    draft.existing(
        &Key::provider(purchase.record.provider),
        "a purchase names a provider that does not exist",
    )
}

/// Challenges a review: it does not count until the verdict.
pub(super) fn challenge<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &Challenge,
) -> Result<(), Fault> {
    let purchase = draft.purchase(m.purchase)?;
    let mut provider = accused(draft, &purchase)?;
    check_owner(&provider, signer)?;
    let found: Option<Review> = draft.find(&Key::review(&m.purchase))?;
    let mut review = found.ok_or(Reject::UnknownReview { purchase: m.purchase })?;
    check_deposit("the bond", m.bond, review.fee)?;
    let until = review.challenge_until;
    if draft.now() > until {
        return Err(Reject::TooLate {
            what: "a challenge",
            until,
        }
        .into());
    }
    if review.state != ReviewState::Open {
        return Err(Reject::NotChallengeable { purchase: m.purchase }.into());
    }
    debit(draft, signer, m.bond)?;
    give(&mut provider.bonds, m.bond, "the provider's bonds")?;
    give(&mut draft.globals.bonds, m.bond, "the sum of bonds")?;
    provider.negative = without(&provider, &review, draft.score_steps())?;
    review.bond = m.bond;
    review.provider_evidence = m.evidence;
    review.state = ReviewState::Challenged;
    review.round = 1;
    draft.emit(Event::Challenged {
        purchase: m.purchase,
        provider: provider.id,
        bond: m.bond,
        evidence: m.evidence,
    });
    case::open(draft, review_case(m.purchase), Subject::Review, provider.id, 1)?;
    draft.put(review);
    expulsion::relieve(draft, &mut provider);
    draft.put(provider);
    Ok(())
}

/// The provider's negative evidence without a review's. Once a sum is empty it does not tell since when, so a review of
/// which nothing is left may be missing from it.
fn without(provider: &Provider, review: &Review, now: Steps) -> Result<Decaying, Corrupt> {
    let is_decayed = provider.negative == Decaying::NOTHING && review.weight.value(now) == 0;
    if is_decayed || is_forgotten(provider, review) {
        return Ok(provider.negative);
    }
    provider.negative.minus(&review.weight).ok_or(Corrupt {
        key: provider.key(),
        what: "the evidence of a review is not in its provider's",
    })
}

/// Whether a pardon has forgotten the evidence of a review.
const fn is_forgotten(provider: &Provider, review: &Review) -> bool {
    provider.pardons != review.pardons
}

/// What a review moves when it is settled: itself, the purchase, the provider.
fn load<V: View>(draft: &Draft<'_, V>, purchase: PurchaseId) -> Result<(Review, Purchase, Provider), Fault> {
    let review: Review = draft.existing(
        &Key::review(&purchase),
        "a case names a review that does not exist",
    )?;
    let purchase: Purchase = draft.existing(&Key::purchase(&purchase), "a review names no purchase")?;
    let provider = accused(draft, &purchase)?;
    Ok((review, purchase, provider))
}

/// The challenge window is over: an unchallenged review stands, its fee goes to the pool, and what was not used is
/// refunded.
pub(super) fn stand<V: View>(draft: &mut Draft<'_, V>, purchase: PurchaseId) -> Result<(), Fault> {
    let (mut review, purchase, mut provider) = load(draft, purchase)?;
    if review.state != ReviewState::Open {
        return Ok(());
    }
    take_fee(draft, &review)?;
    give(&mut draft.globals.pool, review.fee, "the pool")?;
    review.state = ReviewState::Stood;
    draft.emit(Event::ReviewStood {
        purchase: review.purchase,
        provider: provider.id,
    });
    draft.put(review);
    if !purchase.closed {
        refund::refund_unused(draft, &mut provider, purchase)?;
    }
    draft.put(provider);
    Ok(())
}

/// The review's fee leaves the deposits; the caller says where to.
fn take_fee<V: View>(draft: &mut Draft<'_, V>, review: &Review) -> Result<(), Fault> {
    let consumer = account(draft, review.consumer)?;
    take(&mut consumer.deposits, review.fee)?;
    take(&mut draft.globals.deposits, review.fee)
}

/// The provider's bond leaves the bonds; the caller says where to.
fn take_bond<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    review: &Review,
) -> Result<(), Fault> {
    take(&mut provider.bonds, review.bond)?;
    take(&mut draft.globals.bonds, review.bond)
}

/// Gives the loser's deposit half to the winner, and half to those who judged. Nobody judged when governance did: then
/// that half is the pool's, as is what rounding leaves.
fn award<V: View>(
    draft: &mut Draft<'_, V>,
    deposit: Amount,
    winner: Address,
    judges: &[Beneficiary],
) -> Result<(), Fault> {
    let half = Amount(deposit.0 / 2);
    let rest = Amount(deposit.0 - half.0);
    credit(draft, winner, half)?;
    rewards::divide(draft, rest, judges)
}

/// Executes a verdict on a review.
pub(super) fn settle<V: View>(
    draft: &mut Draft<'_, V>,
    purchase: PurchaseId,
    upheld: bool,
    judges: &[Beneficiary],
) -> Result<(), Fault> {
    let (mut review, purchase, mut provider) = load(draft, purchase)?;
    take_fee(draft, &review)?;
    take_bond(draft, &mut provider, &review)?;
    let fee = purchase.record.fee;
    if upheld {
        review.state = ReviewState::Upheld;
        credit(draft, review.consumer, review.fee)?;
        award(draft, review.bond, review.consumer, judges)?;
        if !is_forgotten(&provider, &review) {
            provider.negative = (provider.negative.plus(&review.weight)).ok_or(Reject::Overflow {
                what: "the provider's evidence",
            })?;
        }
        if !purchase.closed {
            refund::refund_unused(draft, &mut provider, purchase)?;
        }
        let overflow = Reject::Overflow { what: "the slash" };
        let share = ppm_of_up(fee, draft.params.slash_review).ok_or(overflow)?;
        let amount = share.max(draft.params.slash_review_min);
        slash::slash_to_pool(draft, &mut provider, amount, judges)?;
        expulsion::accuse(draft, &mut provider)?;
    } else {
        review.state = ReviewState::Overturned;
        credit(draft, provider.owner, review.bond)?;
        award(draft, review.fee, provider.owner, judges)?;
    }
    draft.put(review);
    draft.put(provider);
    Ok(())
}

/// Asks governance for the verdict.
pub(super) fn escalate<V: View>(draft: &mut Draft<'_, V>, purchase: PurchaseId) -> Result<(), Fault> {
    let (mut review, ..) = load(draft, purchase)?;
    review.state = ReviewState::Escalated;
    draft.put(review);
    Ok(())
}

/// Notes that a second round began.
pub(super) fn retry<V: View>(
    draft: &mut Draft<'_, V>,
    purchase: PurchaseId,
    round: u32,
) -> Result<(), Fault> {
    let (mut review, ..) = load(draft, purchase)?;
    review.round = round;
    draft.put(review);
    Ok(())
}

/// Nobody decided: both deposits return, and the review never counted.
pub(super) fn drop<V: View>(draft: &mut Draft<'_, V>, purchase: PurchaseId) -> Result<(), Fault> {
    let (mut review, _, mut provider) = load(draft, purchase)?;
    take_fee(draft, &review)?;
    take_bond(draft, &mut provider, &review)?;
    credit(draft, review.consumer, review.fee)?;
    credit(draft, provider.owner, review.bond)?;
    review.state = ReviewState::Dropped;
    draft.put(review);
    draft.put(provider);
    Ok(())
}
