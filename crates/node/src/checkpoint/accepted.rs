//! What the settlement contract has taken: as of the latest block, which a reorganisation may undo, and finally.
//!
//! The latest block decides what is submitted next; what is final decides what own checkpoints are forgotten, so that one whose
//! acceptance is undone can be submitted again.

use super::{Accepted, Checkpoints};
use rampart_protocol::eip712::EcdsaSignature;

/// Times in a row that a lower height must be told before it is believed: of several machines behind one endpoint, some lag.
const LOWER: u32 = 3;

/// The height that was told last, with a lower one believed only when it is told again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    height: u64,
    lower: u32,
}

impl Heard {
    /// What to believe now.
    pub(super) const fn hear(&mut self, told: u64) -> u64 {
        if told >= self.height {
            (self.height, self.lower) = (told, 0);
        } else {
            self.lower += 1;
            if self.lower >= LOWER {
                (self.height, self.lower) = (told, 0);
            }
        }
        self.height
    }
}

impl Checkpoints {
    /// Takes in which height is the last one on chain, and keeps its exits.
    pub(super) async fn learn(&self, height: u64) {
        let signatures = self.accept(height);
        let (exits, settled) = (self.exits.clone(), self.accepted().settled);
        match tokio::task::spawn_blocking(move || exits.accept(height, settled, signatures)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    height,
                    error,
                    "the exits of the last checkpoint cannot be marked as such"
                );
            }
            // Only when the process ends.
            Err(_) => {}
        }
    }

    /// Takes in which height is the last one on chain. Returns the signatures over the own checkpoint of that height.
    pub(super) fn accept(&self, height: u64) -> Vec<EcdsaSignature> {
        self.accepted.send_if_modified(|accepted| {
            let news = accepted.height != height;
            accepted.height = height;
            news
        });
        let mut state = self.state();
        if let Some(own) = state.own.get(&height).map(|signed| signed.checkpoint) {
            state.on_chain = Some(own);
        }
        let on_chain = state.on_chain.filter(|own| own.height == height);
        let signed = on_chain.map(|own| state.collection.signatures(&own));
        let signed = signed.unwrap_or_default().into_iter();
        signed.map(|signed| signed.signature).collect()
    }

    /// Takes in whose acceptance is final, and forgets own checkpoints up to it.
    pub(super) fn settled(&self, height: u64) {
        let mut settled = 0;
        self.accepted.send_if_modified(|Accepted { settled: known, .. }| {
            let news = height > *known;
            *known = (*known).max(height);
            settled = *known;
            news
        });
        let mut state = self.state();
        state.own = state.own.split_off(&settled.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_height_is_believed_when_it_is_told_three_times_in_a_row() {
        let mut heard = Heard::default();
        assert_eq!(
            [10, 20, 10, 10, 20, 10, 10, 10].map(|told| heard.hear(told)),
            [10, 20, 20, 20, 20, 20, 20, 10]
        );
        assert_eq!(heard.hear(20), 20);
    }
}
