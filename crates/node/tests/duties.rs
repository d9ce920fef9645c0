//! An operator's duties without anyone's hand (P3, V8): a service that goes down is reported and its score falls, cases are
//! decided by the judge or by what the operator's people decided, and a verdict that was committed is revealed even if the
//! operator was killed in between.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "duties/market.rs"]
mod market;
mod operator;
#[path = "duties/sidecar.rs"]
mod sidecar;

use market::{buy, dispute, duties, open, params};
use operator::{Stage, eventually};
use rampart_client::NodeClient;
use rampart_node::monitor::judge::Decisions;
use rampart_node::monitor::sealed::Folder;
use rampart_node::{Keys, NodeConfig};
use rampart_protocol::api::ReviewStage;
use rampart_protocol::{CaseId, ProviderId, PurchaseId, ServiceId, verdict};
use std::path::Path;
use std::process::{Child, Command, Stdio};

async fn reaches(client: &NodeClient, purchase: PurchaseId, stage: ReviewStage) {
    eventually("the verdict", || async {
        let review = client.review(purchase).await.ok()?;
        assert!(
            review.stage == ReviewStage::Challenged || review.stage == stage,
            "the review is {}, not {stage}",
            review.stage
        );
        (review.stage == stage).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_reported_once_and_decides_a_dispute_and_people_decide_another() {
    let mut stage = Stage::with(params(6, 8, 8)).await;
    stage.config.duties = Some(duties());
    let running = stage.start().await;
    let [_, failing] = open(&stage, &running).await;
    let client = running.client();
    assert_eq!(
        client.status().await.unwrap().duties,
        ["probe", "report", "judge"]
    );
    let disputed = [buy(&stage, &running, 1).await, buy(&stage, &running, 2).await];
    eventually("the first probe", || async {
        (failing.asked() > 0).then_some(())
    })
    .await;

    let before = client.provider(ProviderId(2)).await.unwrap().score;
    failing.set_up(false);
    eventually("the outage", || async {
        let service = client.service(ServiceId(2)).await.unwrap();
        (service.outages > 0).then_some(())
    })
    .await;
    failing.set_up(true);
    let (sound, down) = (
        client.service(ServiceId(1)).await.unwrap(),
        client.provider(ProviderId(2)).await.unwrap(),
    );
    assert!(down.score < before, "{} then {}", before, down.score);
    assert_eq!(sound.outages, 0);
    let operator = stage.operators.operators[0].checkpoint_key;
    let duty = client.operator(operator).await.unwrap().participation;
    assert_eq!((duty.pages, duty.missed_vote), (1, false));
    assert!(duty.reported <= 1);

    // The outage supports the complaint about service 2. Nothing supports the one about service 1, but people decide so.
    let verdicts = stage.config.state_dir.join("verdicts");
    let decisions = Decisions::new(&verdicts, stage.domain());
    let cases = disputed.map(verdict::review);
    decisions.decide(cases[0], true, "we called them".into()).unwrap();
    for purchase in disputed {
        dispute(&stage, &running, purchase).await;
    }
    for purchase in disputed {
        reaches(&client, purchase, ReviewStage::Upheld).await;
    }
    let folder = Folder::new(&verdicts, stage.domain());
    let reasons = |case: CaseId| folder.of_case(case).unwrap().remove(0).reasons;
    assert_eq!(reasons(cases[0]), ["decided by hand", "we called them"]);
    assert!(
        reasons(cases[1])[0].starts_with("+4: the operators established"),
        "{:?}",
        reasons(cases[1])
    );
    assert!(!client.operator(operator).await.unwrap().participation.missed_vote);

    // Nothing at all supports a complaint about a service that is up.
    let idle = buy(&stage, &running, 1).await;
    dispute(&stage, &running, idle).await;
    reaches(&client, idle, ReviewStage::Overturned).await;
    running.stop().await;
}

/// An operator as a process of its own, so that it can be killed.
struct Process {
    child: Child,
}

impl Process {
    fn start(config: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "operator_process", "--ignored", "--nocapture"])
            .env("RAMPART_TEST_OPERATOR", config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// SIGKILL, as a power cut would.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: the process that [`Process`] starts.
#[test]
#[ignore = "run by another test, as a process"]
fn operator_process() {
    let Some(path) = std::env::var_os("RAMPART_TEST_OPERATOR") else {
        return;
    };
    let config = NodeConfig::load(Path::new(&path)).unwrap();
    let keys = Keys::from_files(&config).unwrap();
    rampart_node::run(config, keys, std::future::pending).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_was_committed_is_revealed_after_a_kill() {
    let mut stage = Stage::with(params(3_600, 8, 60)).await;
    stage.config.duties = Some(duties());
    // The market is made by an operator in this process, which then goes.
    let running = stage.start().await;
    let _sidecars = open(&stage, &running).await;
    let purchase = buy(&stage, &running, 1).await;
    let case = dispute(&stage, &running, purchase).await;
    let client = running.client();
    running.stop().await;

    let config = stage.config.state_dir.with_file_name("node.toml");
    std::fs::write(&config, toml::to_string(&stage.config).unwrap()).unwrap();
    let process = Process::start(&config);
    eventually("the commitment", || async {
        let view = client.case(case).await.ok()?;
        assert!(view.votes[0].upheld.is_none());
        view.votes[0].committed.then_some(())
    })
    .await;
    process.kill();

    let _process = Process::start(&config);
    eventually("the reveal", || async {
        let stage = client.review(purchase).await.ok()?.stage;
        let view = client.case(case).await.ok();
        let revealed = view.is_some_and(|view| view.votes[0].upheld == Some(false));
        (revealed || stage == ReviewStage::Overturned).then_some(())
    })
    .await;
}
