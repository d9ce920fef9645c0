//! libFuzzer's program: runs the target that `RAMPART_FUZZ_TARGET` names.
#![no_main]

use rampart_fuzz::{Target, targets};
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("RAMPART_FUZZ_TARGET").unwrap_or_default();
    let found = targets().into_iter().find(|target| target.name == name);
    found.expect("RAMPART_FUZZ_TARGET names a target")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET.run(bytes));
