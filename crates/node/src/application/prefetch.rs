//! Which records are loaded along with one that the ledger asked for, since it will ask for them next.
//!
//! The ledger stops at each record that is not there and starts anew, so work that reads n records one by one would cost
//! n^2. These are the lists that it walks; a wrong guess costs a look-up, never a wrong answer.

use super::execute::Loaded;
use rampart_ledger::{Input, Key, Kind, Record, SERVICES_PER_PAGE};
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{Message, ServiceId};

/// What will be asked for after `asked`.
pub(super) fn companions(records: &Loaded, input: &Input, asked: &Key) -> Vec<Key> {
    let kind = asked.as_bytes()[31];
    let is = |wanted: Kind| kind == wanted as u8;
    if is(Kind::Operator) {
        return operators(records);
    }
    match input {
        Input::Begin if is(Kind::AvailabilityPage) => availability(records),
        Input::Transaction(prepared) => match prepared.message() {
            Message::ReportAvailability(report) if is(Kind::Service) => services(report),
            Message::ReportAvailability(report) if is(Kind::Provider) => providers(records, report),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The page of escrow after the one under `key`. Of the newest page it names one that may not exist.
pub(super) fn next_page(records: &Loaded, key: &Key) -> Option<Key> {
    match records.known(key)? {
        Record::EscrowPage(page) if page.next > page.start => {
            Some(Key::escrow_page(page.provider, page.next))
        }
        _ => None,
    }
}

/// Whoever asks for one operator to pay it pays the others too.
fn operators(records: &Loaded) -> Vec<Key> {
    match records.known(&Key::operator_set()) {
        Some(Record::OperatorSet(set)) => set
            .seats
            .iter()
            .map(|seat| Key::operator(&seat.operator))
            .collect(),
        _ => Vec::new(),
    }
}

/// An epoch's end deletes every page.
fn availability(records: &Loaded) -> Vec<Key> {
    let Some(Record::Globals(globals)) = records.known(&Key::globals()) else {
        return Vec::new();
    };
    let Some(reported) = globals.epoch.number.checked_sub(1) else {
        return Vec::new();
    };
    let pages = (0..globals.epoch.pages).filter_map(|page| u32::try_from(page).ok());
    pages.map(|page| Key::availability(reported, page)).collect()
}

fn down(report: &ReportAvailability) -> impl Iterator<Item = ServiceId> + '_ {
    let first = u64::from(report.page) * SERVICES_PER_PAGE + 1;
    let bits = report
        .down
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    (first..)
        .zip(bits)
        .filter(|(_, down)| *down)
        .map(|(id, _)| ServiceId(id))
}

fn services(report: &ReportAvailability) -> Vec<Key> {
    down(report).map(Key::service).collect()
}

fn providers(records: &Loaded, report: &ReportAvailability) -> Vec<Key> {
    let services = down(report).filter_map(|id| match records.known(&Key::service(id)) {
        Some(Record::Service(service)) => Some(Key::provider(service.provider)),
        _ => None,
    });
    services.collect()
}
