//! `rampart provider`: register, stake, offer services, serve them, report usage, answer reviews, claim fees.

mod report;
mod show;
mod stake;
mod terms;

pub use report::{report, usage};
pub use stake::{challenge, register};
pub use terms::{Terms, register_service};

use crate::args::{NodeArgs, OutputArgs, SendArgs, percent, tokens};
use crate::session::open;
use crate::submit::{digest, purchase_id, submit};
use crate::telemetry::TraceArgs;
use crate::{output, serve};
use clap::Subcommand;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::message::{
    AddStake, Claim, Reinstate, ReleaseStake, SetAutoStake, Unbond, UpdateProvider,
};
use rampart_protocol::{Amount, Ppm, ProviderId, PurchaseId, ServiceId};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register as a provider and transfer its stake.
    Register {
        /// Name shown to consumers.
        #[arg(long)]
        name: String,
        /// Base URL where consumers call: the sidecar.
        #[arg(long)]
        endpoint: String,
        /// Whole tokens to stake.
        #[arg(long, value_parser = tokens)]
        stake: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Change name and endpoint.
    Update {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// New name.
        #[arg(long)]
        name: String,
        /// New base URL.
        #[arg(long)]
        endpoint: String,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Add to the stake.
    Stake {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// Whole tokens to add.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Begin to take stake out. It stays slashable until the unbonding period is over; then `release` pays it into the
    /// owner's balance. A provider that sells keeps the deposit that its revenue and score require.
    Unbond {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// Whole tokens to take out.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Move the stake whose unbonding period is over into the owner's balance.
    Release {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Set the share of each claim that goes to the stake instead of the owner's balance.
    AutoStake {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// Percent of each claim, such as 12.5; 0 for none.
        #[arg(value_parser = percent)]
        share: Ppm,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Challenge the negative review of a purchase, while its window is open. A bond as high as the review's fee is held;
    /// the review does not count until the operators have judged. Whoever loses forfeits its deposit, half of it to the
    /// other side; a review that is upheld costs a part of the stake too.
    Challenge {
        /// The purchase that was reviewed.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        /// File with evidence. Its keccak-256 digest is published; keep the file for the operators to ask for.
        #[arg(long)]
        evidence: Option<PathBuf>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Sell again after a suspension, once the score has recovered.
    Reinstate {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Offer a service, or a bundle of others' services (--component).
    ///
    /// A bundle is composed anew whenever a service that it bundles changes. Its fee covers its components' fees, its
    /// packages hold its requests, and it is sold for no other durations than they are. Each purchase of it makes a
    /// purchase of each component, confirmed like any other, whose requests are signed with --upstream-key.
    Offer {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Make a key with which requests to bundled services are signed, and print its public part. The seed stays in the
    /// wallet directory.
    UpstreamKey {
        /// Directory of purchases, where the key is stored.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Replace a service's terms, all of them; purchases keep those they were bought on. A new version costs the parameter
    /// `storage_fee`.
    UpdateService {
        /// The service.
        #[arg(long)]
        service: u64,
        #[command(flatten)]
        terms: Terms,
        /// Take it off the market.
        #[arg(long)]
        retire: bool,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Show stake, score, escrow and what can be claimed.
    Show {
        /// The provider.
        provider: u64,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the purchases of a provider's services.
    Purchases {
        /// The provider.
        provider: u64,
        /// Cursor of the last row seen.
        #[arg(long)]
        after: Option<u64>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the reviews of a provider's services.
    Reviews {
        /// The provider.
        provider: u64,
        /// Cursor of the last row seen.
        #[arg(long)]
        after: Option<u64>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Run the sidecar that serves and meters purchases.
    Serve {
        /// Its configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        traces: TraceArgs,
    },
    /// Report what the sidecar metered, proven by the consumers' signatures.
    Report {
        /// The sidecar's admin address.
        #[arg(long, default_value = "http://127.0.0.1:8601")]
        sidecar_admin: String,
        /// Only this purchase.
        #[arg(long, value_parser = purchase_id)]
        purchase: Option<PurchaseId>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Claim the fees whose waiting period is over.
    Claim {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        send: SendArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Register {
            name,
            endpoint,
            stake,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let (id, height) = register(&session, &signer, name, endpoint, stake, send.wait).await?;
            output::print(send.output, &json!({ "provider": id, "height": height }), |_| {
                vec![format!("provider {id} at height {height}")]
            })
        }
        Command::Offer {
            provider,
            terms,
            send,
        } => terms::offer(ProviderId(provider), terms, send).await,
        Command::UpdateService {
            service,
            terms,
            retire,
            send,
        } => terms::update(ServiceId(service), terms, retire, send).await,
        Command::UpstreamKey { wallet, output } => {
            let key = Wallet::new(wallet).create_key(rand::random())?;
            output::print(output, &json!({ "upstreamKey": key }), |_| vec![key.to_string()])
        }
        Command::Challenge {
            purchase,
            evidence,
            send,
        } => {
            let evidence = digest(evidence.as_deref())?;
            let (session, signer) = open(&send.node, &send.key).await?;
            let review = challenge(&session, &signer, purchase, evidence, send.wait).await?;
            output::print(send.output, &review, crate::consumer::review::describe)
        }
        Command::Report {
            sidecar_admin,
            purchase,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let reports = report(&session, &signer, &sidecar_admin, purchase, send.wait).await?;
            output::print(send.output, &reports, |reports| {
                reports
                    .iter()
                    .map(|(id, used)| format!("{id}  {used} used"))
                    .collect()
            })
        }
        Command::Serve { config, traces } => {
            serve::sidecar(serve::ServiceCommand::Run { config, traces }).await
        }
        Command::Show {
            provider,
            node,
            output,
        } => show::show(ProviderId(provider), &node, output).await,
        Command::Purchases {
            provider,
            after,
            node,
            output,
        } => show::purchases(ProviderId(provider), after, &node, output).await,
        Command::Reviews {
            provider,
            after,
            node,
            output,
        } => show::reviews(ProviderId(provider), after, &node, output).await,
        Command::Update {
            provider,
            name,
            endpoint,
            send,
        } => {
            let message = |nonce| UpdateProvider {
                provider: ProviderId(provider),
                name,
                endpoint,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        Command::Stake {
            provider,
            amount,
            send,
        } => {
            let provider = ProviderId(provider);
            let message = |nonce| AddStake {
                provider,
                amount,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        Command::Unbond {
            provider,
            amount,
            send,
        } => {
            let provider = ProviderId(provider);
            let message = |nonce| Unbond {
                provider,
                amount,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        Command::Release { provider, send } => {
            let provider = ProviderId(provider);
            submit(send, |nonce| ReleaseStake { provider, nonce }.into()).await
        }
        Command::AutoStake {
            provider,
            share,
            send,
        } => {
            let provider = ProviderId(provider);
            let message = |nonce| SetAutoStake {
                provider,
                share,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        Command::Reinstate { provider, send } => {
            let provider = ProviderId(provider);
            submit(send, |nonce| Reinstate { provider, nonce }.into()).await
        }
        Command::Claim { provider, send } => {
            let provider = ProviderId(provider);
            submit(send, |nonce| Claim { provider, nonce }.into()).await
        }
    }
}
