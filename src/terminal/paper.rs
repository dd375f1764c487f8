//! What is printed of a case.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::case::Case;
use super::deciding::Deciding;
use super::errors;
use super::inner::Inner;
use crate::config::Mode;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Row, State};
use crate::scenario::{Definition, Field, FieldType, Form, Lookup, Paper, ShownRecords};
use crate::slip::{self, COLUMNS, Cell, Column, Copies, Document, Filed, Foot, Group, Page, Receipt, Seen, Sort};
use crate::value::Kind;
use crate::wire::filing;

impl Inner {
    /// What is printed of a case, for a door: who has it knows what the case came to.
    pub(super) fn paper(self: &Arc<Self>, id: Uuid, copy: slip::Copy) -> Result<Arc<Document>, Failure> {
        let mut cases = self.cases_shown();
        let case = cases.get_mut(id).ok_or_else(|| Failure::of(&errors::NO_CASE))?;
        let paper = case.paper.clone().ok_or_else(|| Failure::of(&errors::NO_PAPER))?;
        self.give_out(case);
        Ok(Arc::clone(paper.of(copy)))
    }
}

/// Once what was filed is answered.
impl Inner {
    /// What is printed of a transaction by its number; `None` where there is none of it. Blocks on the disk.
    pub(super) fn receipt(&self, id: Uuid) -> Result<Option<Document>, Failure> {
        let found = self.queue.with_answer(id).map_err(|error| error.failure())?;
        let Some((row, answer)) = found else { return Ok(None) };
        let answer = answer.map_err(|error| error.failure())?.filter(|_| files(row.kind));
        let answer: Option<filing::Filed> = answer.and_then(|answer| serde_json::from_value(answer.output).ok());
        let answer = answer.ok_or_else(|| Failure::of(&errors::NO_RECEIPT))?;
        // A scenario that the catalogue has no more is named by its id.
        let definition = self.catalogue.scenario(&row.scenario).and_then(|scenario| scenario.part(Some(row.kind)));
        let config = &self.parts.config;
        let receipt = Receipt {
            scenario: definition.map_or(row.scenario.as_str(), |definition| &definition.title.zh),
            terminal: config.terminal.as_str(),
            demo_date: config.business_date.is_some(),
            transaction: &row,
            answer: &answer,
            at: self.parts.clock.now(),
        };
        Ok(Some(receipt.document()))
    }

    /// What the centre answered to what was filed, where the paper of a case is to say it. Blocks on the disk.
    pub(super) fn answer_for_paper(&self, row: &Row) -> Option<filing::Filed> {
        let wanted = |case: &mut Case| case.paper.is_some() && case.paper_says != Some(row.state);
        if row.state == State::Refused || !files(row.kind) || !self.cases().showing(row.id).any(wanted) {
            return None;
        }
        let answer = self.queue.answer(row.id);
        let answer =
            answer.inspect_err(|error| tracing::warn!(%error, "a paper does not say what the centre answered"));
        serde_json::from_value(answer.ok()??.output).ok()
    }

    /// Makes the slip of what was filed anew once its transaction is at an end: with the centre's numbers, by which the
    /// holder asks about it. A page of records stays as it is: its hash was told. Whether it did.
    pub(super) fn renew_paper(&self, case: &mut Case, row: &Row, answer: Option<&filing::Filed>) -> bool {
        let Some(paper) = case.paper.clone().filter(|_| files(row.kind) && case.paper_says != Some(row.state)) else {
            return false;
        };
        let tells = match row.state {
            State::Acked | State::Cancelled => answer.is_some(),
            state => state == State::Refused,
        };
        if tells {
            let foot = Foot {
                transaction: row,
                centre: None,
                answer,
                lists: lists(case.view.kind) && case.view.undo.is_none(),
                duplicate: case.view.duplicate,
                at: self.parts.clock.now(),
            };
            let renewed = paper.of(slip::Copy::Holder).with_foot(&foot);
            case.view.slip = Some(renewed.lines(COLUMNS));
            case.paper = Some(renewed.into());
            case.paper_says = Some(row.state);
        }
        tells
    }
}

/// Whether the centre answers this kind with its number. What is settled, paid, signed or asked has another answer.
fn files(kind: Kind) -> bool {
    !matches!(kind, Kind::Settle | Kind::Pay | Kind::SignIn | Kind::Query)
}

/// Whether a slip lists the form. A settlement and a sign-in are told by what was decided, and a query by its records.
fn lists(kind: Kind) -> bool {
    !matches!(kind, Kind::Settle | Kind::SignIn | Kind::Query)
}

/// The form as a slip lists it, where it does.
pub(super) fn filed<'a>(definition: &'a Definition, form: &'a Form) -> Option<Filed<'a>> {
    lists(definition.kind).then(|| listed(definition, form))
}

fn listed<'a>(definition: &'a Definition, form: &'a Form) -> Filed<'a> {
    let lines = definition.lines.as_ref().filter(|_| !form.lines.is_empty());
    Filed {
        items: columns(&definition.fields),
        values: &form.values,
        lines: lines.map(|lines| Group { label: &lines.label.zh, columns: columns(&lines.fields), rows: &form.lines }),
        documents: form.documents.iter().filter_map(|given| seen(definition, given)).collect(),
    }
}

/// A document that was there: its label, and how it was.
fn seen<'a>(definition: &'a Definition, given: &filing::Document) -> Option<(&'a str, Seen)> {
    let (id, seen) = match given {
        filing::Document::Scanned { id, .. } => (id, Seen::Scanned),
        filing::Document::Shown { id, .. } => (id, Seen::Shown),
    };
    let asked = definition.documents.iter().find(|document| document.id == *id)?;
    Some((&asked.label.zh, seen))
}

impl Deciding<'_> {
    /// The page of what was looked up, where the scenario prints one. The holder, who stood there with their card, is handed
    /// their own copy, and may want one for somebody else.
    pub(super) fn page(&self, lookup: &Lookup, told: ShownRecords, records: &[Map<String, Value>]) -> Option<Copies> {
        let sort = match self.definition.print.paper {
            Paper::Slip => return None,
            Paper::Record => Sort::Record,
            Paper::Certificate => Sort::Certificate,
        };
        let config = &self.inner.parts.config;
        let page = Page {
            title: &self.definition.title.zh,
            sort,
            terminal: config.terminal.as_str(),
            operator: self.operator,
            copy: slip::Copy::Holder,
            name: &self.who.person.psn_name,
            number: self.who.view.social_security_number.as_deref().unwrap_or_default(),
            business_date: self.business_date,
            demo_date: config.business_date.is_some(),
            demo: config.mode == Mode::Demo,
            items: &columns(&self.definition.fields),
            asked: &self.form.values,
            columns: &columns(&lookup.columns),
            rows: records,
            totals: &self.definition.print.total,
            as_of: told.as_of,
            cached: told.cached,
        };
        Some(page.copies())
    }
}

fn columns(fields: &[Field]) -> Vec<Column<'_>> {
    fields.iter().map(|field| Column { item: &field.name, label: &field.label.zh, cell: cell(field) }).collect()
}

/// What a field's values are on paper. What is personal says the dictionary, but for what names a record of the centre.
fn cell(field: &Field) -> Cell<'_> {
    match field.kind {
        _ if field.personal && !field.is_key => Cell::Personal,
        FieldType::Money | FieldType::Price => Cell::Money,
        FieldType::Quantity | FieldType::Rate | FieldType::Int => Cell::Number,
        FieldType::Date | FieldType::Month | FieldType::Text => Cell::Plain,
        FieldType::Bool => Cell::Bool,
        FieldType::Choice => {
            Cell::Choice(field.choices.iter().map(|one| (one.value.as_str(), one.label.zh.as_str())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Catalogue;

    /// A scenario's definition, and the full form of its fixture.
    fn full(scenario: &str, fixture: &str) -> (Arc<Definition>, Form) {
        let catalogue = Catalogue::builtin().unwrap();
        let definition = Arc::clone(catalogue.scenario(scenario).unwrap().part(None).unwrap());
        let fixture: Value = toml::from_str(fixture).unwrap();
        let form = definition.check(&fixture["form"], jiff::civil::date(2015, 8, 3)).unwrap();
        (definition, form)
    }

    #[test]
    fn a_form_is_listed_with_its_documents_and_its_texts_are_personal_by_the_dictionary() {
        let fixture = include_str!("../../fixtures/scenarios/unemployment-registration.toml");
        let (definition, form) = full("unemployment-registration", fixture);
        let filed = filed(&definition, &form).unwrap();
        assert_eq!(filed.items.len(), definition.fields.len());
        for (column, field) in filed.items.iter().zip(&definition.fields) {
            assert_eq!((column.item, column.label), (field.name.as_str(), field.label.zh.as_str()));
            assert_eq!(matches!(column.cell, Cell::Personal), field.personal, "{}", field.name);
        }
        let how = |scan| if scan { Seen::Scanned } else { Seen::Shown };
        let asked = definition.documents.iter().map(|asked| (asked.label.zh.as_str(), how(asked.scan)));
        assert_eq!(filed.documents, asked.collect::<Vec<_>>());
    }

    /// A slip that is lost is found by somebody else, and its holder has to find the room by it.
    #[test]
    fn a_registration_says_where_to_go_and_nothing_of_the_holder() {
        let fixture = include_str!("../../fixtures/scenarios/clinic-registration.toml");
        let (definition, form) = full("clinic-registration", fixture);
        let listed = filed(&definition, &form).unwrap();
        for (item, personal) in
            [("dept_name", false), ("dept_code", false), ("appt_no", false), ("atddr_no", false), ("dr_name", true)]
        {
            let column = listed.items.iter().find(|column| column.item == item).unwrap();
            assert_eq!(matches!(column.cell, Cell::Personal), personal, "{column:?}");
        }
        let fixture = include_str!("../../fixtures/scenarios/job-fair-registration.toml");
        let (definition, form) = full("job-fair-registration", fixture);
        let listed = filed(&definition, &form).unwrap();
        for (item, personal) in [("booth_no", false), ("aac067", true), ("aab004", true)] {
            let column = listed.items.iter().find(|column| column.item == item).unwrap();
            assert_eq!(matches!(column.cell, Cell::Personal), personal, "{column:?}");
        }
    }

    #[test]
    fn an_order_is_named_in_full() {
        let fixture = include_str!("../../fixtures/scenarios/contribution-payment.toml");
        let (definition, form) = full("contribution-payment", fixture);
        let filed = filed(&definition, &form).unwrap();
        let order = filed.items.iter().find(|column| column.item == "order_no").unwrap();
        assert!(matches!(order.cell, Cell::Plain), "{order:?}");
    }

    #[test]
    fn a_settlement_is_told_by_its_figures() {
        let fixture = include_str!("../../fixtures/scenarios/medical-settlement.toml");
        let (definition, form) = full("medical-settlement", fixture);
        assert!(filed(&definition, &form).is_none());
        let lines = listed(&definition, &form).lines.unwrap();
        assert_eq!(lines.rows.len(), form.lines.len());
    }
}
