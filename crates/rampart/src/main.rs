//! The one binary of Rampart. This file decides the command line's top level and the exit codes; each command group
//! is a module. Services run until SIGINT or SIGTERM.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the ledger or a contract rejected it, 4 nothing answered.

// They panic when the text cannot be written; `output` decides what happens then.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod account;
mod args;
mod clock;
mod consumer;
mod devnet;
mod exits;
mod failure;
mod governance;
mod hatch;
mod investor;
mod keys;
mod l1;
mod network;
mod node;
mod operator;
mod output;
mod provider;
mod restaking;
mod serve;
mod session;
mod submit;
mod telemetry;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// An operator with a million purchases in storage takes 183 us for a purchase and 737 MB with the system's allocator, most of
/// them free in pieces; 138 us and 466 MB with this one.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Rampart: a marketplace for API-delivered Web3 security, kept by restaked operators.
#[derive(Debug, Parser)]
#[command(
    name = "rampart",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keys, balances, deposits and withdrawals of an account, and its ways out without the operators.
    #[command(subcommand)]
    Account(account::Command),
    /// Find services, buy packages of API calls, verify confirmations, review.
    #[command(subcommand)]
    Consumer(consumer::Command),
    /// Register, stake, offer services and bundles, report usage, answer reviews, claim fees.
    #[command(subcommand)]
    Provider(provider::Command),
    /// Register on EigenLayer and join; judge cases, report availability and claim rewards, as an operator's account.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Restake to an operator and withdraw; see and claim what it earned.
    #[command(subcommand)]
    Investor(investor::Command),
    /// Propose, vote and carry out decisions with governance tokens.
    #[command(subcommand)]
    Governance(governance::Command),
    /// Parameters, epochs, and where every token is.
    #[command(subcommand)]
    Network(network::Command),
    /// Set up, check and run an operator.
    #[command(subcommand)]
    Node(node::Command),
    /// Run a provider's reverse proxy.
    #[command(subcommand)]
    Sidecar(serve::ServiceCommand),
    /// Run a consumer's JSON-RPC firewall.
    #[command(subcommand)]
    Gateway(serve::GatewayCommand),
    /// Run a reference security vendor.
    #[command(subcommand)]
    Vendor(serve::VendorCommand),
    /// Run a whole network on this machine, for development.
    Devnet(devnet::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Account(command) => block_on(account::run(command)),
        Command::Consumer(command) => block_on(consumer::run(command)),
        Command::Provider(command) => block_on(provider::run(command)),
        Command::Operator(command) => block_on(operator::run(command)),
        Command::Investor(command) => block_on(investor::run(command)),
        Command::Governance(command) => block_on(governance::run(command)),
        Command::Network(command) => block_on(network::run(command)),
        Command::Node(command) => node::run(command),
        Command::Sidecar(command) => block_on(serve::sidecar(command)),
        Command::Gateway(command) => block_on(serve::gateway(command)),
        Command::Vendor(command) => block_on(serve::vendor(command)),
        Command::Devnet(args) => block_on(devnet::run(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn block_on(future: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn no_command_contradicts_itself() {
        Cli::command().debug_assert();
    }
}
