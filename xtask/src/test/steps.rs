//! The steps of `cargo xtask test`.
//!
//! Every cargo command covers the whole workspace and its tests. Cargo chooses the features of dependencies for what it is
//! asked to build; with one selection throughout, each dependency is compiled once and type-checked once (for clippy and
//! rustdoc), not once a step.

use super::tally::Tally;
use crate::prerequisites::{self, Need};
use crate::runner::Runner;
use crate::workspace::Workspace;
use crate::{architecture, deny, devnet, eigenlayer, npm};
use anyhow::Result;

/// One check.
pub(super) struct Step {
    /// What `--only` takes.
    pub(super) name: &'static str,
    /// What is checked, in a few words.
    pub(super) about: &'static str,
    /// Runs it.
    pub(super) run: fn(&mut Context<'_>) -> Result<Done>,
}

/// What a step that did not fail did.
pub(super) enum Done {
    /// It checked.
    Passed,
    /// It could not check here, and is not needed to; why, and what to do for it.
    Skipped(&'static str),
}

/// What a step works with.
pub(super) struct Context<'task> {
    workspace: &'task Workspace,
    runner: &'task Runner,
    /// The tests that it counted.
    pub(super) tally: Tally,
}

impl<'task> Context<'task> {
    pub(super) fn new(workspace: &'task Workspace, runner: &'task Runner) -> Self {
        Self {
            workspace,
            runner,
            tally: Tally::default(),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Done> {
        self.runner.run(self.runner.cargo().args(arguments))?;
        Ok(Done::Passed)
    }
}

/// The checks, in the order in which they run.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "prerequisites",
        about: "tools and free disk",
        run: |context| {
            prerequisites::check(&[Need::Node, Need::Lints], &context.workspace.target)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "npm",
        about: "packages by their lock files",
        run: |context| {
            npm::install(context.workspace, context.runner)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "core",
        about: "bytecode of EigenLayer's core, for the tests of the L1",
        run: |context| {
            eigenlayer::prepare(context.workspace, context.runner)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "format",
        about: "rustfmt",
        run: |context| context.cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "architecture",
        about: "direction of dependencies, manifests, no_std",
        run: |context| {
            architecture::check(context.workspace)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "deny",
        about: "licences, sources and duplicates of dependencies, where cargo-deny is installed",
        run: |context| match deny::check_if_installed(context.workspace, context.runner)? {
            true => Ok(Done::Passed),
            false => Ok(Done::Skipped(
                "cargo-deny is not installed; `cargo xtask deny` installs and runs it",
            )),
        },
    },
    Step {
        name: "no-std",
        about: "ledger and protocol alone, without the features that others turn on",
        run: |context| {
            let packages = ["--package", "rampart-protocol", "--package", "rampart-ledger"];
            context
                .runner
                .run(context.runner.cargo().arg("check").args(packages))?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "clippy",
        about: "lints, with warnings denied",
        run: |context| context.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "rust",
        about: "unit, integration, simulation and documentation tests",
        run: |context| {
            let mut command = context.runner.cargo();
            command
                .args(["test", "--workspace", "--no-fail-fast"])
                .env(eigenlayer::VARIABLE, context.workspace.eigenlayer_core());
            let tally = &mut context.tally;
            context
                .runner
                .run_reading(&mut command, |line| tally.read(line))?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "docs",
        about: "rustdoc, with warnings denied",
        run: |context| {
            let mut command = context.runner.cargo();
            command
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings");
            context.runner.run(&mut command)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "contracts",
        about: "format, lints, tests, gas figures, vectors and artifacts of the contracts",
        run: |context| {
            let mut command = context.runner.command("npm");
            command
                .args(["run", "check"])
                .current_dir(context.workspace.root.join("contracts"));
            let tally = &mut context.tally;
            context
                .runner
                .run_reading(&mut command, |line| tally.read(line))?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "deploy",
        about: "Prometheus' rules and configuration, Grafana's board",
        run: |context| {
            let mut command = context.runner.command("npm");
            command
                .args(["run", "check"])
                .current_dir(context.workspace.root.join("deploy/check"));
            context.runner.run(&mut command)?;
            Ok(Done::Passed)
        },
    },
    Step {
        name: "end-to-end",
        about: "the devnet's scenario, on ports of its own",
        run: |context| {
            // With the tests, which are built already, for the same features. `cargo xtask devnet` leaves them out.
            context.cargo(&["build", "--workspace", "--bins", "--tests"])?;
            let mut scenario = devnet::demo(context.workspace, context.runner)?;
            context.runner.run(&mut scenario)?;
            Ok(Done::Passed)
        },
    },
];
