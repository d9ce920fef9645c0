//! `rampart investor`: restaking to an operator, which happens on the L1, and what it earned, which the ledger keeps.

use crate::args::{NodeArgs, OutputArgs, SendArgs};
use crate::output;
use crate::restaking;
use crate::session::Session;
use crate::submit::submit;
use clap::Subcommand;
use rampart_protocol::Address;
use rampart_protocol::message::ClaimRewards;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show an investor's weight and rewards at an operator.
    Show {
        /// The operator that it restakes to.
        #[arg(long)]
        operator: Address,
        /// The investor.
        address: Address,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Move what the keystore's account earned at an operator into its balance.
    Claim {
        /// The operator that it restakes to.
        #[arg(long)]
        operator: Address,
        #[command(flatten)]
        send: SendArgs,
    },
    #[command(flatten)]
    Restaking(restaking::Command),
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show {
            operator,
            address,
            node,
            output,
        } => {
            let session = Session::open(&node).await?;
            let view = session.client.investor(operator, address).await?;
            output::print(output, &view, |view| {
                vec![
                    format!("weight    {}", crate::l1::whole(view.weight.0)),
                    format!("to claim  {} tokens", view.owed.to_tokens()),
                    format!("claimed   {} tokens", view.claimed.to_tokens()),
                ]
            })
        }
        Command::Claim { operator, send } => {
            submit(send, |nonce| ClaimRewards { operator, nonce }.into()).await
        }
        Command::Restaking(command) => restaking::run(command).await,
    }
}
