//! An operator that equivocates: two whole engines with one key, each talking to its own part of the others.
//!
//! Each half is honest by itself, so everything that it sends is well formed; together they propose two blocks in
//! one view and vote for both.

use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::engine::ChannelPair;
use commonware_p2p::{
    Recipients,
    simulated::{Receiver, SplitForwarder, SplitOrigin, SplitSender, SplitTarget},
};
use commonware_runtime::{Supervisor as _, deterministic::Context};

/// Which channels, in their order, carry what is meant for everyone: votes, certificates and blocks. Both engines
/// hear these from all; answers to requests go only to the engine that can have asked.
const BROADCASTS: [bool; 8] = [true, true, false, false, true, false, false, false];

/// One engine's side of every channel.
pub type Half<F> = [(SplitSender<PublicKey, Context, F>, Receiver<PublicKey>); 8];

/// Lets the first engine reach the first two of the others, and the second engine the rest.
pub fn forwarder(others: &[PublicKey]) -> impl SplitForwarder<PublicKey> + use<> {
    let (first, second) = others.split_at(2);
    let (first, second) = (first.to_vec(), second.to_vec());
    move |origin: SplitOrigin, recipients: &Recipients<PublicKey>, _: &_| {
        let reachable = match origin {
            SplitOrigin::Primary => &first,
            SplitOrigin::Secondary => &second,
        };
        match recipients {
            Recipients::All => Some(Recipients::Some(reachable.clone())),
            Recipients::Some(keys) => Some(Recipients::Some(
                keys.iter()
                    .filter(|key| reachable.contains(key))
                    .cloned()
                    .collect(),
            )),
            Recipients::One(key) => reachable.contains(key).then(|| Recipients::One(key.clone())),
        }
    }
}

/// Splits every channel between two engines.
pub fn split<F: SplitForwarder<PublicKey>>(
    context: &Context,
    others: &[PublicKey],
    forwarder: &F,
    channels: [ChannelPair<PublicKey>; 8],
) -> (Half<F>, Half<F>) {
    let mut shared = BROADCASTS.into_iter();
    let pairs = channels.map(|(sender, receiver)| {
        let both = shared.next().unwrap_or_default();
        let first: Vec<PublicKey> = others[..2].to_vec();
        let (one, two) = sender.split_with(forwarder.clone());
        let (for_one, for_two) = receiver.split_with(context.child("split"), move |(from, _)| {
            match (both, first.contains(from)) {
                (true, _) => SplitTarget::Both,
                (false, true) => SplitTarget::Primary,
                (false, false) => SplitTarget::Secondary,
            }
        });
        ((one, for_one), (two, for_two))
    });
    let [a, b, c, d, e, f, g, h] = pairs;
    (
        [a.0, b.0, c.0, d.0, e.0, f.0, g.0, h.0],
        [a.1, b.1, c.1, d.1, e.1, f.1, g.1, h.1],
    )
}
