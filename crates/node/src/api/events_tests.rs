#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn streams_are_bounded_in_all_and_for_an_address_and_free_their_places() {
    let streams = Streams::default();
    let address = |n: u8| IpAddr::from([10, 0, 0, n]);
    let mut own: Vec<Place> = (0..MAX_STREAMS_PER_ADDRESS)
        .map(|_| streams.enter(address(1)).unwrap())
        .collect();
    assert!(streams.enter(address(1)).is_none());
    own.pop();
    own.push(streams.enter(address(1)).unwrap());
    let rest = MAX_STREAMS - MAX_STREAMS_PER_ADDRESS;
    let others: Vec<Place> = (0..rest)
        .map(|n| {
            let n = u8::try_from(2 + n / MAX_STREAMS_PER_ADDRESS).unwrap();
            streams.enter(address(n)).unwrap()
        })
        .collect();
    assert!(streams.enter(address(200)).is_none());
    drop((own, others));
    assert!(streams.0.lock().unwrap().is_empty());
}

#[test]
fn the_last_id_goes_before_the_height_and_without_either_the_next_block_is_first() {
    let mut headers = HeaderMap::new();
    let at = |height, number| EventId { height, number };
    assert_eq!(start(&headers, None, 9).unwrap(), at(10, 0));
    assert_eq!(start(&headers, Some(3), 9).unwrap(), at(3, 0));
    headers.insert("last-event-id", "4-2".parse().unwrap());
    assert_eq!(start(&headers, Some(3), 9).unwrap(), at(4, 3));
    headers.insert("last-event-id", "four".parse().unwrap());
    assert_eq!(
        start(&headers, None, 9).unwrap_err().error.name,
        "malformed_event_id"
    );
}

#[test]
fn kinds_that_do_not_exist_are_refused() {
    let query = |kinds: &str| EventsQuery {
        from: None,
        kinds: Some(kinds.to_owned()),
        provider: None,
        consumer: None,
    };
    let filter = query("purchase,review").filter().unwrap();
    assert_eq!(filter.kinds, [EventKind::Purchase, EventKind::Review]);
    assert_eq!(
        query("purchases").filter().unwrap_err().error.name,
        "malformed_query"
    );
}
