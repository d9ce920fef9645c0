//! What is sold and bought on a devnet: two vendors with their sidecars, the consumer's packages, the gateway.

use super::children::Children;
use super::layout::{Layout, url};
use super::network::{Network, PASSWORD, wait_for_port};
use super::{Args, progress};
use crate::consumer::{self, CategoryArg, Order};
use crate::keys;
use crate::provider::{self, Terms, register_service};
use crate::session::Session;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail};
use rampart_chain::Settlement;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::api::ServiceView;
use rampart_protocol::{Amount, ProviderId, PurchaseId, ServiceId, TrustedOperators};
use std::time::Duration;

/// Seconds to wait for a transaction.
pub const WAIT: u64 = 30;
/// Deposited by each account that uses the ledger.
pub const DEPOSIT: Amount = Amount(20_000 * Amount::TOKEN.0);
const STAKE: Amount = Amount(5_000 * Amount::TOKEN.0);

/// A provider on the market.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// What it offers: the screening package, and a trial of three requests that may expire after a second.
    pub services: Vec<ServiceView>,
}

/// Everything sold and bought.
#[derive(Clone, Debug)]
pub struct Market {
    /// The threat vendor, then the simulation vendor.
    pub providers: Vec<Provider>,
    /// The gateway's packages, one a vendor.
    pub packages: Vec<PurchaseId>,
}

/// Name of a sidecar's process.
pub fn sidecar_name(provider: usize) -> String {
    format!("sidecar-{}", provider + 1)
}

impl Market {
    /// Fills the market and starts what serves it.
    pub async fn open(
        args: &Args,
        layout: &Layout,
        network: &Network,
        children: &mut Children,
    ) -> anyhow::Result<Self> {
        write_keystores(layout)?;
        let session = session(layout, network)?;
        progress("depositing, registering two providers, offering services");
        let accounts = &layout.accounts;
        let users = [&accounts.consumer, &accounts.providers[0], &accounts.providers[1]];
        for user in users {
            Settlement::new(
                &url(layout.l2()),
                network.contracts.settlement,
                Some(user.clone()),
            )?
            .deposit(user.address(), DEPOSIT)
            .await?;
        }
        for user in users {
            wait_for_balance(&session, user, DEPOSIT).await?;
        }
        let mut providers = Vec::new();
        for (index, owner) in accounts.providers.iter().enumerate() {
            providers.push(register(layout, &session, index, owner).await?);
        }

        progress("starting vendors and sidecars");
        start_vendors(args, layout, children).await?;
        for (index, provider) in providers.iter().enumerate() {
            start_sidecar(layout, network, children, index, provider).await?;
        }

        progress("buying a package of each, starting the gateway");
        let wallet = wallet(layout);
        let mut packages = Vec::new();
        for provider in &providers {
            let order = Order {
                service: provider.services[0].id,
                duration: None,
            };
            let bought = consumer::buy(&session, &accounts.consumer, &wallet, order, WAIT).await?;
            packages.push(bought.confirmation.record.id);
        }
        start_gateway(layout, &providers, children).await?;
        Ok(Self { providers, packages })
    }
}

/// The consumer's purchases.
pub fn wallet(layout: &Layout) -> Wallet {
    Wallet::new(layout.path("consumer/purchases"))
}

/// A session that trusts the devnet's operators, whichever of them answers.
pub fn session(layout: &Layout, network: &Network) -> anyhow::Result<Session> {
    Session::new(
        layout.nodes(),
        &TrustedOperators::new(0, network.operators.clone()),
    )
}

/// Waits for a balance of at least `amount`.
pub async fn wait_for_balance(
    session: &Session,
    account: &PrivateKeySigner,
    amount: Amount,
) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(WAIT);
    while session.client.account(account.address()).await?.balance < amount {
        if tokio::time::Instant::now() > deadline {
            bail!(
                "the deposit of {} was not credited in {WAIT} seconds",
                account.address()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn write_keystores(layout: &Layout) -> anyhow::Result<()> {
    let accounts = &layout.accounts;
    let named = [
        ("consumer", &accounts.consumer),
        ("provider1", &accounts.providers[0]),
        ("provider2", &accounts.providers[1]),
        ("fresh", &accounts.fresh),
        ("consumer2", &accounts.consumer2),
        ("investor1", &accounts.investors[0]),
        ("investor2", &accounts.investors[1]),
    ];
    let operators = (1..).zip(&accounts.operators);
    let operators = operators.map(|(number, signer)| (format!("operator{number}"), signer));
    let named = named.map(|(name, signer)| (name.to_owned(), signer)).into_iter();
    std::fs::create_dir_all(layout.path("keys"))?;
    keys::write_secret(&layout.path("keys/password"), PASSWORD)?;
    for (name, signer) in named.chain(operators) {
        keys::store(signer, &layout.path(&format!("keys/{name}.json")), PASSWORD)?;
    }
    Ok(())
}

async fn register(
    layout: &Layout,
    session: &Session,
    index: usize,
    owner: &PrivateKeySigner,
) -> anyhow::Result<Provider> {
    let (name, description, fee) = [
        (
            "Watchtower",
            "Phishing domains and malicious addresses, from public lists",
            "10",
        ),
        (
            "Rehearsal",
            "Simulates a transaction and flags approvals, drains and reverts",
            "20",
        ),
    ][index];
    let endpoint = url(layout.sidecar(index));
    // Where its route of the sidecar is: operators probe what is published.
    let trial_endpoint = format!("{endpoint}/trial");
    let (id, _) = provider::register(session, owner, name.to_owned(), endpoint, STAKE, WAIT).await?;
    let terms = |description: String, endpoint: String, requests, fee: &str, min_duration| {
        let fee = Amount::parse_tokens(fee).context("a fee in the devnet is malformed")?;
        let category = CategoryArg::TransactionSecurity;
        anyhow::Ok(Terms {
            category,
            description,
            endpoint,
            openapi: None,
            requests,
            fee,
            min_duration,
            max_duration: 30 * 86_400,
            components: Vec::new(),
            upstream_key: None,
        })
    };
    let package = terms(description.to_owned(), String::new(), 1000, fee, 3600)?;
    let trial = terms(format!("Trial: {description}"), trial_endpoint, 3, "1", 1)?;
    let mut services = Vec::new();
    for terms in [package, trial] {
        let service: ServiceId = register_service(session, owner, id, terms, WAIT).await?;
        services.push(session.client.service(service).await?);
    }
    Ok(Provider { id, services })
}

async fn start_vendors(args: &Args, layout: &Layout, children: &mut Children) -> anyhow::Result<()> {
    let (threat, simulation) = (layout.vendor(0).to_string(), layout.vendor(1).to_string());
    let (list, node) = (args.phishing_list.display().to_string(), url(layout.l1()));
    children.start_self(
        "vendor-threat",
        ["vendor", "threat", "--listen", &threat, "--phishing-list", &list],
    )?;
    children.start_self(
        "vendor-simulation",
        [
            "vendor",
            "simulation",
            "--listen",
            &simulation,
            "--eth-node",
            &node,
        ],
    )?;
    wait_for_port(children, "vendor-threat", layout.vendor(0)).await?;
    wait_for_port(children, "vendor-simulation", layout.vendor(1)).await
}

async fn start_sidecar(
    layout: &Layout,
    network: &Network,
    children: &mut Children,
    index: usize,
    provider: &Provider,
) -> anyhow::Result<()> {
    let name = sidecar_name(index);
    let nodes: Vec<String> = layout.nodes().iter().map(|node| format!("{node:?}")).collect();
    let (folder, upstream) = (layout.path(&name), url(layout.vendor(index)));
    std::fs::create_dir_all(&folder)?;
    let mut config = format!(
        "listen = \"{}\"\nadmin_listen = \"{}\"\nprovider = {}\noperators_file = {:?}\nnodes = [{}]\nstate_dir = {:?}\nasset = \"{}\"\noffer_refresh_seconds = 5\n",
        layout.sidecar(index),
        layout.sidecar_admin(index),
        provider.id,
        layout.path("operators.json"),
        nodes.join(", "),
        folder.join("state"),
        network.contracts.utility_token,
    );
    for (service, prefix) in provider.services.iter().zip(["/", "/trial"]) {
        config += &format!(
            "\n[[services]]\nid = {}\npath_prefix = {prefix:?}\nupstream = {upstream:?}\n",
            service.id
        );
    }
    let path = folder.join("sidecar.toml");
    std::fs::write(&path, config)?;
    children.start_self(
        &name,
        [
            "sidecar".into(),
            "run".into(),
            "--config".into(),
            path.into_os_string(),
        ],
    )?;
    wait_for_port(children, &name, layout.sidecar(index)).await
}

async fn start_gateway(
    layout: &Layout,
    providers: &[Provider],
    children: &mut Children,
) -> anyhow::Result<()> {
    let folder = layout.path("gateway");
    std::fs::create_dir_all(&folder)?;
    let nodes: Vec<String> = layout.nodes().iter().map(|node| format!("{node:?}")).collect();
    let mut config = format!(
        "listen = \"{}\"\nupstream = {{ http = \"{}\", ws = \"{}\" }}\nstate = {:?}\nwallet = {:?}\nnodes = [{}]\noperators = {:?}\n\n[policy]\nmode = \"all\"\ntimeout_ms = 5000\non_error = \"fail-closed\"\n",
        layout.gateway(),
        url(layout.l1()),
        url(layout.l1()).replacen("http", "ws", 1),
        folder.join("state"),
        layout.path("consumer/purchases"),
        nodes.join(", "),
        layout.path("operators.json"),
    );
    for (provider, name) in providers.iter().zip(["threat", "simulation"]) {
        config += &format!(
            "\n[[services]]\nname = {name:?}\nservice = {}\nprovider = {}\n",
            provider.services[0].id, provider.id
        );
    }
    let path = folder.join("gateway.toml");
    std::fs::write(&path, config)?;
    children.start_self(
        "gateway",
        [
            "gateway".into(),
            "run".into(),
            "--config".into(),
            path.into_os_string(),
        ],
    )?;
    wait_for_port(children, "gateway", layout.gateway()).await
}
