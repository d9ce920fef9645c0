//! Does the workspace keep the rules of ARCHITECTURE.md that a compiler does not check?
//!
//! [`direction`] says which crate may use which, [`manifests`] what every Cargo.toml must have, [`no_std`] that the
//! ledger and the protocol stay free of the standard library, also through their dependencies. Each rule is a pure
//! function over what cargo tells, so that its tests can show it a workspace that breaks it.

mod direction;
mod manifests;
mod no_std;

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

/// Fails with every rule that is broken and where.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(&workspace.root)
        .exec()
        .context("cargo metadata failed")?;
    let mut broken = direction::check(&metadata);
    broken.extend(manifests::check(&metadata)?);
    broken.extend(no_std::check(&metadata, &workspace.root)?);
    if broken.is_empty() {
        return Ok(());
    }
    bail!(
        "the workspace breaks {} of its rules:\n  - {}",
        broken.len(),
        broken.join("\n  - ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_keeps_its_rules() {
        check(&Workspace::locate().unwrap()).unwrap();
    }
}
