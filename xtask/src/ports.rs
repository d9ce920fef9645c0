//! Finds ports for a network that nobody gave ports.

use std::net::{Ipv4Addr, TcpListener};

/// Ports that one devnet takes, counted from its base port (`rampart devnet --help`).
const RANGE: u16 = 32;
/// Below what systems hand out by themselves (from 32768), so that a connection of somebody else does not get in the way.
const CANDIDATES: std::ops::Range<u16> = 23_000..32_000;

/// The first base port whose whole range is free on this machine now.
pub(crate) fn free_base() -> Option<u16> {
    first_free(CANDIDATES.step_by(usize::from(RANGE)), is_free)
}

fn first_free(mut bases: impl Iterator<Item = u16>, is_free: impl Fn(u16) -> bool) -> Option<u16> {
    bases.find(|base| (*base..base + RANGE).all(&is_free))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_with_one_taken_port_is_passed_over() {
        let found = first_free([1000, 2000, 3000].into_iter(), |port| {
            port != 1031 && port != 2000
        });
        assert_eq!(found, Some(3000));
    }

    #[test]
    fn no_free_range_is_no_base() {
        assert_eq!(first_free([1000].into_iter(), |_| false), None);
    }

    #[test]
    fn a_bound_port_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
