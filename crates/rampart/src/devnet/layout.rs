//! Where everything of a devnet is: ports, directories, well-known keys.

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// The first accounts of anvil's well-known mnemonic, "test test … junk". Everyone knows these keys: they are worth
/// nothing outside a development network, where anvil funds them.
const KEYS: [&str; 12] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    "f214f2b2cd398c806f84e317254e0f0b801d0643303237d97a22a48e01628897",
    "701b615bbdfb9de65240bc28bd21bbc0d996645a3dd57e7b12bc2bdf6f192c82",
];

/// Chain id of the L1.
pub const L1_CHAIN: u64 = 31_337;
/// Chain id of the L2: Linea's.
pub const L2_CHAIN: u64 = 59_144;

/// Named accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Deploys, and holds the token's supply at first.
    pub deployer: PrivateKeySigner,
    /// Buys.
    pub consumer: PrivateKeySigner,
    /// Own the two providers.
    pub providers: [PrivateKeySigner; 2],
    /// Has coins and tokens on chain, and never used the ledger.
    pub fresh: PrivateKeySigner,
    /// Buys and reviews in the demonstration; unknown to the ledger before.
    pub consumer2: PrivateKeySigner,
    /// Restake on the L1, to operators of their choice.
    pub investors: [PrivateKeySigner; 2],
    /// Operators' accounts on both chains and in the ledger; their checkpoint keys too.
    pub operators: Vec<PrivateKeySigner>,
}

/// A devnet's places.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    base_port: u16,
    /// Who is who.
    pub accounts: Accounts,
}

impl Layout {
    /// Checks that the ports can be had.
    pub fn new(root: &Path, base_port: u16) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
        let root = root.canonicalize()?;
        if !(1024..=u16::MAX - 32).contains(&base_port) {
            bail!("--base-port must be between 1024 and {}", u16::MAX - 32);
        }
        let key = |index: usize| {
            let key = KEYS.get(index).context("a well-known key is missing")?;
            key.parse::<PrivateKeySigner>()
                .context("a well-known key is malformed")
        };
        let accounts = Accounts {
            deployer: key(0)?,
            consumer: key(1)?,
            providers: [key(2)?, key(3)?],
            fresh: key(4)?,
            consumer2: key(9)?,
            investors: [key(10)?, key(11)?],
            operators: (5..5 + super::OPERATORS).map(key).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            root,
            base_port,
            accounts,
        })
    }

    /// Fails with the first port that something else uses.
    pub fn check_ports(&self) -> anyhow::Result<()> {
        for port in self.base_port..self.base_port + 32 {
            let address = local(port);
            TcpListener::bind(address).with_context(|| {
                format!("port {port} is taken; end what uses it, or choose another range with --base-port")
            })?;
        }
        Ok(())
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The file that is locked while a devnet lives: beside the directory, which is emptied.
    pub fn lock(&self) -> PathBuf {
        self.root.with_extension("lock")
    }

    /// Empties the directory.
    pub fn clear(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.root)
            .with_context(|| format!("cannot empty {}", self.root.display()))?;
        std::fs::create_dir_all(self.path("logs"))?;
        Ok(())
    }

    pub const fn l1(&self) -> SocketAddr {
        local(self.base_port)
    }
    pub const fn l2(&self) -> SocketAddr {
        local(self.base_port + 1)
    }
    pub const fn gateway(&self) -> SocketAddr {
        local(self.base_port + 2)
    }
    pub fn api(&self, operator: usize) -> SocketAddr {
        local(self.base_port + 4 + offset(operator))
    }
    pub fn peer(&self, operator: usize) -> SocketAddr {
        local(self.base_port + 12 + offset(operator))
    }
    pub fn vendor(&self, provider: usize) -> SocketAddr {
        local(self.base_port + 20 + offset(provider))
    }
    pub fn sidecar(&self, provider: usize) -> SocketAddr {
        local(self.base_port + 24 + offset(provider))
    }
    pub fn sidecar_admin(&self, provider: usize) -> SocketAddr {
        local(self.base_port + 28 + offset(provider))
    }

    /// Base URLs of all operators' APIs.
    pub fn nodes(&self) -> Vec<String> {
        (0..super::OPERATORS)
            .map(|operator| url(self.api(operator)))
            .collect()
    }
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn offset(index: usize) -> u16 {
    u16::try_from(index).expect("a devnet has a handful of each kind")
}

/// `http://` and the address.
pub fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
