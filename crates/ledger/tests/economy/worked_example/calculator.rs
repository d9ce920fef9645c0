//! A pocket calculator: what the document says that one can type in, typed in.

/// The value of an expression of numbers, `+ - * / ^`, parentheses, `max(a, b)` and `floor(a)`.
pub fn value(text: &str) -> f64 {
    let mut rest = Reader {
        rest: text.chars().filter(|c| !c.is_whitespace()).collect(),
    };
    let value = rest.sum();
    assert!(rest.rest.is_empty(), "{text}: {} is left", rest.rest);
    value
}

struct Reader {
    rest: String,
}

impl Reader {
    fn eat(&mut self, wanted: &str) -> bool {
        let eaten = self.rest.strip_prefix(wanted).map(str::to_owned);
        eaten.map(|rest| self.rest = rest).is_some()
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.eat("+") {
                value += self.product();
            } else if self.eat("-") {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.power();
        loop {
            if self.eat("*") {
                value *= self.power();
            } else if self.eat("/") {
                value /= self.power();
            } else {
                return value;
            }
        }
    }

    fn power(&mut self) -> f64 {
        let base = self.atom();
        if self.eat("^") {
            base.powf(self.power())
        } else {
            base
        }
    }

    fn atom(&mut self) -> f64 {
        if self.eat("-") {
            return -self.atom();
        }
        if self.eat("max(") {
            let first = self.sum();
            assert!(self.eat(","));
            let second = self.sum();
            assert!(self.eat(")"));
            return first.max(second);
        }
        let floors = self.eat("floor");
        if self.eat("(") {
            let value = self.sum();
            assert!(self.eat(")"), "{} lacks a parenthesis", self.rest);
            return if floors { value.floor() } else { value };
        }
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let number = self.rest[..end.unwrap_or(self.rest.len())].to_owned();
        assert!(self.eat(&number));
        number
            .parse()
            .unwrap_or_else(|_| panic!("{number:?} before {:?}", self.rest))
    }
}

#[test]
fn the_calculator_calculates() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("(1 + 2) * 3", 9.0),
        ("2^(-1)", 0.5),
        ("20 * 2^(-32768/65536)", 20.0 / 2f64.sqrt()),
        ("max(1, 20 * 0.2)", 4.0),
        ("floor(7 / 2) - -1", 4.0),
    ] {
        assert!((value(text) - expected).abs() < 1e-12, "{text}");
    }
}
