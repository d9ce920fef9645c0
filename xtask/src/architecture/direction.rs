//! Which crate of the workspace may use which.
//!
//! Dependencies of tests and build scripts count like any other: a test that needs two parts belongs in a crate that has
//! both.

use cargo_metadata::{DependencyKind, Metadata};
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may depend on, among ours. A crate that is not here has no place in the architecture yet.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("rampart-protocol", &[]),
    ("rampart-ledger", &["rampart-protocol"]),
    ("rampart-chain", &["rampart-protocol"]),
    ("rampart-client", &["rampart-protocol"]),
    // A follower asks operators as their other clients do.
    (
        "rampart-node",
        &[
            "rampart-protocol",
            "rampart-ledger",
            "rampart-chain",
            "rampart-client",
        ],
    ),
    ("rampart-sidecar", &["rampart-protocol", "rampart-client"]),
    // The gateway's tests screen with the reference vendors; see TESTS_ONLY.
    (
        "rampart-gateway",
        &["rampart-protocol", "rampart-client", "rampart-vendors"],
    ),
    ("rampart-vendors", &[]),
    ("rampart-sim", &["rampart-protocol", "rampart-ledger"]),
    (
        "rampart",
        &[
            "rampart-protocol",
            "rampart-chain",
            "rampart-client",
            "rampart-node",
            "rampart-sidecar",
            "rampart-gateway",
            "rampart-vendors",
        ],
    ),
    // Tries what bytes from outside do to all of them; nothing uses it.
    (
        "rampart-fuzz",
        &[
            "rampart-protocol",
            "rampart-ledger",
            "rampart-chain",
            "rampart-client",
            "rampart-node",
            "rampart-sidecar",
            "rampart-gateway",
        ],
    ),
    ("xtask", &[]),
];

/// Edges of [`ALLOWED`] that only tests may use.
const TESTS_ONLY: [(&str, &str); 1] = [("rampart-gateway", "rampart-vendors")];

/// What a program must not hold at all, however far down: a consumer's gateway and a provider's sidecar verify, and never
/// execute the ledger.
const NEVER_REACHES: [(&str, &str); 4] = [
    ("rampart-sidecar", "rampart-ledger"),
    ("rampart-sidecar", "rampart-node"),
    ("rampart-gateway", "rampart-ledger"),
    ("rampart-gateway", "rampart-node"),
];

/// Does an edge exist for tests only?
type TestsOnly = bool;
/// The workspace's crates, and which of them each uses.
type Graph = BTreeMap<String, BTreeMap<String, TestsOnly>>;

/// The rules that the workspace breaks.
pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    violations(&graph(metadata))
}

fn graph(metadata: &Metadata) -> Graph {
    let members = metadata.workspace_packages();
    let names: BTreeSet<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let mut graph = Graph::new();
    for package in &members {
        let uses = graph.entry(package.name.to_string()).or_default();
        for dependency in &package.dependencies {
            if names.contains(dependency.name.as_str()) {
                let tests_only = dependency.kind == DependencyKind::Development;
                uses.entry(dependency.name.clone())
                    .and_modify(|known| *known &= tests_only)
                    .or_insert(tests_only);
            }
        }
    }
    graph
}

fn violations(graph: &Graph) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let mut broken = Vec::new();
    for (user, uses) in graph {
        let Some(permitted) = allowed.get(user.as_str()) else {
            broken.push(format!(
                "{user} is not in the table of xtask/src/architecture/direction.rs"
            ));
            continue;
        };
        for (used, tests_only) in uses {
            if !permitted.contains(&used.as_str()) {
                broken.push(format!("{user} must not depend on {used}"));
            } else if !tests_only && TESTS_ONLY.contains(&(user, used)) {
                broken.push(format!("{user} may depend on {used} in its tests only"));
            }
        }
    }
    for (user, used) in NEVER_REACHES {
        if reached(graph, user).contains(used) {
            broken.push(format!(
                "{user} must not reach {used}, not even through another crate"
            ));
        }
    }
    broken
}

/// Every crate of ours that a crate's program holds: tests of the crates below do not count.
fn reached<'graph>(graph: &'graph Graph, from: &'graph str) -> BTreeSet<&'graph str> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        for (used, tests_only) in graph.get(name).into_iter().flatten() {
            if !tests_only && seen.insert(used.as_str()) {
                next.push(used);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph_of(edges: &[(&str, &str, TestsOnly)]) -> Graph {
        let mut graph = Graph::new();
        for (user, used, tests_only) in edges {
            graph.entry((*used).to_owned()).or_default();
            graph
                .entry((*user).to_owned())
                .or_default()
                .insert((*used).to_owned(), *tests_only);
        }
        graph
    }

    #[test]
    fn edges_of_the_architecture_are_allowed() {
        let graph = graph_of(&[
            ("rampart-node", "rampart-ledger", false),
            ("rampart-gateway", "rampart-client", false),
            ("rampart-gateway", "rampart-vendors", true),
        ]);
        assert_eq!(violations(&graph), [""; 0]);
    }

    #[test]
    fn the_protocol_uses_nobody() {
        let graph = graph_of(&[("rampart-protocol", "rampart-ledger", false)]);
        assert_eq!(
            violations(&graph),
            ["rampart-protocol must not depend on rampart-ledger"]
        );
    }

    #[test]
    fn tests_may_not_reach_around_the_rule_either() {
        let graph = graph_of(&[("rampart-vendors", "rampart-protocol", true)]);
        assert_eq!(
            violations(&graph),
            ["rampart-vendors must not depend on rampart-protocol"]
        );
    }

    #[test]
    fn what_is_for_tests_may_not_enter_the_program() {
        let graph = graph_of(&[("rampart-gateway", "rampart-vendors", false)]);
        assert_eq!(
            violations(&graph),
            ["rampart-gateway may depend on rampart-vendors in its tests only"]
        );
    }

    #[test]
    fn the_ledger_is_found_through_another_crate() {
        let graph = graph_of(&[
            ("rampart-sidecar", "rampart-client", false),
            ("rampart-client", "rampart-ledger", false),
        ]);
        assert_eq!(
            violations(&graph),
            [
                "rampart-client must not depend on rampart-ledger",
                "rampart-sidecar must not reach rampart-ledger, not even through another crate",
            ]
        );
    }

    #[test]
    fn a_crate_without_a_place_is_named() {
        let graph = graph_of(&[("rampart-new", "rampart-protocol", false)]);
        assert_eq!(
            violations(&graph),
            ["rampart-new is not in the table of xtask/src/architecture/direction.rs"]
        );
    }
}
