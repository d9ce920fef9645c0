//! `rampart consumer`: find services, buy packages, keep and verify their confirmations.

mod buy;
mod purchaser;
pub mod review;
mod show;

pub use buy::{Bought, Order, buy, confirmation};
pub use show::duration;

use crate::args::{NodeArgs, OutputArgs, SendArgs};
use crate::output;
use crate::session::{Session, open, read_operators};
use crate::submit::{digest, purchase_id, submit};
use clap::{Subcommand, ValueEnum};
use purchaser::{Buyer, Delegated};
use rampart_client::OperatorChain;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::message::ClaimRefund;
use rampart_protocol::{AccessKey, Address, Amount, PurchaseId, Seconds, ServiceId};
use review::describe as describe_review;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List services on offer.
    Services {
        #[command(flatten)]
        filters: show::Filters,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the terms of a service, those of an earlier version too: a purchase keeps the terms that it was made on.
    Terms {
        /// The service.
        service: u64,
        /// The version; the present one without it.
        #[arg(value_name = "VERSION")]
        of_version: Option<u32>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show what the ledger knows of a purchase: its use, its refund, and what a review of it costs.
    Show {
        /// The purchase.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Buy one package of a service; its confirmation and access key go to the wallet directory.
    Buy {
        /// The service.
        #[arg(long)]
        service: u64,
        /// Seconds until it expires; the longest on offer without it.
        #[arg(long)]
        duration: Option<u64>,
        /// Directory of purchases, which a gateway reads.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Buy as `buy` does, by a delegated purchaser's key: the account's wallet stays closed.
    BuyDelegated {
        /// The service.
        #[arg(long)]
        service: u64,
        /// Seconds until it expires; the longest on offer without it.
        #[arg(long)]
        duration: Option<u64>,
        /// The account that pays.
        #[arg(long)]
        consumer: Address,
        /// File of the purchaser's Ed25519 seed, of mode 0600.
        #[arg(long)]
        purchaser: PathBuf,
        /// Directory of purchases, which a gateway reads.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        /// Seconds to wait for the confirmation.
        #[arg(long, default_value_t = 30)]
        wait: u64,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Let an Ed25519 key buy in the account's name, within a limit and until a time; or change what it is permitted.
    Delegate {
        /// File of the key's seed; made, with mode 0600, if it is not there.
        #[arg(long)]
        purchaser: PathBuf,
        /// Tokens that it may spend from now on.
        #[arg(long, value_parser = crate::args::tokens)]
        limit: Amount,
        /// Seconds from now on for which it may buy.
        #[arg(long)]
        duration: u64,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Let a key buy no more.
    Undelegate {
        /// The public key.
        #[arg(value_parser = purchaser::public_key)]
        purchaser: AccessKey,
        #[command(flatten)]
        send: SendArgs,
    },
    /// List the keys that buy in an account's name.
    Purchasers {
        /// The account.
        account: Address,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the purchases in a wallet directory, with what the ledger knows of their use.
    List {
        /// Directory of purchases.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Fetch the confirmations of purchases that were sent before something went wrong.
    Resume {
        /// Directory of purchases.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Replace the key that signs a purchase's requests: for a key that was lost or shown. What the old key signed stays
    /// good as proof of use, and a purchase's key can be replaced a few times only. The new key goes to the wallet
    /// directory before it is announced. The confirmation still holds the first key, so a sidecar that verifies offline
    /// takes requests under the new one only once its provider has told it.
    RotateKey {
        /// The purchase.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        /// Directory of purchases, where the new key is stored.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Publish a negative review of a purchase: once, by its buyer, until some days after its expiry. It counts against
    /// the provider at once and holds a fee. If nobody challenges it, the fee is spent and the unused part of the
    /// purchase is refunded; if the operators uphold it against a challenge, the fee comes back as well; if they overturn
    /// it, the fee is lost and the review never counted.
    Review {
        /// The purchase.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        /// What was wrong, for everyone to read.
        #[arg(long)]
        comment: String,
        /// File with evidence. Its keccak-256 digest is published; keep the file for the operators to ask for.
        #[arg(long)]
        evidence: Option<PathBuf>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Retrieve the unused part of a purchase whose provider was expelled, while there is something left for its
    /// consumers.
    Refund {
        /// The purchase.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Show the review of a purchase and where it stands.
    ReviewShow {
        /// The purchase.
        #[arg(value_parser = purchase_id)]
        purchase: PurchaseId,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Verify a confirmation offline against an operator set: a purchase file, or the JSON of a confirmation.
    Verify {
        /// The file.
        file: PathBuf,
        /// JSON file with the operator set.
        #[arg(long, env = "RAMPART_OPERATORS")]
        operators: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// A category on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CategoryArg {
    /// Anything else with an API.
    General,
    /// dApp scanning, event engines, phishing detection.
    ProactiveMeasures,
    /// Simulation, malicious-transaction and malicious-address detection.
    TransactionSecurity,
    /// Asset recovery, victim support, revocation.
    IncidentResponse,
    /// Insurance, privacy, wallet health.
    UserProtection,
}

impl From<CategoryArg> for rampart_protocol::Category {
    fn from(category: CategoryArg) -> Self {
        match category {
            CategoryArg::General => Self::General,
            CategoryArg::ProactiveMeasures => Self::ProactiveMeasures,
            CategoryArg::TransactionSecurity => Self::TransactionSecurity,
            CategoryArg::IncidentResponse => Self::IncidentResponse,
            CategoryArg::UserProtection => Self::UserProtection,
        }
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Services {
            filters,
            node,
            output,
        } => {
            let session = Session::open(&node).await?;
            let services = show::services(&session, filters).await?;
            output::print(output, &services, |services| {
                services.iter().flat_map(show::describe).collect()
            })
        }
        Command::Terms {
            service,
            of_version,
            node,
            output,
        } => show::terms(ServiceId(service), of_version, &node, output).await,
        Command::Show {
            purchase,
            node,
            output,
        } => show::purchase(purchase, &node, output).await,
        Command::Buy {
            service,
            duration,
            wallet,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let wallet = Wallet::new(wallet);
            let order = Order {
                service: ServiceId(service),
                duration: duration.map(Seconds),
            };
            let bought = buy(&session, &signer, &wallet, order, send.wait).await?;
            show_bought(send.output, &bought)
        }
        Command::BuyDelegated {
            service,
            duration,
            consumer,
            purchaser,
            wallet,
            wait,
            node,
            output,
        } => {
            let buyer = Buyer::Delegated(Box::new(Delegated::read(consumer, &purchaser)?));
            let session = Session::open(&node).await?;
            let order = Order {
                service: ServiceId(service),
                duration: duration.map(Seconds),
            };
            let bought = buy::buy_as(&session, &buyer, &Wallet::new(wallet), order, wait).await?;
            show_bought(output, &bought)
        }
        Command::Delegate {
            purchaser,
            limit,
            duration,
            send,
        } => purchaser::delegate(purchaser, limit, Duration::from_secs(duration), send).await,
        Command::Undelegate { purchaser, send } => purchaser::undelegate(purchaser, send).await,
        Command::Purchasers {
            account,
            node,
            output,
        } => purchaser::list(account, &node, output).await,
        Command::List { wallet, node, output } => buy::list(&Wallet::new(wallet), &node, output).await,
        Command::Resume { wallet, node, output } => {
            let session = Session::open(&node).await?;
            let outcomes = buy::resume(&session, &Wallet::new(wallet)).await?;
            output::print(output, &outcomes, |outcomes| {
                outcomes
                    .iter()
                    .map(|(id, outcome)| format!("{id}  {outcome}"))
                    .collect()
            })
        }
        Command::RotateKey {
            purchase,
            wallet,
            send,
        } => review::rotate(purchase, &Wallet::new(wallet), send).await,
        Command::Review {
            purchase,
            comment,
            evidence,
            send,
        } => {
            let evidence = digest(evidence.as_deref())?;
            let (session, signer) = open(&send.node, &send.key).await?;
            let filed = review::file(&session, &signer, purchase, comment, evidence, send.wait).await?;
            output::print(send.output, &filed, describe_review)
        }
        Command::Refund { purchase, send } => {
            submit(send, |nonce| ClaimRefund { purchase, nonce }.into()).await
        }
        Command::ReviewShow {
            purchase,
            node,
            output,
        } => {
            let session = Session::open(&node).await?;
            let review = session.client.review(purchase).await?;
            output::print(output, &review, describe_review)
        }
        Command::Verify {
            file,
            operators,
            output,
        } => {
            let confirmation = buy::read_confirmation(&file)?;
            OperatorChain::new(&read_operators(&operators)?)?.verify(&confirmation)?;
            output::print(output, &confirmation.record, |record| {
                vec![format!(
                    "valid: {} bought {} requests of service {} for {} tokens at height {}",
                    record.consumer,
                    record.requests,
                    record.service,
                    record.fee.to_tokens(),
                    confirmation.header.height
                )]
            })
        }
    }
}

fn show_bought(output: OutputArgs, bought: &Bought) -> anyhow::Result<()> {
    output::print(output, &bought.confirmation.record, |record| {
        vec![
            format!("purchase {}", record.id),
            format!(
                "service  {} of provider {}, {} requests for {} tokens, until {}",
                record.service,
                record.provider,
                record.requests,
                record.fee.to_tokens(),
                record.expires_at
            ),
            format!("stored   {}", bought.file.display()),
        ]
    })
}
