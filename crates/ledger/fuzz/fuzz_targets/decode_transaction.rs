//! Bytes from anywhere: they decode to one thing that encodes to them again, or are refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rampart_ledger_fuzz::fuzzing::decode(bytes));
