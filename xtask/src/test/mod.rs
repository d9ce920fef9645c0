//! `cargo xtask test`: every check, in an order in which the quick ones fail first.
//!
//! [`steps`] holds the checks, [`tally`] counts what test programs report, [`report`] tells the result. One step after
//! another: the machine's cores are used inside of them.

mod report;
mod steps;
mod tally;

use crate::runner::{Interrupted, Runner};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use report::{Outcome, Report, duration};
use std::time::Instant;
use steps::{Context, Done, STEPS, Step};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run this step alone; may be given several times. What it needs is not installed or built for it.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Name the steps and what each does.
    #[arg(long)]
    list: bool,
}

/// Runs the steps until one fails, and tells the result.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    let chosen = choose(&arguments.only)?;
    if arguments.list {
        for step in STEPS {
            println!("{:<14} {}", step.name, step.about);
        }
        return Ok(());
    }
    let started = Instant::now();
    let mut report = Report::default();
    for (position, step) in chosen.iter().enumerate() {
        println!(
            "\n[{}/{}] {}: {}",
            position + 1,
            chosen.len(),
            step.name,
            step.about
        );
        let step_started = Instant::now();
        let mut context = Context::new(workspace, runner);
        let (outcome, error) = match (step.run)(&mut context) {
            Ok(Done::Passed) => (Outcome::Passed, None),
            Ok(Done::Skipped(why)) => (Outcome::Skipped(why), None),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => (Outcome::Failed, Some(error)),
        };
        let took = step_started.elapsed();
        println!(
            "[{}/{}] {}: {outcome} in {}",
            position + 1,
            chosen.len(),
            step.name,
            duration(took)
        );
        report.add(step.name, outcome, took, context.tally);
        if let Some(error) = error {
            print!("\n{}", report.text(chosen.len(), started.elapsed()));
            return Err(error.context(format!(
                "the step `{0}` failed; `cargo xtask test --only {0}` runs it alone",
                step.name
            )));
        }
    }
    print!("\n{}", report.text(chosen.len(), started.elapsed()));
    Ok(())
}

/// The steps to run, in their order.
fn choose(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; there are {}", known.join(", "));
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_run_unless_some_are_named() {
        assert_eq!(choose(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn named_steps_run_in_their_own_order() {
        let chosen = choose(&["docs".to_owned(), "format".to_owned()]).unwrap();
        let names: Vec<&str> = chosen.iter().map(|step| step.name).collect();
        assert_eq!(names, ["format", "docs"]);
    }

    #[test]
    fn an_unknown_step_is_told_the_known_ones() {
        let error = choose(&["nonsense".to_owned()]).err().unwrap().to_string();
        assert!(
            error.contains("no step `nonsense`") && error.contains("format, "),
            "{error}"
        );
    }

    #[test]
    fn steps_have_different_names() {
        let names: std::collections::BTreeSet<&str> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
