//! What clients ask, for the fuzz targets (`crates/fuzz`).

use super::catalogue::{Position, PurchasesQuery, ServicesQuery, read_place};
use super::events::{EventsQuery, start};
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, Uri};
use rampart_protocol::api::EventId;

/// A query string of every route that takes more than numbers, and the header that goes before one.
pub fn query(text: &str) {
    let Ok(uri) = format!("http://node/v1?{text}").parse::<Uri>() else {
        return;
    };
    if let Ok(Query(query)) = Query::<ServicesQuery>::try_from_uri(&uri) {
        let sort = query.sort.unwrap_or_default();
        let after = query.after.as_deref().map(|after| Position::read(sort, after));
        if let Some(Ok(position)) = after {
            let written = position.write(sort);
            let again = Position::read(sort, &written);
            assert!(again.is_ok_and(|again| again == position), "a cursor reads back");
        }
    }
    if let Ok(Query(query)) = Query::<PurchasesQuery>::try_from_uri(&uri) {
        let _ = query.after.as_deref().map(read_place);
    }
    if let Ok(Query(query)) = Query::<EventsQuery>::try_from_uri(&uri) {
        if let Ok(filter) = query.filter() {
            // No more kinds than names were given, however often one is repeated.
            assert!(filter.kinds.len() <= text.len());
        }
        let _ = start(&HeaderMap::new(), query.from, u64::MAX);
    }
    if let Ok(value) = HeaderValue::from_str(text) {
        let headers = [("last-event-id".parse().expect("a name"), value)];
        let from = start(&headers.into_iter().collect(), None, 7);
        let last = text.parse::<EventId>();
        assert!(from.is_ok_and(|from| last.is_ok_and(|last| from >= last)) || last.is_err());
    }
}
