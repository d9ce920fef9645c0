//! Time that an operator's own work takes: what is written down takes a while, and an operator may be killed in the middle of
//! it. Which of its steps it was in, is told, so that a series of plans can say that it met them all.

use super::Monitored;
use super::workload::Operator;
use commonware_runtime::{Clock as _, deterministic::Context};
use rampart_node::application::{Candidates, Feed, Finalized, Refused, Request, Sink, Source, Verdict};
use rampart_protocol::{Handover, Observation};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

/// A step of an operator that can be cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The engine is at work: it votes, executes, waits for others, or syncs.
    #[default]
    Engine,
    /// It is the leader, and waits for something to put into a block.
    Waiting,
    /// It takes up candidates for its block.
    Building,
    /// It compares a block with its own view of the chains.
    Checking,
    /// A block is final, and not written down yet.
    BeforeWriting,
    /// A final block is written down, and the engine does not know it yet.
    AfterWriting,
}

/// Every step, in order.
pub const STEPS: [Step; 6] = [
    Step::Engine,
    Step::Waiting,
    Step::Building,
    Step::Checking,
    Step::BeforeWriting,
    Step::AfterWriting,
];

/// An operator that stands still in a step, from some time on until it is killed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    pub operator: usize,
    pub step: Step,
    /// Simulated time from which it stands still when it comes to the step.
    pub from: Duration,
    /// When it is killed.
    pub killed: Duration,
}

/// The steps that an operator is in, over its restarts: a leader may wait while the block before is written down. None is the
/// engine's.
pub type Place = Arc<Mutex<BTreeSet<Step>>>;

/// One operator's seams, which take their time.
#[derive(Clone)]
pub struct Staged {
    context: Arc<Context>,
    operator: Operator,
    sink: Monitored,
    place: Place,
    /// How long each of the steps takes.
    each: Duration,
    stalls: Arc<Vec<Stall>>,
}

impl Staged {
    /// `stalls` are those of this operator.
    pub fn new(
        context: Context,
        operator: Operator,
        sink: Monitored,
        place: Place,
        each: Duration,
        stalls: Vec<Stall>,
    ) -> Self {
        place.lock().unwrap().clear();
        Self {
            context: Arc::new(context),
            operator,
            sink,
            place,
            each,
            stalls: Arc::new(stalls),
        }
    }

    fn enter(&self, step: Step) {
        let mut place = self.place.lock().unwrap();
        // The engine no longer wants to wait: it builds, or another leads.
        if matches!(step, Step::Building | Step::Checking) {
            place.remove(&Step::Waiting);
        }
        place.insert(step);
    }

    /// Stands still where a plan has it stand still.
    async fn stall(&self, step: Step) {
        let now = self.context.current().duration_since(UNIX_EPOCH).unwrap();
        let here = |stall: &&Stall| stall.step == step && (stall.from..stall.killed).contains(&now);
        if let Some(stall) = self.stalls.iter().find(here) {
            // Longer than the harness takes to act: it is killed here, not when it has gone on.
            let long = stall.killed - now + Duration::from_secs(1);
            self.context.sleep(long).await;
        }
    }

    /// Does something as one step, which is left when it is done; not when the operator is killed in it.
    async fn step<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        self.enter(step);
        self.stall(step).await;
        if step != Step::Waiting && !self.each.is_zero() {
            self.context.sleep(self.each).await;
        }
        let done = work.await;
        self.place.lock().unwrap().remove(&step);
        done
    }
}

impl Source for Staged {
    async fn ready(&self, request: &Request) {
        self.step(Step::Waiting, self.operator.ready(request)).await;
    }

    async fn candidates(&self, request: &Request) -> Candidates {
        self.step(Step::Building, self.operator.candidates(request)).await
    }

    async fn refused(&self, refused: Vec<Refused>) {
        self.operator.refused(refused).await;
    }
}

impl Feed for Staged {
    async fn check(&self, observation: &Observation) -> Verdict {
        self.step(Step::Checking, self.operator.check(observation)).await
    }
}

impl Sink for Staged {
    fn handover(&self, epoch: u64) -> Option<Handover> {
        self.operator.handover(epoch)
    }

    async fn finalized(&self, block: Finalized) {
        self.step(Step::BeforeWriting, self.sink.finalized(block)).await;
        self.step(Step::AfterWriting, async {}).await;
    }
}
