//! The document as it is written: paragraphs, tables out of the ledger, and lines that a calculator can follow.

use super::calculator;
use super::cast::{CAST, Story, name};
use rampart_ledger::{Key, Operator, exit_amount, required_stake, score, wait};
use rampart_protocol::{Address, Amount, Ppm, ProviderId, Seconds};
use std::fmt::Write as _;
use std::sync::Arc;

/// A figure of the ledger's, as the document shows it.
pub struct Figure {
    pub text: String,
    value: f64,
    /// How far a calculator may be from it: what the ledger rounds away.
    within: f64,
}

/// An amount, in tokens.
pub fn amount(amount: Amount) -> Figure {
    let text = amount.to_tokens();
    Figure {
        value: text.parse().unwrap(),
        text,
        within: 1e-9,
    }
}

/// An amount that decay has made uneven: to six decimals.
pub fn about(amount: Amount) -> Figure {
    let value: f64 = amount.to_tokens().parse().unwrap();
    Figure {
        text: format!("{value:.6}"),
        value,
        // The score in its formula was rounded to a millionth, and is multiplied by hundreds of tokens.
        within: 0.001,
    }
}

/// A fraction that the ledger keeps in millionths.
pub fn fraction(ppm: Ppm) -> Figure {
    let value = f64::from(ppm.0) / 1e6;
    Figure {
        text: format!("{value:.6}"),
        value,
        within: 1.000_001e-6,
    }
}

/// Evidence, in units.
pub fn units(millionths: u128) -> Figure {
    let value = millionths as f64 / 1e6;
    Figure {
        text: format!("{value}"),
        value,
        within: 2.000_001e-6,
    }
}

/// A time.
pub fn seconds(seconds: Seconds) -> Figure {
    Figure {
        text: format!("{} s, {:.2} days", seconds.0, seconds.0 as f64 / 86_400.0),
        value: seconds.0 as f64,
        within: 1.000_001,
    }
}

#[derive(Default)]
pub struct Page {
    pub text: String,
}

impl Page {
    pub fn heading(&mut self, text: &str) {
        write!(self.text, "## {text}\n\n").unwrap();
    }

    pub fn say(&mut self, text: &str) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut line = String::new();
        for word in words.split(' ') {
            if line.len() + word.len() > 108 {
                writeln!(self.text, "{}", line.trim_end()).unwrap();
                line.clear();
            }
            write!(line, "{word} ").unwrap();
        }
        write!(self.text, "{}\n\n", line.trim_end()).unwrap();
    }

    /// Lines to be followed by hand: each must come out as the ledger has it.
    pub fn follow(&mut self, lines: &[(&str, &str, Figure)]) {
        self.text.push_str("```\n");
        let width = lines.iter().map(|(what, ..)| what.len()).max().unwrap_or(0);
        for (what, expression, figure) in lines {
            let by_hand = calculator::value(expression);
            assert!(
                (by_hand - figure.value).abs() <= figure.within,
                "{what}: {expression} = {by_hand}, but the ledger says {}",
                figure.text
            );
            writeln!(self.text, "{what:<width$} = {expression} = {}", figure.text).unwrap();
        }
        self.text.push_str("```\n\n");
    }

    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
        self.text.push_str(&row(&head));
        let rule: Vec<String> = (0..head.len())
            .map(|place| if place == 0 { "---".into() } else { "---:".into() })
            .collect();
        self.text.push_str(&row(&rule));
        rows.iter().for_each(|cells| self.text.push_str(&row(cells)));
        self.text.push('\n');
    }

    /// Both providers, as the ledger has them now.
    pub fn providers(&mut self, story: &Story) {
        let (params, globals, now) = (
            story.world.params(),
            story.world.globals(),
            story.world.env.timestamp,
        );
        let at = globals.score_steps(&params, now);
        let rows = [1, 2].map(|id| {
            let provider = story.world.provider(ProviderId(id)).unwrap();
            let score = score(&params, &globals, &provider, now);
            let required = required_stake(&params, &globals, &provider, now).unwrap();
            vec![
                format!("{id}, {}", name(provider.owner)),
                provider.stake.to_tokens(),
                provider.escrow.total.to_tokens(),
                provider.bonds.to_tokens(),
                units(provider.positive.value(at)).text,
                units(provider.negative.value(at)).text,
                fraction(score).text,
                seconds(wait(&params, score)).text,
                about(required).text,
            ]
        });
        let head = [
            "provider",
            "stake",
            "escrow",
            "bonds",
            "for it",
            "against it",
            "score",
            "wait",
            "stake required",
        ];
        self.table(&head, &rows);
    }

    /// Everybody's balance and fees held, and the pools.
    pub fn funds(&mut self, story: &Story) {
        let (mut rows, mut sum) = (Vec::new(), Amount::ZERO);
        let mut add = |part: Amount| sum = sum.checked_add(part).unwrap();
        for (who, called) in CAST {
            let Some(account) = story.world.account(*who) else {
                continue;
            };
            let provider = account.owned_provider().and_then(|id| story.world.provider(id));
            let exit = exit_amount(&account, provider.as_deref());
            add(exit);
            let cells = [account.balance, account.deposits, exit].map(Amount::to_tokens);
            rows.push([vec![(*called).to_owned()], cells.to_vec()].concat());
        }
        let globals = story.world.globals();
        for (called, pool) in [
            ("the epoch's pool", globals.pool),
            ("rewards not claimed", globals.rewards),
            ("the treasury", globals.treasury),
            ("compensations", globals.compensation),
        ] {
            add(pool);
            rows.push(vec![
                called.into(),
                String::new(),
                String::new(),
                pool.to_tokens(),
            ]);
        }
        rows.push(vec!["sum".into(), String::new(), String::new(), sum.to_tokens()]);
        assert_eq!(Some(sum), globals.deposited.checked_sub(globals.withdrawn));
        self.table(&["who", "balance", "review fees held", "could leave with"], &rows);
        self.say(&format!(
            "Deposits less withdrawals: {} - {} = {}, to the unit.",
            globals.deposited.to_tokens(),
            globals.withdrawn.to_tokens(),
            sum.to_tokens()
        ));
    }

    /// Both operators' rewards.
    pub fn operators(&mut self, story: &Story, operators: [Address; 2]) {
        let rows = operators.map(|who| {
            let operator: Arc<Operator> = story.world.get(Key::operator(&who)).unwrap();
            vec![
                name(who).into(),
                operator.stake.to_string(),
                fraction(operator.commission).text,
                operator.owed.to_tokens(),
                operator.weight.to_string(),
            ]
        });
        let head = [
            "operator",
            "stake",
            "commission",
            "own rewards waiting",
            "weight of its investors",
        ];
        self.table(&head, &rows);
    }
}
