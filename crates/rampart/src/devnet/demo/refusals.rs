//! Step 6: what a sidecar refuses, each with its own status and code.

use super::Stage;
use super::calls::{answer, sign};
use crate::consumer::{self, Bought, Order};
use crate::devnet::layout::url;
use crate::devnet::market::{WAIT, wallet};
use rampart_protocol::Seconds;
use serde_json::json;
use std::time::Duration;

/// Seconds until the purchase that expires does.
const SHORT: u64 = 4;

pub async fn all(stage: &mut Stage<'_>, trial: &Bought) -> anyhow::Result<()> {
    stage.step(6, "The sidecar refuses what is not paid for")?;
    let (sidecar, path) = (stage.layout.sidecar(0), "/trial/v1/screen");
    let purchase = wallet(stage.layout).load(trial.confirmation.record.id)?;
    let http = stage.http.clone();
    let consumer = stage.layout.accounts.consumer.clone();
    // Bought now, so that it expires while the rest is tried.
    let short = Order {
        service: stage.market.providers[0].services[1].id,
        duration: Some(Seconds(SHORT)),
    };
    let expiring = consumer::buy(&stage.session, &consumer, &wallet(stage.layout), short, WAIT).await?;
    let body = screen_request(stage);

    let offer = answer(
        http.post(format!("{}{path}", url(sidecar)))
            .json(&body)
            .send()
            .await?,
    )
    .await?;
    let fee = offer
        .body
        .pointer("/accepts/0/maxAmountRequired")
        .cloned()
        .unwrap_or_default();
    stage.saw(
        offer.status == 402 && fee.is_string(),
        format!("no token: 402, with an offer at {fee} base units"),
    )?;

    let first = sign(&purchase, 1, sidecar, path, &body)?;
    let served = first.send(&http).await?;
    stage.saw(
        served.status == 200,
        format!(
            "request 1 of {}: {}",
            purchase.record.requests, served.body["verdict"]
        ),
    )?;
    let mut seen = std::collections::BTreeSet::new();
    let mut refused =
        |stage: &mut Stage<'_>, what: &str, answer: super::calls::Answer, status: u16, code: &str| {
            seen.insert(answer.code.clone());
            let text = format!("{what}: {} {}", answer.status, answer.code);
            stage.saw(answer.status == status && answer.code == code, text)
        };
    refused(
        stage,
        "the same token again",
        first.send(&http).await?,
        409,
        "replayed",
    )?;

    let other = wallet(stage.layout).load(stage.market.packages[1])?;
    let foreign = sign(&other, 900, sidecar, path, &body)?;
    refused(
        stage,
        "a token for another vendor's purchase",
        foreign.send(&http).await?,
        403,
        "wrong_provider",
    )?;

    let mut altered = sign(&purchase, 2, sidecar, path, &body)?;
    altered.body.push(b' ');
    refused(
        stage,
        "an altered body",
        altered.send(&http).await?,
        400,
        "digest_mismatch",
    )?;
    altered.digest = rampart_protocol::http_signature::content_digest(&altered.body);
    refused(
        stage,
        "an altered body with its own digest",
        altered.send(&http).await?,
        401,
        "bad_signature",
    )?;

    let over = sign(&purchase, purchase.record.requests + 1, sidecar, path, &body)?;
    refused(stage, "request N+1", over.send(&http).await?, 429, "exhausted")?;

    let expiring = wallet(stage.layout).load(expiring.confirmation.record.id)?;
    tokio::time::sleep(Duration::from_secs(SHORT + 1)).await;
    let late = sign(&expiring, 1, sidecar, path, &body)?;
    refused(
        stage,
        "an expired purchase",
        late.send(&http).await?,
        410,
        "expired",
    )?;
    let different = seen.len();
    stage.saw(different == 6, format!("{different} reasons, {different} codes"))?;

    for sequence in 2..=purchase.record.requests {
        let served = sign(&purchase, sequence, sidecar, path, &body)?
            .send(&http)
            .await?;
        stage.saw(
            served.status == 200,
            format!("request {sequence} is still served: {}", served.body["verdict"]),
        )?;
    }
    Ok(())
}

fn screen_request(stage: &Stage<'_>) -> serde_json::Value {
    let accounts = &stage.layout.accounts;
    json!({
        "chainId": "0x7a69",
        "transaction": {
            "from": accounts.consumer.address(), "to": accounts.fresh.address(), "value": "0x1", "data": "0x", "gas": "0x5208",
        },
    })
}
