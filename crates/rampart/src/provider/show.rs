//! What there is to see of a provider: its standing, its purchases, its reviews.

use crate::args::{NodeArgs, OutputArgs};
use crate::output;
use crate::session::Session;
use rampart_protocol::api::{PurchaseView, ReviewView};
use rampart_protocol::{Amount, ProviderId};

/// Shows a provider's standing.
pub async fn show(provider: ProviderId, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let view = Session::open(node).await?.client.provider(provider).await?;
    output::print(output, &view, |view| {
        let mut lines = vec![
            format!("{} ({}), {}", view.name, view.id, view.status),
            format!("owner      {}", view.owner),
            format!("endpoint   {}", view.endpoint),
            format!("score      {} ppm", view.score),
            format!(
                "stake      {} tokens, {} required",
                view.stake.to_tokens(),
                view.required_stake.to_tokens()
            ),
            format!(
                "escrow     {} tokens, {} claimable",
                view.escrow.to_tokens(),
                view.claimable.to_tokens()
            ),
            format!("wait       {} seconds", view.wait),
            format!("claimed    {} tokens so far", view.claimed.to_tokens()),
            format!("purchases  {}", view.purchases),
        ];
        for part in &view.unbonding {
            lines.push(format!(
                "unbonding  {} tokens, released from {} on",
                part.amount.to_tokens(),
                part.release_at
            ));
        }
        if view.auto_stake.0 > 0 {
            lines.push(format!("staked     {} ppm of each claim", view.auto_stake));
        }
        if view.bonds > Amount::ZERO {
            lines.push(format!("bonds      {} tokens", view.bonds.to_tokens()));
        }
        lines.extend(
            view.open_case
                .map(|case| format!("case       {case} on its expulsion")),
        );
        lines
    })
}

/// Lists a page of purchases.
pub async fn purchases(
    provider: ProviderId,
    after: Option<u64>,
    node: &NodeArgs,
    output: OutputArgs,
) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let page = session.client.purchases_of(provider, after, 200).await?;
    output::print(output, &page, |page| {
        let line = |purchase: &PurchaseView| {
            let record = &purchase.record;
            format!(
                "{}  service {} by {}, used {} of {}, expires {}",
                record.id, record.service, record.consumer, purchase.used, record.requests, record.expires_at
            )
        };
        page.purchases
            .iter()
            .map(line)
            .chain(page.next.map(|next| format!("more: --after {next}")))
            .collect()
    })
}

/// Lists a page of reviews.
pub async fn reviews(
    provider: ProviderId,
    after: Option<u64>,
    node: &NodeArgs,
    output: OutputArgs,
) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let page = session.client.reviews_of(provider, after, 200).await?;
    output::print(output, &page, |page| {
        let line = |review: &ReviewView| {
            format!(
                "{}  {}, by {}, filed {}: {}",
                review.purchase,
                review.stage,
                review.consumer,
                review.filed_at,
                // A comment may have several lines; a list has one for each review.
                review.comment.replace('\n', " ")
            )
        };
        page.reviews
            .iter()
            .map(line)
            .chain(page.next.map(|next| format!("more: --after {next}")))
            .collect()
    })
}
