//! Bytes as the choices of a history: everything that must hold after every input, and of the whole state at the end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rampart_ledger_fuzz::fuzzing::apply_history(bytes));
