//! nginx: as the vendor behind every proxy, and as the proxy that ours is compared with. One process, one worker, no log.

use crate::server::{Process, free_port};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What the vendor answers.
const VERDICT: &str = r#"{"verdict":"allow","score":0,"reasons":[],"vendor":"bench","version":"1"}"#;

/// Starts the vendor.
pub fn vendor(program: &Path, folder: &Path) -> (Process, SocketAddr) {
    let server = format!("default_type application/json; location / {{ return 200 '{VERDICT}'; }}");
    start(program, folder, "vendor", "", &server)
}

/// Starts a plain proxy before `vendor`.
pub fn proxy(program: &Path, folder: &Path, vendor: &str) -> (Process, SocketAddr) {
    let upstream =
        format!("upstream vendor {{ server {vendor}; keepalive 64; keepalive_requests 100000000; }}");
    let server =
        "location / { proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection \"\"; }";
    start(program, folder, "proxy", &upstream, server)
}

fn start(program: &Path, folder: &Path, name: &str, http: &str, server: &str) -> (Process, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let file = folder.join(format!("{name}.conf"));
    let path = |leaf: &str| folder.join(leaf).display().to_string();
    let text = format!(
        "daemon off; master_process off; pid {}; error_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 300; client_body_buffer_size 64k;\n\
         client_body_temp_path {}; proxy_temp_path {}; fastcgi_temp_path {}; uwsgi_temp_path {}; scgi_temp_path {};\n\
         {http}\nserver {{ listen {address}; {server} }} }}\n",
        path(&format!("{name}.pid")),
        path("body"),
        path("proxy"),
        path("fastcgi"),
        path("uwsgi"),
        path("scgi"),
    );
    std::fs::write(&file, text).unwrap();
    let child = Command::new(program)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&file)
        .args(["-e", "stderr"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "cannot start {}: {error}; give its path with --nginx",
                program.display()
            )
        });
    let process = Process(child);
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            return (process, address);
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("nginx did not start");
}
