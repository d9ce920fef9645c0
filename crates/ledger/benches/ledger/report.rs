//! One line for each figure, with its goal beside it.

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Told for comparison.
    None,
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

/// The heads of the columns.
pub(crate) fn title() {
    println!(
        "{:<70}{:>14} {:<6}{:>12}{:>8}",
        "figure", "measured", "", "goal", "ratio"
    );
}

/// Prints a figure; the ratio is that of the figure to its goal.
pub(crate) fn line(what: &str, value: f64, unit: &str, goal: Goal) {
    let shown = if value >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    };
    let (bound, met, ratio) = match goal {
        Goal::None => {
            println!("{what:<70}{shown:>14} {unit}");
            return;
        }
        Goal::AtLeast(bound) => (format!(">= {bound}"), value >= bound, value / bound),
        Goal::AtMost(bound) => (format!("<= {bound}"), value <= bound, value / bound),
    };
    let verdict = if met { "" } else { "  missed" };
    println!("{what:<70}{shown:>14} {unit:<6}{bound:>12}{ratio:>8.2}{verdict}");
}

/// The time that a tenth of the repetitions undercut: what else runs on the machine makes the others longer, and nothing
/// makes them shorter.
pub(crate) fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}
