//! `rampart node backup` and `rampart node restore`: a copy of an operator's state, and the way back with a new key.

use crate::keys;
use crate::output;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context as _, ensure};
use rampart_node::{Keys, NodeConfig, backup as copy};
use std::path::Path;

pub fn backup(config: &NodeConfig, to: &Path) -> anyhow::Result<()> {
    let files = copy::backup(&config.state_dir, to)?;
    output::line(&format!("{files} files copied to {}", to.display()))?;
    output::line(
        "keep the keystores, the password, node.toml and the network's file as well: they are not in it",
    )?;
    Ok(())
}

pub fn restore(config: &NodeConfig, from: &Path, new_key: &Path) -> anyhow::Result<()> {
    ensure!(
        !new_key.exists(),
        "{} exists already; it is not overwritten",
        new_key.display()
    );
    let password = match &config.checkpoint_password_file {
        Some(path) => keys::read_secret(path)?,
        None => keys::ask("password of the operator's keystores: ")?,
    };
    let lost = Keys::unlock(config, || Ok(password.clone()))?.consensus_key();
    // Before the state is there: a restore is not repeated on it.
    let (seed, public) = keys::new_access_key();
    keys::store(&PrivateKeySigner::from_bytes(&seed)?, new_key, &password)?;
    let files = match copy::restore(from, &config.state_dir, lost) {
        Ok(files) => files,
        Err(error) => {
            // Nothing votes with it, and the next attempt makes another.
            std::fs::remove_file(new_key)
                .with_context(|| format!("cannot remove {}, which nothing uses", new_key.display()))?;
            return Err(error).context("the copy is not put back");
        }
    };
    for line in [
        format!("{files} files put back into {}", config.state_dir.display()),
        format!("retired         {lost}: its votes are lost, and it never votes on this state again"),
        format!("consensus key   {} in {}", public.0, new_key.display()),
        "next: name it as consensus_key_file, prove it with rampart operator rotate-keys, then rampart node check"
            .to_owned(),
    ] {
        output::line(&line)?;
    }
    Ok(())
}
