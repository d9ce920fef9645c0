//! Step 7: one operator of four dies, the market goes on, and it comes back to the same state.

use super::Stage;
use crate::consumer::{self, Order};
use crate::devnet::children::Children;
use crate::devnet::layout::url;
use crate::devnet::market::{WAIT, session, wallet};
use crate::devnet::network::{operator_name, wait_for_operator};
use crate::session::Session;
use rampart_client::NodeClient;
use rampart_protocol::{Seconds, TrustedOperators};
use std::time::Duration;

/// The one that is killed.
const VICTIM: usize = 3;

pub async fn kill_one(stage: &mut Stage<'_>, children: &mut Children) -> anyhow::Result<()> {
    stage.step(
        7,
        "One operator is killed; purchases go on; it restarts, catches up and agrees",
    )?;
    let victim = operator_name(VICTIM);
    let pid = children.pid(&victim);
    children.kill(&victim).await?;
    let client = NodeClient::new(vec![url(stage.layout.api(VICTIM))]);
    stage.saw(
        client.status().await.is_err(),
        format!("{victim} (process {pid}) is gone, by SIGKILL"),
    )?;

    let survivors: Vec<String> = (0..VICTIM)
        .map(|operator| url(stage.layout.api(operator)))
        .collect();
    let trusted = TrustedOperators::new(0, stage.network.operators.clone());
    let without = Session::new(survivors, &trusted)?;
    let consumer = stage.layout.accounts.consumer.clone();
    let order = Order {
        service: stage.market.providers[1].services[1].id,
        duration: Some(Seconds(3600)),
    };
    let mut last = 0;
    for _ in 0..3 {
        let bought = consumer::buy(&without, &consumer, &wallet(stage.layout), order, WAIT).await?;
        last = bought.confirmation.header.height;
        stage.saw(
            true,
            format!(
                "bought {} at height {last}, confirmed by the other three",
                bought.confirmation.record.id
            ),
        )?;
    }

    children.restart(&victim)?;
    wait_for_operator(stage.layout, children, VICTIM, last).await?;
    let agreed = agreement(stage, VICTIM).await?;
    stage.saw(
        agreed.is_some(),
        format!("restarted, caught up: {}", agreed.unwrap_or_default()),
    )?;
    let account = client.account(consumer.address()).await?;
    let elsewhere = session(stage.layout, stage.network)?
        .client
        .account(consumer.address())
        .await?;
    stage.saw(
        account == elsewhere,
        "and tells the consumer's balance as the others do",
    )
}

/// Asks an operator and the first one until both tell the same height; then compares the state roots.
async fn agreement(stage: &Stage<'_>, operator: usize) -> anyhow::Result<Option<String>> {
    let (one, other) = (
        NodeClient::new(vec![url(stage.layout.api(0))]),
        NodeClient::new(vec![url(stage.layout.api(operator))]),
    );
    for _ in 0..200 {
        let (one, other) = tokio::join!(one.status(), other.status());
        let (one, other) = (one?, other?);
        if one.height == other.height {
            let same = one.state_root == other.state_root && one.digest == other.digest;
            return Ok(same.then(|| format!("state root {} at height {}", one.state_root, one.height)));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}
