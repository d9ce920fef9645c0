//! Keys in files: Web3 keystores for accounts, seed files for access keys. Nothing here prints a secret.

use crate::args::KeyArgs;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail};
use rampart_protocol::{AccessKey, B256};
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Unlocks an account's key.
pub fn unlock(args: &KeyArgs) -> anyhow::Result<PrivateKeySigner> {
    let password = match &args.password_file {
        Some(path) => read_secret(path)?,
        None => ask("password: ")?,
    };
    PrivateKeySigner::decrypt_keystore(&args.keystore, password)
        .with_context(|| format!("the keystore {} cannot be unlocked", args.keystore.display()))
}

/// Writes a key into a new keystore file.
pub fn store(signer: &PrivateKeySigner, path: &Path, password: &str) -> anyhow::Result<()> {
    if path.exists() {
        bail!("{} exists already; it is not overwritten", path.display());
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        bail!("{} does not name a file", path.display());
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Written in a folder that nobody else can enter, and moved when its mode is right: at no moment can others read it.
    let private = folder.join(format!(".{name}.{}", std::process::id()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&private)
        .with_context(|| format!("cannot create {}", private.display()))?;
    let written = encrypt(signer, &private, name, password, path);
    let cleared = std::fs::remove_dir_all(&private);
    written.with_context(|| format!("cannot write {}", path.display()))?;
    cleared.with_context(|| format!("cannot remove {}", private.display()))
}

fn encrypt(
    signer: &PrivateKeySigner,
    private: &Path,
    name: &str,
    password: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let mut random = alloy::signers::k256::elliptic_curve::rand_core::OsRng;
    PrivateKeySigner::encrypt_keystore(private, &mut random, signer.to_bytes(), password, Some(name))?;
    let file = private.join(name);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    // A hard link, unlike a rename, fails when the name exists.
    std::fs::hard_link(&file, path)?;
    Ok(())
}

/// A new account key from the system's randomness.
pub fn new_account() -> PrivateKeySigner {
    PrivateKeySigner::random()
}

/// Reads a file that only its owner may read.
pub fn read_secret(path: &Path) -> anyhow::Result<String> {
    Ok(rampart_node::config::read_secret(path)?)
}

/// Writes a file that only its owner may read; refuses to overwrite.
pub fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    writeln!(file, "{text}")?;
    Ok(())
}

/// A new Ed25519 seed and its public key.
pub fn new_access_key() -> (B256, AccessKey) {
    let seed: [u8; 32] = rand::random();
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    (
        B256::new(seed),
        AccessKey(B256::new(key.verifying_key().to_bytes())),
    )
}

/// Asks for a new password, twice on a terminal, so that a slip does not lose the key.
pub fn ask_new() -> anyhow::Result<String> {
    let password = ask("new password: ")?;
    if std::io::stdin().is_terminal() && ask("the same again: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}

/// Reads a password from the terminal, unseen, or a line of standard input when that is no terminal.
pub fn ask(prompt: &str) -> anyhow::Result<String> {
    let password = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(prompt)?
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if password.is_empty() {
        bail!("no password given; pass --password-file or enter one");
    }
    Ok(password)
}
