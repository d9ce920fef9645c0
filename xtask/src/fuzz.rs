//! `cargo xtask fuzz`: the fuzz targets of `crates/fuzz` under libFuzzer.
//!
//! Only our own crates count what an input reaches, by flags that a wrapper of the compiler adds; what they depend on is
//! taken as the tests built it. So a stable compiler will do, and a build takes minutes. No address sanitizer: nothing of
//! ours is unsafe, and without it more than twice as many inputs are tried.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The folder of the fuzz targets, from the root.
const FOLDER: &str = "crates/fuzz";
/// The flags by which the compiler counts what an input reaches.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Ours that development builds do not optimise, and an input passes through.
const OPTIMISED: [&str; 6] = ["chain", "client", "fuzz", "gateway", "node", "sidecar"];

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// For how long each target is run.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The targets to run, as `crates/fuzz` names them; all unless some are named.
    targets: Vec<String>,
}

/// Builds the targets, writes the seeds and runs the fuzzer.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    let mut seeds = runner.cargo();
    seeds
        .args([
            "test",
            "--workspace",
            "--test",
            "economy",
            "--test",
            "short",
            "--",
        ])
        .args(["--ignored", "writes_the_seeds_of_the_fuzzer"]);
    runner.run(&mut seeds)?;
    let built = workspace.target.join("fuzz");
    let mut build = runner.cargo();
    build
        .args(["build", "--workspace", "--bin", "fuzz"])
        .args(["--features", "rampart-fuzz/libfuzzer"])
        .env("RUSTC_WORKSPACE_WRAPPER", wrapper(&built)?);
    for name in OPTIMISED {
        build.args([
            "--config",
            &format!("profile.dev.package.rampart-{name}.opt-level=2"),
        ]);
    }
    runner.run(&mut build)?;
    for target in chosen(&workspace.root.join(FOLDER).join("corpus"), &arguments.targets)? {
        fuzz(workspace, runner, &target, arguments.seconds)?;
    }
    Ok(())
}

fn fuzz(workspace: &Workspace, runner: &Runner, target: &str, seconds: u32) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let artifacts = folder.join("artifacts").join(target);
    std::fs::create_dir_all(&artifacts).context("cannot make a folder for what is found")?;
    let mut fuzzer = runner.command(workspace.target.join("debug").join("fuzz"));
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .arg(folder.join("corpus").join(target))
        .env("RAMPART_FUZZ_TARGET", target);
    runner.run(&mut fuzzer).with_context(|| {
        format!(
            "what it found is in {FOLDER}/artifacts/{target}; once mended, keep the file in {FOLDER}/found/{target}, which \
             the tests read"
        )
    })
}

/// The targets that have seeds, or those of them that were asked for.
fn chosen(corpus: &Path, wanted: &[String]) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for entry in std::fs::read_dir(corpus).context("there are no seeds")? {
        known.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(*name)) {
        bail!("there is no target {unknown}; there are {known:?}");
    }
    Ok(if wanted.is_empty() {
        known
    } else {
        wanted.iter().cloned().collect()
    })
}

/// A compiler that adds [`FLAGS`] for what it compiles; cargo calls it for our crates only.
fn wrapper(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).context("cannot make a folder for the wrapper")?;
    let path = folder.join("rustc");
    std::fs::write(&path, format!("#!/bin/sh\nexec \"$@\" {FLAGS}\n")).context("cannot write the wrapper")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .context("cannot make the wrapper executable")?;
    Ok(path)
}
