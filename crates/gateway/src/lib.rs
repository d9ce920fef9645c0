//! The consumer's JSON-RPC firewall (N1): a gateway in front of a blockchain node.
//!
//! Reads pass through unchanged. Each transaction is decoded, checked, and put before the security vendors whose
//! services the administrator bought (N2); the policy turns their verdicts into a decision, and only what passed is
//! relayed. The gateway signs its requests to the vendors' sidecars (C6) and keeps the sequence numbers that it used;
//! what a transaction does is the vendors' judgement, never the gateway's.
//!
//! It knows neither the ledger nor the operators' node: purchases come from a [`wallet`] directory, and what must be
//! proven about them is proven by their confirmations.
//!
//! # Limits of the port
//! Size of bodies and batches, connections, time for a head and for a whole request, screenings at once:
//! [`config::Limits`]. TLS is terminated in front of the gateway; it speaks HTTP/1.1.
//!
//! # Errors to the client
//! HTTP 200 with a JSON-RPC error for everything that concerns one call, so that a batch keeps its other answers;
//! another HTTP status only where the request as a whole cannot be read (400 is never used for JSON-RPC content).
//! Codes: see [`jsonrpc::code`].

pub mod access;
mod asking;
mod blocks;
pub mod breaker;
mod client;
mod clock;
pub mod config;
pub mod decisions;
mod durable;
mod error;
mod form;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod handler;
pub mod health;
pub mod jsonrpc;
mod kept;
mod node_signed;
pub mod policy;
mod purchase;
mod refusal;
pub mod reload;
pub mod rules;
mod screening;
mod sequence;
mod server;
mod service;
mod stall;
mod submission;
mod target;
mod transaction;
mod upstream;
mod user_operation;
mod verdict;
pub mod wallet;
mod websocket;

pub use config::Config;
pub use error::GatewayError;
pub use form::Form;
pub use reload::Reloader;
pub use server::{Bound, bind, run};
pub use transaction::TransactionError;
