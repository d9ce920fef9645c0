//! A sidecar as a process of the real program, on ports and a folder that stay when it is killed.

use super::operators::Operators;
use rampart_protocol::TrustedOperators;
use rampart_sidecar::admin::{UsagePage, UsageView};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The `@authority` of every request.
pub const AUTHORITY: &str = "sidecar.example";
/// Longest wait for a sidecar that was started.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Sidecar {
    folder: TempDir,
    pub public: SocketAddr,
    admin: SocketAddr,
    http: reqwest::Client,
    process: Option<Child>,
}

impl Sidecar {
    pub fn new(operators: &Operators, vendor: &str) -> Self {
        // On a disk: in memory, a write is always there.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (public, admin) = (free(), free());
        let trusted = TrustedOperators::new(2, operators.set.clone());
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("operators.json", serde_json::to_string(&trusted).unwrap());
        let path = folder.path().display();
        // The journal is small, so that snapshots are made, and broken off, all the time.
        write(
            "sidecar.toml",
            format!(
                "listen = \"{public}\"\nadmin_listen = \"{admin}\"\nprovider = 1\nauthority = \"{AUTHORITY}\"\n\
                 operators_file = \"{path}/operators.json\"\nstate_dir = \"{path}/state\"\n\
                 [[services]]\nid = 1\npath_prefix = \"/\"\nupstream = \"{vendor}\"\n\
                 [limits]\nmeter_compact_bytes = 65536\n"
            ),
        );
        Self {
            folder,
            public,
            admin,
            http: reqwest::Client::new(),
            process: None,
        }
    }

    pub fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rampart"))
            .args(["sidecar", "run", "--config"])
            .arg(self.folder.path().join("sidecar.toml"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
    }

    /// SIGKILL: nothing that it had in hand is put away.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// What it says of every purchase, as soon as it says anything.
    pub async fn usage(&mut self) -> Vec<UsageView> {
        let (mut usage, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.page(&after).await;
            usage.extend(page.usage);
            match page.next {
                Some(next) => after = format!("&after={:#x}", next.0),
                None => return usage,
            }
        }
    }

    async fn page(&mut self, after: &str) -> UsagePage {
        let url = format!("http://{}/.rampart/usage?limit=1000{after}", self.admin);
        let asked = async {
            loop {
                if let Ok(response) = self.http.get(&url).send().await {
                    return response.json::<UsagePage>().await.unwrap();
                }
                let ended = self
                    .process
                    .as_mut()
                    .and_then(|process| process.try_wait().unwrap());
                assert!(ended.is_none(), "the sidecar ended by itself: {}", self.log());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let page = tokio::time::timeout(PATIENCE, asked).await;
        page.expect("the sidecar comes up")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
