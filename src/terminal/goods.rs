//! What the lines of a bill cost: class, share and highest price come from the catalogue where one is configured.
//!
//! The form may leave them out. What it says must be what the catalogue says: neither is silently put in the place of the
//! other, for one of them is wrong, and money hangs on it.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use super::deciding::{Deciding, Ended};
use super::errors;
use super::inner::Inner;
use super::view::CaseState;
use crate::config::CatalogueRules;
use crate::failure::{Explain as _, Failure};
use crate::scenario::{Form, Known};
use crate::store::{Asked, Catalogue, CatalogueInfo, Good, ListInfo as _};
use crate::wire::Digest;
use crate::wire::person::INSUTYPE;

/// The item of a line that names what was done or handed over: lines with it are a bill.
const CODE: &str = "med_list_codg";
/// The item that says on which day.
const ON: &str = "fee_ocur_time";
/// The most items that are told at once.
const MOST_TOLD: usize = 20;

/// The catalogue, and whose are taken in.
pub(super) struct Pricing {
    rules: CatalogueRules,
    catalogue: Catalogue,
}

impl Pricing {
    pub(super) fn new(rules: CatalogueRules, catalogue: Catalogue) -> Self {
        Self { rules, catalogue }
    }

    fn health(&self, now: Timestamp) -> CatalogueHealth {
        let (catalogue, failure) = match self.catalogue.in_force() {
            Ok(catalogue) => (catalogue, None),
            Err(error) => (None, Some(error.failure())),
        };
        CatalogueHealth {
            age_secs: catalogue.as_ref().map(|catalogue| catalogue.age_secs(now)),
            old: catalogue.as_ref().is_some_and(|catalogue| catalogue.is_older(self.rules.max_age, now)),
            catalogue,
            failure,
        }
    }
}

/// How it stands with the catalogue of drugs and services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CatalogueHealth {
    /// The catalogue in force; `None` where there is none to go by.
    #[schema(required)]
    pub catalogue: Option<CatalogueInfo>,
    /// How long ago the one in force was made, in seconds.
    #[schema(required)]
    pub age_secs: Option<u64>,
    /// It was made longer ago than the configuration wants.
    pub old: bool,
    /// Why the one that was taken in cannot be used.
    #[schema(required)]
    pub failure: Option<Failure>,
}

impl CatalogueHealth {
    /// There is one to go by, and it is not old.
    pub(super) fn is_well(&self) -> bool {
        self.catalogue.is_some() && !self.old
    }
}

/// The catalogue that a bill was priced by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PricedBy {
    serial: u64,
    sha256: Digest,
}

impl Inner {
    pub(super) fn catalogue_health(&self) -> Option<CatalogueHealth> {
        self.pricing.as_ref().map(|pricing| pricing.health(self.parts.clock.now()))
    }
}

impl Deciding<'_> {
    /// The form with what the catalogue says of its lines, and which catalogue that was; the form as it is where there is
    /// no bill, or no catalogue is configured.
    pub(super) fn priced(&self, known: &Known) -> Result<(Cow<'_, Form>, Option<PricedBy>), Ended> {
        let bill = self.definition.lines.as_ref().filter(|lines| lines.fields.iter().any(|field| field.name == CODE));
        let Some((lines, pricing)) = bill.zip(self.inner.pricing.as_ref()) else {
            return Ok((Cow::Borrowed(self.form), None));
        };
        let facts = self.definition.facts(self.stated(), &known.facts);
        let stated = Some(known.insutype.as_str()).filter(|insutype| !insutype.is_empty());
        let insutype = stated.or_else(|| facts.get(INSUTYPE).and_then(Value::as_str)).unwrap_or_default();
        let asked: Vec<Asked<'_>> =
            self.form.lines.iter().map(|line| asked(line, insutype, self.business_date)).collect();
        let looked = pricing.catalogue.look(&asked).map_err(|error| (CaseState::Refused, error.failure()))?;
        let Some(looked) = looked else {
            return Err((CaseState::Refused, Failure::of(&errors::NO_CATALOGUE)));
        };
        let mut form = self.form.clone();
        form.lines =
            fill(&form.lines, &looked.goods, &lines.name).map_err(|failure| (CaseState::WaitingInput, failure))?;
        let CatalogueInfo { serial, sha256, .. } = looked.catalogue;
        Ok((Cow::Owned(form), Some(PricedBy { serial, sha256 })))
    }
}

/// What is looked up for a line. One that does not say its day has that of the whole.
fn asked<'a>(line: &'a Map<String, Value>, insutype: &'a str, day: Date) -> Asked<'a> {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let on = text(ON).and_then(|on| on.parse().ok()).unwrap_or(day);
    Asked { code: text(CODE).unwrap_or_default(), on, insutype }
}

/// The lines with what was found of each; or what is wrong, and with which items.
fn fill(lines: &[Map<String, Value>], goods: &[Option<Good>], name: &str) -> Result<Vec<Map<String, Value>>, Failure> {
    let (mut unknown, mut otherwise, mut filled) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, (line, good)) in lines.iter().zip(goods).enumerate() {
        let item = |item: &str| format!("{name}[{}].{item}", nth + 1);
        let Some(Value::Object(told)) = good.as_ref().and_then(|good| serde_json::to_value(good).ok()) else {
            unknown.push(item(CODE));
            continue;
        };
        let mut line = line.clone();
        for (column, told) in told {
            match line.get(&column) {
                Some(said) if *said != told => otherwise.push(item(&column)),
                None if !told.is_null() => drop(line.insert(column, told)),
                _ => {}
            }
        }
        filled.push(line);
    }
    let wrong = [(&errors::NOT_IN_CATALOGUE, unknown), (&errors::OTHERWISE_THAN_CATALOGUE, otherwise)];
    match wrong.into_iter().find(|(_, items)| !items.is_empty()) {
        None => Ok(filled),
        Some((entry, mut items)) => {
            items.truncate(MOST_TOLD);
            Err(Failure::with(entry, items.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::{Price, Rate};

    fn line(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn good(class: &str, share: Option<i64>, most: Option<i64>) -> Good {
        Good {
            name: "药".to_owned(),
            list_type: "101".to_owned(),
            chrgitm_lv: class.to_owned(),
            lmt_used_flag: false,
            selfpay_prop: share.map(Rate),
            pric_uplmt_amt: most.map(Price),
        }
    }

    #[test]
    fn a_line_has_what_the_catalogue_says_and_what_it_said_before() {
        let said = json!({"med_list_codg": "B1", "cnt": "2", "selfpay_prop": "10%"});
        let goods = [Some(good("02", Some(100_000), Some(125_000))), Some(good("01", None, None))];
        let filled = fill(&[line(said), line(json!({"med_list_codg": "A1"}))], &goods, "lines").unwrap();
        let first = json!({"med_list_codg": "B1", "cnt": "2", "chrgitm_lv": "02", "lmt_used_flag": false,
            "selfpay_prop": "10%", "pric_uplmt_amt": "12.5000"});
        let other = json!({"med_list_codg": "A1", "chrgitm_lv": "01", "lmt_used_flag": false});
        assert_eq!(filled, [line(first), line(other)]);
    }

    #[test]
    fn what_the_form_says_otherwise_is_named_by_its_line_and_never_by_its_value() {
        let good = good("02", Some(100_000), None);
        for (said, item) in [
            (json!({"chrgitm_lv": "01"}), "chrgitm_lv"),
            (json!({"selfpay_prop": "0%"}), "selfpay_prop"),
            (json!({"pric_uplmt_amt": "0.0000"}), "pric_uplmt_amt"),
            (json!({"lmt_used_flag": true}), "lmt_used_flag"),
        ] {
            let lines = [line(json!({})), line(said)];
            let failure = fill(&lines, &[Some(good.clone()), Some(good.clone())], "lines").unwrap_err();
            assert_eq!(failure.entry.code, "E-TERM-CATALOGUE-OTHERWISE");
            assert_eq!(failure.detail, Some(format!("lines[2].{item}")));
        }
        let lines = [line(json!({"chrgitm_lv": "01"})), line(json!({"med_list_codg": "SECRET"}))];
        let failure = fill(&lines, &[Some(good), None], "lines").unwrap_err();
        assert_eq!(failure.entry.code, "E-TERM-CATALOGUE-CODE");
        assert_eq!(failure.detail.as_deref(), Some("lines[2].med_list_codg"));
        let many = vec![Map::new(); 30];
        let told = fill(&many, &vec![None; 30], "lines").unwrap_err().detail.unwrap();
        assert_eq!(told.split(", ").count(), MOST_TOLD);
    }
}
