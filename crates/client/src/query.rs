//! What services are asked for, as a query of `GET /v1/services`.

use rampart_protocol::{Amount, Category, Ppm, ProviderId};

/// The order of a list of services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceSort {
    /// By id.
    #[default]
    Id,
    /// Cheapest first.
    Price,
    /// Best score first.
    Score,
}

/// Which services are asked for. `None` leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceQuery {
    /// Of this provider.
    pub provider: Option<ProviderId>,
    /// Of this category.
    pub category: Option<Category>,
    /// Whose provider has at least this score.
    pub min_score: Option<Ppm>,
    /// For at most this fee.
    pub max_price: Option<Amount>,
    /// With this text in the description or the provider's name, whatever the case; at most 64 bytes.
    pub text: Option<String>,
    /// That can, or cannot, be bought.
    pub active: Option<bool>,
    /// The order.
    pub sort: ServiceSort,
}

impl ServiceQuery {
    /// The query of a page.
    pub(crate) fn text(&self, after: Option<&str>, limit: u32) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        };
        add("provider", self.provider.map(|id| id.to_string()));
        add(
            "category",
            self.category.map(|category| category.name().to_owned()),
        );
        add("min_score", self.min_score.map(|score| score.to_string()));
        add("max_price", self.max_price.map(|price| price.to_string()));
        add("text", self.text.clone());
        add("active", self.active.map(|active| active.to_string()));
        let sort = match self.sort {
            ServiceSort::Id => None,
            ServiceSort::Price => Some("price"),
            ServiceSort::Score => Some("score"),
        };
        add("sort", sort.map(str::to_owned));
        add("after", after.map(str::to_owned));
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_leaves_out_what_is_not_asked_for() {
        assert_eq!(ServiceQuery::default().text(None, 50), "limit=50");
        let query = ServiceQuery {
            max_price: Some(Amount(5)),
            text: Some("a&b c".to_owned()),
            active: Some(true),
            sort: ServiceSort::Price,
            ..ServiceQuery::default()
        };
        assert_eq!(
            query.text(Some("5-3"), 9),
            "limit=9&max_price=5&text=a%26b+c&active=true&sort=price&after=5-3"
        );
    }
}
