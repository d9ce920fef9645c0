//! Reading the files of `vectors/`, and writing those that Rust makes.
//!
//! With `RAMPART_BLESS=1` a test writes its file anew; otherwise it fails on any difference.

use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors")
        .join(name)
}

/// A file of `vectors/`.
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(path(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Compares with the committed file, or writes it when blessed.
pub fn bless(name: &str, value: &Value) {
    if std::env::var_os("RAMPART_BLESS").is_some_and(|on| on == "1") {
        let mut text = serde_json::to_string_pretty(value).unwrap();
        text.push('\n');
        std::fs::write(path(name), text).unwrap();
        return;
    }
    let committed: Value = read(name);
    assert_eq!(
        &committed, value,
        "vectors/{name} differs; if the change of bytes is wanted, run the test with RAMPART_BLESS=1"
    );
}
