//! `cargo xtask fuzz`: the ledger's fuzz targets under libFuzzer.
//!
//! The targets are in crates/ledger/fuzz, in cargo-fuzz's layout, and `cargo fuzz run` works there. This command needs
//! less: a nightly compiler, to which it passes the flags that cargo-fuzz would. No address sanitizer: nothing of ours
//! is unsafe, and without it more than twice as many inputs are tried.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// The folder of the fuzz targets, from the root.
const FOLDER: &str = "crates/ledger/fuzz";
/// The flags by which the compiler counts what an input reaches.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// A fuzz target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Target {
    /// Transactions, messages, observations and records from bytes.
    DecodeTransaction,
    /// Histories of inputs from genesis on.
    ApplyHistory,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::DecodeTransaction => "decode_transaction",
            Self::ApplyHistory => "apply_history",
        }
    }

    /// Longest input, bytes: a transaction's limit and somewhat more; choices for some hundred inputs.
    const fn longest(self) -> u32 {
        match self {
            Self::DecodeTransaction => 4_200,
            Self::ApplyHistory => 4_096,
        }
    }
}

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// For how long each target is run.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The one target to run; both unless it is named.
    #[arg(value_enum)]
    target: Option<Target>,
}

/// Builds the targets, writes the seeds and runs the fuzzer.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    let host = nightly_host()?;
    let mut seeds = runner.cargo();
    seeds
        .args(["test", "-p", "rampart-ledger", "--test", "economy", "--"])
        .args(["--ignored", "--exact", "fuzz::writes_the_seeds_of_the_fuzzer"]);
    runner.run(&mut seeds)?;
    let built = workspace.target.join("fuzz");
    let mut build = runner.command("rustup");
    build
        .args([
            "run",
            "nightly",
            "cargo",
            "build",
            "--release",
            "--locked",
            "--target",
            &host,
        ])
        .arg("--manifest-path")
        .arg(workspace.root.join(FOLDER).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&built)
        .env("RUSTFLAGS", FLAGS);
    runner.run(&mut build)?;
    for target in [Target::DecodeTransaction, Target::ApplyHistory] {
        if arguments.target.is_some_and(|wanted| wanted != target) {
            continue;
        }
        let (folder, name) = (workspace.root.join(FOLDER), target.name());
        let (corpus, artifacts) = (
            folder.join("corpus").join(name),
            folder.join("artifacts").join(name),
        );
        std::fs::create_dir_all(&artifacts).context("cannot make a folder for what is found")?;
        let mut fuzzer = runner.command(built.join(&host).join("release").join(name));
        fuzzer
            .arg(format!("-max_total_time={}", arguments.seconds))
            .arg(format!("-max_len={}", target.longest()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args(["-print_final_stats=1", "-verbosity=0"])
            .arg(corpus);
        runner.run(&mut fuzzer).with_context(|| {
            format!(
                "what it found is in {FOLDER}/artifacts/{name}; once mended, keep the file in {FOLDER}/found/{name}, \
                 which the tests read"
            )
        })?;
    }
    Ok(())
}

/// The platform that the nightly compiler builds for, if there is such a compiler.
fn nightly_host() -> Result<String> {
    let output = Command::new("rustup")
        .args(["run", "nightly", "rustc", "--print", "host-tuple"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => bail!("the fuzzer needs a nightly compiler (and a C++ one): `rustup toolchain install nightly`"),
    }
}
