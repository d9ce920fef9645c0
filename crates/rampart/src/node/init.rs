//! `rampart node init`: an operator's folder, with new keys and a configuration that says what each setting is for.

use crate::keys;
use crate::output;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_node::NetworkFile;
use rampart_protocol::{Address, B256};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use toml::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to make; it must not exist, or be empty.
    #[arg(long)]
    dir: PathBuf,
    /// The network's file, as its operators publish it; it is copied.
    #[arg(long)]
    network: PathBuf,
    /// RPC endpoint of the L2.
    #[arg(long, env = "RAMPART_L2_RPC", hide_env_values = true)]
    l2_rpc: String,
    /// RPC endpoint of the L1, if the network has contracts there.
    #[arg(long, env = "RAMPART_L1_RPC", hide_env_values = true)]
    l1_rpc: Option<String>,
    /// Where other operators connect.
    #[arg(long, default_value = "0.0.0.0:7100")]
    listen: SocketAddr,
    /// Where clients connect.
    #[arg(long, default_value = "127.0.0.1:8100")]
    api_listen: SocketAddr,
    /// File with the password for the new keystores, which the operator is then started with; without it the password is
    /// asked for, now and at each start.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let network = NetworkFile::load(&args.network)?;
    ensure!(
        network.restaking.is_none() || args.l1_rpc.is_some(),
        "this network has contracts on the L1: name an endpoint with --l1-rpc"
    );
    let password = match &args.password_file {
        Some(path) => keys::read_secret(path)?,
        None => keys::ask_new()?,
    };
    make_folder(&args.dir)?;
    std::fs::copy(&args.network, args.dir.join("network.json"))
        .with_context(|| format!("cannot copy {}", args.network.display()))?;
    let (seed, consensus) = keys::new_access_key();
    // Any 32 bytes fit a Web3 keystore; the type only insists that they could be an account's key, which a seed that is
    // not has a chance of 2^-128.
    keys::store(
        &PrivateKeySigner::from_bytes(&seed)?,
        &args.dir.join("consensus.json"),
        &password,
    )?;
    let checkpoint = keys::new_account();
    keys::store(&checkpoint, &args.dir.join("checkpoint.json"), &password)?;
    let file = args.dir.join("node.toml");
    write_private(&file, &configuration(&args)?)?;
    told(
        &file,
        consensus.0,
        checkpoint.address(),
        network.restaking.is_some(),
    )
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    let empty = std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
    ensure!(empty, "{} is not empty; nothing is overwritten", path.display());
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn configuration(args: &Args) -> anyhow::Result<String> {
    let text = |text: &str| Value::String(text.to_owned()).to_string();
    let password = match &args.password_file {
        Some(path) => {
            let path = std::path::absolute(path)?;
            let path = path.to_str().context("the password file's path is not Unicode")?;
            format!("checkpoint_password_file = {}", text(path))
        }
        None => "# checkpoint_password_file = \"password\"    # left out: asked for at each start".to_owned(),
    };
    let l1_rpc = match &args.l1_rpc {
        Some(rpc) => format!("l1_rpc = {}", text(rpc)),
        None => "# l1_rpc = \"https://…\"".to_owned(),
    };
    Ok(format!(
        "# An operator of Rampart. Paths are relative to this file. Every setting can also be given as a flag,\n\
         # --set name=value, or by the environment, RAMPART_NODE__NAME=value. See docs/operate.md.\n\n\
         # All that is stored; keep it on a local disk of its own (SSD), never share or copy it while running.\n\
         state_dir = \"state\"\n\
         # Published by the network's operators; must be the same everywhere.\n\
         network_file = \"network.json\"\n\n\
         # Web3 keystores under one password: the key that votes, and the key that signs and pays for checkpoints.\n\
         consensus_key_file = \"consensus.json\"\n\
         checkpoint_keystore = \"checkpoint.json\"\n\
         {password}\n\n\
         # Where other operators connect: open to the world.\n\
         listen = {}\n\
         # Where clients connect: put a TLS proxy before it to publish it.\n\
         api_listen = {}\n\n\
         # RPC endpoints. What your operator votes for is what they show: run your own nodes.\n\
         # Several, [\"https://…\", \"https://…\"], are compared: more than half must agree, or l2_quorum of them.\n\
         l2_rpc = {}\n\
         {l1_rpc}\n\n\
         # Blocks to keep, at least two epochs of them; left out, all (docs/operate.md, \"What is kept\").\n\
         # retain_blocks = 2600000\n\
         # Traces, to a collector that speaks OTLP over HTTP: telemetry.otlp_endpoint (docs/operate.md, \"Settings\").\n\n\
         # Watching services and judging cases (docs/judging.md): who leaves this section out earns nothing.\n\
         [duties]\n\
         # The operator's account in the ledger, if it is not that of the checkpoint key.\n\
         # keystore = \"operator.json\"\n\
         # password_file = \"operator.password\"\n",
        text(&args.listen.to_string()),
        text(&args.api_listen.to_string()),
        text(&args.l2_rpc),
    ))
}

fn told(file: &Path, consensus: B256, checkpoint: Address, restaking: bool) -> anyhow::Result<()> {
    let mut lines = vec![
        format!("wrote           {}", file.display()),
        format!("consensus key   {consensus}"),
        format!("checkpoint key  {checkpoint}: send it ether on the L2, it pays for checkpoints"),
        "keep copies of both keystores and the password; whoever has them can sign as you".to_owned(),
    ];
    if restaking {
        lines.push(
            "next: rampart operator register, allocate, join (docs/operate.md), then rampart node check"
                .to_owned(),
        );
    } else {
        lines.push("next: have both keys put into the network's file, then rampart node check".to_owned());
    }
    lines.iter().try_for_each(|line| output::line(line))?;
    Ok(())
}
