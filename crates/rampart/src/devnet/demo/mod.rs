//! The demonstration: the way of a purchase, step by step, against the running devnet. Each step says what was seen;
//! the first that does not hold ends it with an error.

mod books;
mod bundle;
mod calls;
mod chain;
mod epoch;
mod leaving;
mod refusals;
mod restaking;
mod reviews;
mod screening;
mod settlement;
mod survival;
mod unbonding;
mod verdict;

use super::children::Children;
use super::layout::Layout;
use super::market::Market;
use super::network::Network;
use crate::output::{self, OutputError};
use anyhow::{Context, bail};
use rampart_protocol::{Address, Amount};
use std::time::Instant;

/// What every step works on.
pub(super) struct Stage<'a> {
    layout: &'a Layout,
    network: &'a Network,
    market: &'a Market,
    session: crate::session::Session,
    http: reqwest::Client,
    checks: usize,
    /// Every account that holds balance.
    holders: Vec<Address>,
    /// The service that nobody serves.
    bundle: Option<bundle::Bundle>,
}

impl Stage<'_> {
    /// Opens a step.
    fn step(&self, number: usize, title: &str) -> Result<(), OutputError> {
        output::line(&format!("\n{number}. {title}"))
    }

    /// Says what was seen, if it is what it must be.
    fn saw(&mut self, holds: bool, what: impl Into<String>) -> anyhow::Result<()> {
        let what = what.into();
        if !holds {
            bail!("does not hold: {what}");
        }
        self.checks += 1;
        Ok(output::line(&format!("   ok  {what}"))?)
    }
}

/// Runs the whole scenario.
pub async fn run(
    layout: &Layout,
    network: &Network,
    market: &Market,
    children: &mut Children,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let accounts = &layout.accounts;
    let users = [&accounts.consumer, &accounts.providers[0], &accounts.providers[1]];
    let holders = users.into_iter().chain(&accounts.operators);
    let mut stage = Stage {
        layout,
        network,
        market,
        session: super::market::session(layout, network)?,
        http: reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(30))
            .build()?,
        checks: 0,
        holders: holders.map(|signer| signer.address()).collect(),
        bundle: None,
    };
    chain::deposit(&mut stage).await.context("step 1")?;
    chain::offers(&mut stage).await.context("step 2")?;
    unbonding::begin(&mut stage).await.context("step 2")?;
    let trial = chain::confirmations(&mut stage).await.context("step 3")?;
    screening::transfer(&mut stage).await.context("step 4")?;
    screening::approval(&mut stage).await.context("step 5")?;
    refusals::all(&mut stage, &trial).await.context("step 6")?;
    survival::kill_one(&mut stage, children).await.context("step 7")?;
    bundle::sell(&mut stage).await.context("step 8")?;
    reviews::judge(&mut stage).await.context("step 9")?;
    epoch::rewards(&mut stage).await.context("step 10")?;
    unbonding::end(&mut stage).await.context("step 11")?;
    settlement::pay(&mut stage, &trial).await.context("step 12")?;
    restaking::govern(&mut stage).await.context("step 13")?;
    restaking::equivocate(&mut stage).await.context("step 14")?;
    restaking::withdraw(&mut stage).await.context("step 15")?;
    leaving::everybody(&mut stage, children)
        .await
        .context("step 16")?;
    Ok(output::line(&format!(
        "\nAll {} checks hold, in {:.0} s.",
        stage.checks,
        started.elapsed().as_secs_f64()
    ))?)
}

/// Whole tokens, for a person.
fn tokens(amount: Amount) -> String {
    format!("{} tokens", amount.to_tokens())
}
