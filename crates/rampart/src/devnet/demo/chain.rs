//! Steps 1 to 3: deposits wait for finality, providers and services are public, confirmations prove themselves.

use super::{Stage, tokens};
use crate::consumer::{self, Bought, Order, duration};
use crate::devnet::layout::url;
use crate::devnet::market::{WAIT, wallet};
use alloy::eips::BlockNumberOrTag;
use alloy::providers::{Provider, ProviderBuilder};
use anyhow::Context;
use rampart_chain::Settlement;
use rampart_client::{NodeClient, verify_confirmation};
use rampart_protocol::{Amount, Confirmation, Seconds};
use std::time::Duration;

pub async fn deposit(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        1,
        "The consumer deposits on the L2; operators credit only what is final there",
    )?;
    let consumer = stage.layout.accounts.consumer.clone();
    let l2 = ProviderBuilder::new().connect_http(url(stage.layout.l2()).parse()?);
    let nodes: Vec<NodeClient> = stage
        .layout
        .nodes()
        .into_iter()
        .map(|node| NodeClient::new(vec![node]))
        .collect();
    let before = stage.session.client.account(consumer.address()).await?.balance;
    let amount = Amount(500 * Amount::TOKEN.0);
    let settlement = Settlement::new(
        &url(stage.layout.l2()),
        stage.network.contracts.settlement,
        Some(consumer.clone()),
    )?;
    let (transaction, block) = settlement.deposit(consumer.address(), amount).await?;
    stage.saw(
        true,
        format!(
            "{} deposited in block {block}, transaction {transaction}",
            tokens(amount)
        ),
    )?;

    let (mut early, mut credited) = (Vec::new(), vec![None; nodes.len()]);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(WAIT);
    while credited.iter().any(Option::is_none) && tokio::time::Instant::now() < deadline {
        for (node, seen) in nodes.iter().zip(&mut credited).filter(|(_, seen)| seen.is_none()) {
            // Asked in this order, a credit that is seen before finality was given before finality.
            let balance = node.account(consumer.address()).await?.balance;
            let last = l2
                .get_block_by_number(BlockNumberOrTag::Finalized)
                .await?
                .context("the L2 has no final block")?;
            let is_final = last.header.number >= block;
            match (balance > before, is_final) {
                (true, true) => *seen = Some(last.header.number),
                (true, false) => {
                    anyhow::bail!("credited before block {block} was final ({})", last.header.number)
                }
                (false, is_final) => early.push(is_final),
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waited = early.iter().filter(|is_final| !**is_final).count();
    stage.saw(
        waited > 0,
        format!("asked {waited} times before block {block} was final, no operator had credited it"),
    )?;
    let all = credited.iter().flatten().count();
    stage.saw(
        all == nodes.len(),
        format!("all {all} operators credited it once the block was final"),
    )?;
    let after = stage.session.client.account(consumer.address()).await?.balance;
    stage.saw(
        after.0 == before.0 + amount.0,
        format!("balance {} -> {}", tokens(before), tokens(after)),
    )
}

pub async fn offers(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(2, "Two vendors are registered, staked, and offer services")?;
    for provider in &stage.market.providers.clone() {
        let view = stage.session.client.provider(provider.id).await?;
        stage.saw(
            view.stake >= view.required_stake && view.stake > Amount::ZERO,
            format!(
                "provider {} ({}): stake {}, score {} ppm",
                view.id,
                view.name,
                tokens(view.stake),
                view.score
            ),
        )?;
        for service in stage
            .session
            .client
            .services(Some(provider.id), None, 50)
            .await?
            .services
        {
            stage.saw(
                service.requests > 0
                    && !service.description.is_empty()
                    && service.min_duration < service.max_duration,
                format!(
                    "service {}: {}; {}, {} requests for {}, valid {} to {}",
                    service.id,
                    service.description,
                    service.category.name(),
                    service.requests,
                    tokens(service.fee),
                    duration(service.min_duration),
                    duration(service.max_duration)
                ),
            )?;
        }
    }
    Ok(())
}

pub async fn confirmations(stage: &mut Stage<'_>) -> anyhow::Result<Bought> {
    stage.step(
        3,
        "The consumer buys; the confirmation verifies offline, and no bit of it can change",
    )?;
    let service = stage.market.providers[0].services[1].id;
    let order = Order {
        service,
        duration: Some(Seconds(3600)),
    };
    let consumer = stage.layout.accounts.consumer.clone();
    let before = stage.session.client.account(consumer.address()).await?.balance;
    let bought = consumer::buy(&stage.session, &consumer, &wallet(stage.layout), order, WAIT).await?;
    let after = stage.session.client.account(consumer.address()).await?.balance;
    let record = bought.confirmation.record;
    stage.saw(
        before.0 - after.0 == record.fee.0 && record.consumer == consumer.address(),
        format!(
            "purchase {}: {} by {} from provider {}, service {}, expires at {}",
            record.id,
            tokens(record.fee),
            record.consumer,
            record.provider,
            record.service,
            record.expires_at
        ),
    )?;
    let operators = stage.network.operators.clone();
    let encoded = bought.confirmation.to_bytes();
    let verified = verify_confirmation(&bought.confirmation, &operators).is_ok();
    stage.saw(
        verified,
        format!("{} bytes verify against the operator set alone", encoded.len()),
    )?;
    let flipped = tokio::task::spawn_blocking(move || survivors(&encoded, &operators)).await??;
    stage.saw(
        flipped.1.is_empty(),
        format!("each of {} single flipped bits makes it fail", flipped.0),
    )?;
    let stranger = {
        let mut set = stage.network.operators.clone();
        set.domain.chain_id += 1;
        set
    };
    let foreign = verify_confirmation(&bought.confirmation, &stranger).is_err();
    stage.saw(foreign, "it fails for another deployment")?;
    Ok(bought)
}

/// Flips every bit; returns how many there are, and which flips still verify.
fn survivors(
    encoded: &[u8],
    operators: &rampart_protocol::OperatorSet,
) -> anyhow::Result<(usize, Vec<usize>)> {
    let verifier = rampart_client::verify::Verifier::new(operators)?;
    let holds = |bit: &usize| {
        let mut bytes = encoded.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Confirmation::from_bytes(&bytes).is_ok_and(|confirmation| verifier.verify(&confirmation).is_ok())
    };
    Ok((encoded.len() * 8, (0..encoded.len() * 8).filter(holds).collect()))
}
