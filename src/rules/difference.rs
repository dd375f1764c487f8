//! Where two results of the same settlement differ.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::value::Fen;

/// A field whose values differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What the terminal computed.
    pub local: Value,
    /// What the centre says; `null` when it does not give the field.
    pub centre: Value,
}

/// Compares every field the terminal computed with the centre's; amounts by value, so `"1.5"` is `"1.50"`. Fields that
/// only the centre gives are its own business and are not differences.
pub fn differences(local: &Map<String, Value>, centre: &Map<String, Value>) -> Vec<Difference> {
    local
        .iter()
        .filter_map(|(field, value)| {
            let other = centre.get(field).unwrap_or(&Value::Null);
            (!same(value, other)).then(|| Difference {
                field: field.clone(),
                local: value.clone(),
                centre: other.clone(),
            })
        })
        .collect()
}

/// Whether two values are the same; amounts by what they are worth.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    matches!((Fen::of_json(a), Fen::of_json(b)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn amounts_compare_by_value_and_missing_fields_differ() {
        let local = map(json!({"hifp_pay": "22720.00", "psn_cash_pay": "7280.00", "level": "L3", "balc": "0.00"}));
        let centre = map(json!({"hifp_pay": 22720, "psn_cash_pay": "7280.01", "level": "L3", "setl_id": "X"}));
        let found: Vec<_> = differences(&local, &centre).into_iter().map(|d| d.field).collect();
        assert_eq!(found, ["balc", "psn_cash_pay"]);
    }
}
