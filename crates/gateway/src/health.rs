//! Which of several nodes are used: those that answer, on the right chain, and near the highest block that any of them tells.
//! Pure: asking them is `upstream`'s.

use serde::{Deserialize, Serialize};

/// When nodes are left out. With one node nothing is: there is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// Time between two looks at all nodes.
    pub interval_ms: u64,
    /// Longest time for an answer to a look.
    pub timeout_ms: u64,
    /// Blocks that a node may be behind the highest one.
    pub max_lag_blocks: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            interval_ms: 2_000,
            timeout_ms: 2_000,
            max_lag_blocks: 3,
        }
    }
}

/// What the last look at a node found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// There was none yet.
    #[default]
    Nothing,
    /// It answered with its block's number.
    Height(u64),
    /// It did not answer, or could not be connected to since.
    Failure,
    /// It is on another chain than the gateway.
    OtherChain,
}

/// What that means for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is used.
    Usable,
    /// It is left out: too far behind another.
    Lagging,
    /// It is left out: it does not answer.
    Failing,
    /// It is left out: it is on another chain.
    OtherChain,
}

/// Every node's standing. A node that was not looked at yet is used, lest a start waits for a look.
#[must_use]
pub fn standings(seen: &[Seen], max_lag_blocks: u64) -> Vec<Standing> {
    let heights = seen.iter().filter_map(|seen| match seen {
        Seen::Height(height) => Some(*height),
        _ => None,
    });
    let least = heights.max().unwrap_or_default().saturating_sub(max_lag_blocks);
    let standing = |seen: &Seen| match seen {
        Seen::Height(height) if *height < least => Standing::Lagging,
        Seen::Height(_) | Seen::Nothing => Standing::Usable,
        Seen::Failure => Standing::Failing,
        Seen::OtherChain => Standing::OtherChain,
    };
    seen.iter().map(standing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_what_lags_fails_or_is_elsewhere() {
        let seen = [
            Seen::Height(100),
            Seen::Height(97),
            Seen::Height(96),
            Seen::Failure,
            Seen::OtherChain,
            Seen::Nothing,
        ];
        let expected = [
            Standing::Usable,
            Standing::Usable,
            Standing::Lagging,
            Standing::Failing,
            Standing::OtherChain,
            Standing::Usable,
        ];
        assert_eq!(standings(&seen, 3), expected);
    }

    #[test]
    fn the_only_one_that_answers_is_used_however_low() {
        assert_eq!(
            standings(&[Seen::Failure, Seen::Height(0)], 0),
            [Standing::Failing, Standing::Usable]
        );
        assert_eq!(standings(&[Seen::Failure], 3), [Standing::Failing]);
        assert!(standings(&[], 3).is_empty());
    }
}
