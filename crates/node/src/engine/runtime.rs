//! What the engine asks of a runtime: tasks, time, storage, randomness and metrics, from wherever they come.

use commonware_runtime::{Clock, Metrics, Spawner, Storage};
use rand::CryptoRng;

/// A runtime that can carry an operator: Tokio in production, the seeded deterministic one in tests.
pub trait Runtime: Spawner + Clock + Storage + Metrics + CryptoRng + Send + Sync + 'static {}

impl<E: Spawner + Clock + Storage + Metrics + CryptoRng + Send + Sync + 'static> Runtime for E {}
