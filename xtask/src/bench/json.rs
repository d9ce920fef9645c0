//! Puts flat JSON objects together. This program builds first in a fresh clone, so it has no JSON library of its own.

/// The fields of all objects in one, in their order; nothing when one of them is no object.
pub(super) fn merged(objects: &[String]) -> Option<String> {
    let fields: Option<Vec<&str>> = objects.iter().map(|object| fields(object)).collect();
    let fields: Vec<&str> = fields?.into_iter().filter(|fields| !fields.is_empty()).collect();
    Some(format!("{{{}}}", fields.join(",")))
}

fn fields(object: &str) -> Option<&str> {
    Some(object.trim().strip_prefix('{')?.strip_suffix('}')?.trim())
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn the_fields_of_all_objects_are_in_one() {
        let objects = [r#"{"a":{"1e4":1},"b":2}"#, "{}", "{\"c\": 3.5}\n"].map(str::to_owned);
        assert_eq!(
            merged(&objects).as_deref(),
            Some(r#"{"a":{"1e4":1},"b":2,"c": 3.5}"#)
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(merged(&["[1]".to_owned()]), None);
        assert_eq!(merged(&[String::new()]), None);
    }
}
