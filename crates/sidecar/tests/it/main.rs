//! The sidecar at its real ports: real operators' certificates, real signatures built by hand, a real upstream.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod blocks;
mod buyer;
mod floods;
mod hostile;
mod independent;
mod metering;
mod nodes;
mod operators;
mod refusals;
mod running;
mod serving;
mod smuggling;
mod upstreams;
mod vendor;
