//! An operator with several endpoints of its chain: one of them lies, another dies, and a restart goes on where it was.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "operator/http.rs"]
mod http;
mod operator;
#[path = "../../chain/tests/support/proxy.rs"]
mod proxy;

use operator::{Running, Stage, account, eventually, tokens};
use proxy::{Manner, Proxy};
use rampart_node::config::Rpc;
use serde_json::Value;

async fn chains(running: &Running) -> Value {
    let answer = http::get(running.api, "/v1/chains").await;
    assert_eq!(answer.status, 200);
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_and_deaths_of_a_minority_change_nothing_and_a_restart_reads_on() {
    let mut stage = Stage::new().await;
    let proxies = [
        Proxy::start(&stage.anvil.url, Manner::Honest).await,
        Proxy::start(&stage.anvil.url, Manner::Steals).await,
        Proxy::start(&stage.anvil.url, Manner::Honest).await,
    ];
    stage.config.l2_rpc = Rpc::Several(proxies.iter().map(|proxy| proxy.url.clone()).collect());
    let running = stage.start().await;
    let (ann, bob) = (account(1).address(), account(2).address());
    stage.fund(&running, &[(ann, tokens(9))]).await;
    let told = chains(&running).await;
    let source = &told["sources"][0];
    assert_eq!(
        (&source["source"], &source["quorum"]),
        (&"inbox".into(), &2.into())
    );
    assert_eq!(source["endpoints"][1]["standing"], "distrusted", "{told}");
    assert!(!told.to_string().contains("SECRETKEY"));
    // The liar repents; of the two others one dies.
    proxies[1].becomes(Manner::Honest);
    proxies[2].becomes(Manner::Away);
    stage.fund(&running, &[(bob, tokens(4))]).await;
    let accepted = eventually("a checkpoint whose acceptance is final", || async {
        stage.anvil.mine(1).await;
        let told = chains(&running).await;
        told["settledHeight"].as_u64().filter(|height| *height > 0)
    })
    .await;
    let told = chains(&running).await;
    assert!(told["acceptedHeight"].as_u64().unwrap() >= accepted);
    assert_eq!(told["l2Account"]["low"], false, "{told}");
    // How far was read is written every ten seconds.
    let mark = stage.config.state_dir.join("feed/inbox.json");
    eventually("the mark", || async {
        let kept: Option<Value> = serde_json::from_str(&std::fs::read_to_string(&mark).ok()?).ok();
        kept.filter(|kept| kept["nextIndex"] == 2).map(drop)
    })
    .await;
    running.stop().await;

    let running = stage.start().await;
    stage.fund(&running, &[(ann, tokens(1))]).await;
    assert_eq!(running.client().account(ann).await.unwrap().balance, tokens(10));
    // The state of a block can be read a moment before the block is told as the last one.
    eventually("the block that consumed it", || async {
        let status = running.client().status().await.unwrap();
        (status.inbox_count == 3).then_some(())
    })
    .await;
    running.stop().await;
}
