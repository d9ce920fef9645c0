//! `rampart node`: an operator's process and what surrounds it: its first configuration, and a check of all that it needs. And a
//! follower's, which needs much less.

mod backup;
mod check;
mod finding;
mod init;
mod reach;

use crate::args::OutputArgs;
use crate::telemetry::Traces;
use crate::{keys, output, serve};
use clap::{Args, Subcommand};
use rampart_node::config::{ENV_PREFIX, Override, Telemetry};
use rampart_node::{FollowerConfig, Keys, NodeConfig};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an operator's folder: two new keys in keystores, and a configuration to complete.
    Init(init::Args),
    /// Check all that an operator needs, without starting it: files, keys, disk, ports, clock, RPCs, peers, registration.
    /// Exit code 1 when something would keep it from running.
    Check {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Copy what a stopped operator's state has and nobody else could give back.
    Backup {
        #[command(flatten)]
        config: ConfigArgs,
        /// A folder to make.
        #[arg(long)]
        to: PathBuf,
    },
    /// Put a copy back after the state directory was lost. The consensus key is retired, since what it voted is not known any
    /// more; a new one is made.
    Restore {
        #[command(flatten)]
        config: ConfigArgs,
        /// The copy.
        #[arg(long)]
        from: PathBuf,
        /// Where to write the keystore of the new consensus key, under the password of the others.
        #[arg(long)]
        new_consensus_key: PathBuf,
    },
    /// Run an operator.
    Run {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Run a follower: it verifies what operators make final, without keys or a seat, and serves the same reads.
    Follow {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Where an operator's settings come from: flags before the environment before the file.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// The configuration (TOML).
    #[arg(long, env = "RAMPART_NODE_CONFIG")]
    config: PathBuf,
    /// A setting that comes before the file's, `name=value`, levels parted by dots; repeat it for several. The environment
    /// can set the same as `RAMPART_NODE__NAME=value`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<Override>,
}

impl ConfigArgs {
    /// The configuration, in layers.
    fn load(&self) -> anyhow::Result<NodeConfig> {
        Ok(NodeConfig::load_with(&self.config, &self.settings())?)
    }

    /// What comes before the file, the later before the earlier.
    fn settings(&self) -> Vec<Override> {
        // A name or value that is no text is no setting of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut settings =
            Override::of_environment(variables.filter(|(name, _)| name.starts_with(ENV_PREFIX)));
        settings.extend(self.settings.iter().cloned());
        settings
    }
}

pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Check { config, output } => crate::block_on(check(config, output)),
        Command::Backup { config, to } => backup::backup(&config.load()?, &to),
        Command::Restore {
            config,
            from,
            new_consensus_key,
        } => backup::restore(&config.load()?, &from, &new_consensus_key),
        Command::Run { config } => {
            let config = config.load()?;
            let _traces = log("rampart-node", config.telemetry.as_ref())?;
            let keys = unlock(&config)?;
            Ok(rampart_node::run(config, keys, serve::shutdown)?)
        }
        Command::Follow { config } => {
            let config = FollowerConfig::load_with(&config.config, &config.settings())?;
            let _traces = log("rampart-follower", config.telemetry.as_ref())?;
            Ok(rampart_node::follow(config, serve::shutdown)?)
        }
    }
}

/// Begins to log and to trace. What is traced last is exported when the answer is dropped.
fn log(service: &'static str, telemetry: Option<&Telemetry>) -> anyhow::Result<Option<Traces>> {
    let traces = telemetry.map(|telemetry| Traces::start(service, telemetry));
    let traces = traces.transpose()?;
    serve::log(traces.as_ref());
    Ok(traces)
}

fn unlock(config: &NodeConfig) -> anyhow::Result<Keys> {
    Ok(Keys::unlock(config, || {
        keys::ask("password of the operator's keystores: ").map_err(std::io::Error::other)
    })?)
}

async fn check(config: ConfigArgs, output: OutputArgs) -> anyhow::Result<()> {
    let findings = check::all(&config).await;
    output::print(output, &findings, |findings| {
        findings.iter().map(ToString::to_string).collect()
    })?;
    let failed = findings.iter().filter(|finding| finding.is_failure()).count();
    if failed > 0 {
        anyhow::bail!("{failed} of {} checks failed", findings.len());
    }
    Ok(())
}
