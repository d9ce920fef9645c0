//! Everything that crosses a process boundary, seen from outside: frozen bytes, strict decoding, signatures, and the vectors
//! that Solidity and TypeScript read too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod confirmation;
mod ecdsa;
mod ed25519;
mod eip712_vectors;
mod encoding;
mod frozen;
mod http_vectors;
mod json;
mod limits;
mod mac;
mod merkle_vectors;
mod message_samples;
mod observation_samples;
mod operator_keys;
mod operators;
mod profile;
mod purchasers;
mod roundtrip;
mod samples;
mod settlement_vectors;
mod strategies;
mod typed_data;
mod vectors;
mod verdicts;
mod vouchers;
mod wycheproof_vectors;
