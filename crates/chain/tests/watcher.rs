//! What several endpoints of a real chain make of it: lies, lags, deaths and reorganisations.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/world.rs"]
mod world;

use alloy::primitives::Address;
use proxy::{Manner, Proxy};
use rampart_chain::tracker::{Fault, Mark, News, Round, Standing};
use rampart_chain::{Endpoints, Finality, Sequence, Target, Watcher};
use rampart_protocol::Amount;
use rampart_protocol::observation::Observation;
use world::node::Anvil;
use world::{CHAIN, World};

fn target(world: &World) -> Target {
    Target {
        sequence: Sequence::Inbox,
        contract: world.contracts.settlement,
        chain_id: CHAIN,
        deployed_at: world.contracts.deployed_at,
        finality: Finality::Finalized,
    }
}

fn watcher(world: &World, urls: &[&str], quorum: usize, resume: Option<Mark>) -> Watcher {
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    let endpoints = Endpoints::new(urls, Some(quorum)).unwrap();
    Watcher::new(&endpoints, target(world), resume).unwrap()
}

async fn proxies(world: &World, manners: &[Manner]) -> Vec<Proxy> {
    let mut proxies = Vec::new();
    for manner in manners {
        proxies.push(Proxy::start(&world.anvil.url, *manner).await);
    }
    proxies
}

fn urls(proxies: &[Proxy]) -> Vec<&str> {
    proxies.iter().map(|proxy| proxy.url.as_str()).collect()
}

async fn deposit(world: &World, amount: u128) {
    let account = Address::repeat_byte(0xaa);
    world
        .settlement(0)
        .deposit(account, Amount(amount))
        .await
        .unwrap();
}

fn amounts(round: &Round) -> Vec<u128> {
    let amount = |entry: &Observation| match entry {
        Observation::Deposit(deposit) => {
            assert_eq!(deposit.account, Address::repeat_byte(0xaa));
            deposit.amount.0
        }
        other => panic!("{other:?}"),
    };
    round.entries.iter().map(amount).collect()
}

fn faults(round: &Round) -> Vec<(usize, Fault)> {
    let fault = |news: &News| match news {
        News::Distrusted { position, fault, .. } => Some((*position, fault.clone())),
        _ => None,
    };
    round.news.iter().filter_map(fault).collect()
}

#[tokio::test]
async fn two_honest_endpoints_are_enough_whatever_the_third_does() {
    let world = World::start().await;
    deposit(&world, 5).await;
    deposit(&world, 6).await;
    world.anvil.mine(3).await;
    for manner in [
        Manner::Away,
        Manner::Lags(3),
        Manner::Lags(900),
        Manner::Steals,
        Manner::Hides,
        Manner::Babbles,
        Manner::Forks,
    ] {
        let proxies = proxies(&world, &[manner, Manner::Honest, Manner::Honest]).await;
        let mut watcher = watcher(&world, &urls(&proxies), 2, None);
        let round = watcher.round(0).await;
        assert_eq!(amounts(&round), [5, 6], "{manner:?}");
        let status = watcher.status();
        let lies = matches!(manner, Manner::Steals | Manner::Hides | Manner::Forks);
        assert_eq!(!faults(&round).is_empty(), lies, "{manner:?}: {:?}", round.news);
        let standing = match manner {
            Manner::Lags(_) => Standing::Good,
            _ if lies => Standing::Distrusted,
            _ => Standing::Silent,
        };
        assert_eq!(status[0].1.standing, standing, "{manner:?}");
        let said = format!("{status:?} {:?} {watcher:?}", round.news);
        assert!(!said.contains("SECRETKEY"), "{said}");
    }
}

#[tokio::test]
async fn one_honest_endpoint_of_three_decides_nothing_until_another_is_back() {
    let world = World::start().await;
    deposit(&world, 5).await;
    world.anvil.mine(3).await;
    let proxies = proxies(&world, &[Manner::Honest, Manner::Away, Manner::Steals]).await;
    let mut watcher = watcher(&world, &urls(&proxies), 2, None);
    for round in 0..3 {
        assert_eq!(amounts(&watcher.round(round * 60_000).await), [] as [u128; 0]);
    }
    proxies[1].becomes(Manner::Honest);
    let round = watcher.round(1_000_000).await;
    assert_eq!(amounts(&round), [5]);
    assert!(round.news.contains(&News::Back(1)));
    assert!(matches!(faults(&round)[..], [(2, Fault::Contradicts { .. })]));
}

#[tokio::test]
async fn an_endpoint_of_another_chain_and_one_whose_node_dies_do_not_count() {
    let mut world = World::start().await;
    let other = Anvil::start(CHAIN + 1);
    deposit(&world, 5).await;
    world.anvil.mine(3).await;
    let node = world.anvil.url.clone();
    let proxies = proxies(&world, &[Manner::Honest]).await;
    let mut watcher = watcher(&world, &[&node, &other.url, &proxies[0].url], 2, None);
    let round = watcher.round(0).await;
    let expected = Fault::OtherChain {
        expected: CHAIN,
        actual: CHAIN + 1,
    };
    assert_eq!((amounts(&round), faults(&round)), (vec![5], vec![(1, expected)]));
    world.anvil.kill();
    let before = watcher.tracker().cursor();
    for round in 1..4 {
        assert_eq!(watcher.round(round * 100_000).await.entries, []);
    }
    assert_eq!(watcher.tracker().cursor(), before);
}

#[tokio::test]
async fn what_is_reorganised_before_it_is_final_is_never_told() {
    let world = World::start().await;
    let mut watcher = watcher(&world, &[&world.anvil.url.clone()], 1, None);
    deposit(&world, 5).await;
    world.anvil.mine(1).await;
    assert_eq!(amounts(&watcher.round(0).await), [] as [u128; 0]);
    // The block of the deposit, one block deep, and the one on top.
    world.anvil.reorganise(2).await;
    deposit(&world, 7).await;
    world.anvil.mine(2).await;
    let round = watcher.round(1_000).await;
    assert_eq!(amounts(&round), [7]);
    assert_eq!(round.news, []);
}

#[tokio::test]
async fn a_reorganisation_of_what_was_final_stops_the_reading_over_a_restart_too() {
    let world = World::start().await;
    let url = world.anvil.url.clone();
    let mut watcher = watcher(&world, &[&url], 1, None);
    deposit(&world, 5).await;
    world.anvil.mine(3).await;
    let round = watcher.round(0).await;
    assert_eq!(amounts(&round), [5]);
    let mark = round.mark.unwrap();
    world.anvil.reorganise(4).await;
    deposit(&world, 7).await;
    world.anvil.mine(4).await;
    let round = watcher.round(10_000).await;
    assert!(watcher.tracker().is_halted());
    assert_eq!(round.entries, []);
    assert!(matches!(round.news[..], [News::Reorganised { agreed, .. }] if agreed == mark.block));
    let mut again = self::watcher(&world, &[&url], 1, Some(mark));
    assert_eq!(again.round(0).await.entries, []);
    assert!(again.tracker().is_halted());
}

#[tokio::test]
async fn reading_goes_on_from_a_mark_without_what_came_before() {
    let world = World::start().await;
    let url = world.anvil.url.clone();
    let mut first = watcher(&world, &[&url], 1, None);
    deposit(&world, 5).await;
    world.anvil.mine(3).await;
    let mark = first.round(0).await.mark.unwrap();
    deposit(&world, 6).await;
    world.anvil.mine(3).await;
    let mut again = watcher(&world, &[&url], 1, Some(mark));
    let round = again.round(0).await;
    assert_eq!(amounts(&round), [6]);
    assert_eq!(round.entries[0].index(), 1);
}

#[tokio::test]
async fn confirmations_can_stand_for_finality_where_a_chain_has_none() {
    let world = World::start().await;
    let endpoints = Endpoints::new(vec![world.anvil.url.clone()], None).unwrap();
    let target = Target {
        finality: Finality::Confirmations(5),
        ..target(&world)
    };
    let mut watcher = Watcher::new(&endpoints, target, None).unwrap();
    deposit(&world, 5).await;
    world.anvil.mine(4).await;
    assert_eq!(amounts(&watcher.round(0).await), [] as [u128; 0]);
    world.anvil.mine(1).await;
    assert_eq!(amounts(&watcher.round(1_000).await), [5]);
}
