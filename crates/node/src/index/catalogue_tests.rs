//! Services and purchases as they are searched for, and the events of blocks: with the real ledger's blocks.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::store::tests::{ALICE, BOB, DAY, OWNER, World, purchases, tokens};
use crate::index::{Buyer, Index, Place, ServiceFilter};
use rampart_protocol::api::{EventFilter, EventId, EventKind, EventView, ReviewChange};
use rampart_protocol::message::{Review, UpdateService};
use rampart_protocol::{AccessKey, Address, Amount, B256, Category, ProviderId, Seconds, ServiceId};

fn market() -> (World, Index) {
    let mut index = None;
    let world = World::market(&mut index);
    (world, index.unwrap())
}

/// New terms of a service of the first provider.
fn update(world: &World, fee: u128, category: Category, description: &str) -> UpdateService {
    UpdateService {
        service: ServiceId(1),
        category,
        description: description.into(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        requests: 10,
        fee: tokens(fee),
        min_duration: Seconds(3_600),
        max_duration: Seconds(90 * DAY),
        components: Vec::new(),
        upstream_key: AccessKey::default(),
        active: true,
        nonce: world.nonce(OWNER),
    }
}

fn fitting(index: &Index, filter: &ServiceFilter) -> Vec<u64> {
    let ids = index.services_by_id(filter, 0, 100).unwrap();
    let rows = index.fitting(filter, ids).unwrap();
    rows.into_iter().flatten().map(|row| row.id.0).collect()
}

#[test]
fn services_are_found_by_what_they_are_now() {
    let (mut world, index) = market();
    let all = ServiceFilter::default();
    assert_eq!(fitting(&index, &all), [1, 2]);
    let message = update(&world, 40, Category::General, "Watches ÜBER wallets");
    index.apply(&world.block([(OWNER, message.into())])).unwrap();

    let filter = |change: &dyn Fn(&mut ServiceFilter)| {
        let mut filter = ServiceFilter::default();
        change(&mut filter);
        fitting(&index, &filter)
    };
    assert_eq!(filter(&|f| f.provider = Some(ProviderId(2))), [2]);
    assert_eq!(filter(&|f| f.category = Some(Category::General)), [1]);
    assert_eq!(filter(&|f| f.category = Some(Category::TransactionSecurity)), [2]);
    assert_eq!(filter(&|f| f.max_price = Some(tokens(99))), [1]);
    assert_eq!(filter(&|f| f.text = Some("über".into())), [1]);
    assert_eq!(filter(&|f| f.text = Some("screens".into())), [2]);
    // The provider's name counts too.
    assert_eq!(filter(&|f| f.text = Some("watch".into())), [1, 2]);
    assert!(filter(&|f| f.active = Some(false)).is_empty());
    assert_eq!(filter(&|f| f.active = Some(true)), [1, 2]);
}

#[test]
fn the_order_of_prices_follows_new_terms() {
    let (mut world, index) = market();
    let all = ServiceFilter::default();
    let prices = |filter: &ServiceFilter, after| index.services_by_price(filter, after, 10).unwrap();
    let at = |fee, id| (tokens(fee), ServiceId(id));
    assert_eq!(prices(&all, None), [at(100, 1), at(100, 2)]);
    assert_eq!(prices(&all, Some(at(100, 1))), [at(100, 2)]);
    let message = update(&world, 140, Category::General, "Dear");
    index.apply(&world.block([(OWNER, message.into())])).unwrap();
    assert_eq!(prices(&all, None), [at(100, 2), at(140, 1)]);
    let cheap = ServiceFilter {
        max_price: Some(tokens(139)),
        ..all
    };
    assert_eq!(prices(&cheap, None), [at(100, 2)]);
    assert_eq!(prices(&cheap, Some(at(139, 9))), []);
    assert_eq!(prices(&cheap, Some((Amount(u128::MAX), ServiceId(u64::MAX)))), []);
}

#[test]
fn purchases_are_found_by_consumer_and_by_service_page_by_page() {
    let (mut world, index) = market();
    let orders = [
        (BOB, world.order(BOB, 1, 0)),
        (ALICE, world.order(ALICE, 2, 0)),
        (BOB, world.order(BOB, 2, 1)),
    ];
    index.apply(&world.block(orders)).unwrap();
    index
        .apply(&world.block([(BOB, world.order(BOB, 1, 0))]))
        .unwrap();
    let places = |buyer, after, count| -> Vec<(u64, u32)> {
        let rows = index.purchases_by(buyer, after, count).unwrap();
        rows.iter()
            .map(|(place, _)| (place.height, place.position))
            .collect()
    };
    assert_eq!(places(Buyer::Consumer(BOB), None, 10), [(4, 0), (4, 2), (5, 0)]);
    assert_eq!(places(Buyer::Consumer(BOB), None, 1), [(4, 0)]);
    let after = Some(Place {
        height: 4,
        position: 0,
    });
    assert_eq!(places(Buyer::Consumer(BOB), after, 10), [(4, 2), (5, 0)]);
    assert_eq!(places(Buyer::Service(ServiceId(2)), None, 10), [(4, 1), (4, 2)]);
    assert_eq!(places(Buyer::Service(ServiceId(9)), None, 10), []);
    assert_eq!(places(Buyer::Consumer(Address::ZERO), None, 10), []);
    let rows = index.purchases_by(Buyer::Consumer(ALICE), None, 10).unwrap();
    assert_eq!((rows[0].1.consumer, rows[0].1.service), (ALICE, ServiceId(2)));
}

#[test]
fn events_are_told_in_order_whatever_the_pages_and_the_filter_leaves_what_is_wanted() {
    let (mut world, index) = market();
    let orders = [(BOB, world.order(BOB, 1, 0)), (ALICE, world.order(ALICE, 2, 0))];
    let block = world.block(orders);
    index.apply(&block).unwrap();
    let review = Review {
        purchase: purchases(&block)[0].id,
        fee: tokens(20),
        comment: "Let it through".into(),
        evidence: B256::ZERO,
        nonce: world.nonce(BOB),
    };
    index.apply(&world.block([(BOB, review.into())])).unwrap();

    let all = EventFilter::default();
    let whole = index.events(EventId::default(), &all, 100, 1_000).unwrap();
    assert_eq!(whole.next, 6);
    assert!(whole.events.is_sorted_by_key(|(id, _)| *id));
    let kinds: Vec<EventKind> = whole.events.iter().map(|(_, event)| event.kind()).collect();
    let count = |kind| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!(
        EventKind::ALL.map(count),
        [5, 2, 1, 2, 2],
        "blocks, purchases, reviews, services, providers"
    );
    // From any event on, in pages of any size, the rest is the same.
    for (position, (id, _)) in whole.events.iter().enumerate() {
        let (mut from, mut told) = (*id, Vec::new());
        loop {
            let page = index.events(from, &all, 1, 1).unwrap();
            told.extend(page.events);
            if page.next == from.height {
                break;
            }
            from = EventId {
                height: page.next,
                number: 0,
            };
        }
        assert_eq!(told, whole.events[position..]);
    }
    let of_rival = EventFilter {
        provider: Some(ProviderId(2)),
        kinds: vec![EventKind::Purchase],
        consumer: None,
    };
    let page = index.events(EventId::default(), &of_rival, 100, 1_000).unwrap();
    let [(id, EventView::Purchase(purchase))] = &page.events[..] else {
        panic!("one purchase: {page:?}");
    };
    assert_eq!(
        (*id, purchase.record.consumer),
        (EventId { height: 4, number: 2 }, ALICE)
    );
    let of_bob = EventFilter {
        consumer: Some(BOB),
        ..EventFilter::default()
    };
    let page = index.events(EventId::default(), &of_bob, 100, 1_000).unwrap();
    let [(_, EventView::Purchase(_)), (_, EventView::Review(review))] = &page.events[..] else {
        panic!("a purchase and its review: {page:?}");
    };
    assert_eq!(review.change, ReviewChange::Published);
}

#[test]
fn a_skipped_block_moves_the_first_height_with_events_and_heights_are_told() {
    let (mut world, index) = market();
    let heights = index.heights();
    assert_eq!((*heights.borrow(), index.events_since().unwrap()), (3, Some(1)));
    let _skipped = world.block([]);
    index.apply(&world.block([])).unwrap();
    assert_eq!((*heights.borrow(), index.events_since().unwrap()), (5, Some(5)));
    assert!(index.services_by_id(&ServiceFilter::default(), 0, 1).is_err());
}
