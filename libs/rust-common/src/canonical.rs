//! Canonical JSON: sorted keys, no spaces, UTF-8, no floats. Signatures and hashes cover this form.

use serde::Serialize;
use serde_json::Value;

use crate::error::DomainError;

/// The canonical JSON text of a message.
pub fn canonical_json<T: Serialize + ?Sized>(message: &T) -> Result<String, DomainError> {
    let value = serde_json::to_value(message).map_err(|e| json_error(&e))?;
    canonical_value(&value)
}

/// The canonical JSON text of a parsed document; a number that is not an integer is an error.
pub fn canonical_value(value: &Value) -> Result<String, DomainError> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn json_error(e: &serde_json::Error) -> DomainError {
    DomainError::Json {
        what: "a message",
        detail: e.to_string(),
    }
}

fn write(value: &Value, text: &mut String) -> Result<(), DomainError> {
    match value {
        Value::Number(number) if number.is_f64() => Err(DomainError::out_of_range(
            "number",
            number,
            "integers; write decimals as strings",
        )),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
            Ok(())
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::to_string(key).map_err(|e| json_error(&e))?);
                text.push(':');
                write(item, text)?;
            }
            text.push('}');
            Ok(())
        }
        scalar => {
            text.push_str(&serde_json::to_string(scalar).map_err(|e| json_error(&e))?);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_spaces_absent() {
        let value = json!({"b": [1, {"z": null, "a": true}], "a": "é\n\u{1}", "A": -3});
        assert_eq!(
            canonical_json(&value).unwrap(),
            "{\"A\":-3,\"a\":\"é\\n\\u0001\",\"b\":[1,{\"a\":true,\"z\":null}]}"
        );
    }

    #[test]
    fn floats_are_refused() {
        let error = canonical_json(&json!({"price": 1.5}))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("1.5") && error.contains("strings"),
            "{error}"
        );
    }
}
