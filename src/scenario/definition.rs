//! What a scenario needs and does, as data: `config/scenarios/`, one file a domain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::tighter::Tighter;
use crate::failure::Diagnostic;
use crate::rules::PackInfo;
use crate::value::{Check, Fen, Kind};
use crate::wire::Receiver;

/// A part of a scenario: most have one.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioPart)]
pub struct Definition {
    /// The scenario's id.
    pub id: String,
    /// It is the scenario's main part.
    pub is_main: bool,
    /// What the part does.
    pub kind: Kind,
    /// Its name.
    pub title: Label,
    /// Who may run it.
    pub who: Vec<Runner>,
    /// What the card must prove.
    pub card: Proof,
    /// What a card that is past its validity may do.
    pub expired_card: ExpiredCard,
    /// What of it the same person carries out once; every case is one of its own where this is absent.
    pub once: Option<Once>,
    /// How old what the centre told last of a person may be where it cannot be asked, in hours; of any age where this is
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_hours: Option<u32>,
    /// The ids of the packs that decide it.
    pub packs: Vec<String>,
    /// Where a file names them.
    #[serde(skip)]
    pub packs_at: Place,
    /// The form's fields, in the order they are asked.
    pub fields: Vec<Field>,
    /// What is to be shown or scanned, in the order it is asked for.
    pub documents: Vec<DocumentAsked>,
    /// The bill, or another group that is repeated, where there is one.
    pub lines: Option<Lines>,
    /// What the rules are told beside the form: fact by fact, where it comes from when the form does not have it.
    pub facts: BTreeMap<String, Source>,
    /// How far it may go while the centre is away, where that is less than the terminal's own limits allow.
    pub limits: Tightening,
    /// What it does under the conditions of the terminal, where that is less than others of its kind may.
    pub conditions: Tighter,
    /// What goes upstream.
    pub message: Messages,
    /// What the centre is asked before anything is decided, beside the person.
    pub lookup: Option<Lookup>,
    /// What is printed.
    pub print: Print,
    /// The item that keeps the holder out of the terminal's own lists where it is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidential: Option<String>,
    /// 接收系统 of what it asks about a person and does for one; that of the insurance where this is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
}

impl Definition {
    /// The system that what it says of a person with this insurance is for.
    pub fn receiver_of(&self, insutype: Option<&str>) -> Receiver {
        self.receiver.unwrap_or_else(|| Receiver::of(insutype.unwrap_or_default()))
    }

    /// A mistake for each pack that it names and that is not there: without it a case would fail at its card.
    pub fn missing(&self, there: &[PackInfo]) -> impl Iterator<Item = Diagnostic> {
        let Place { file, line, column } = &self.packs_at;
        let missing = self.packs.iter().filter(|id| !there.iter().any(|pack| pack.decides(id, &self.id)));
        missing.map(|id| Diagnostic {
            file: file.clone(),
            line: *line,
            column: *column,
            message: format!("there is no policy pack {id} for {}", self.id),
        })
    }

    /// Whether its form has a field of this name.
    pub fn asks(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// What its transactions are known by in the journal: the id, and of a further part its kind. Never changes.
    pub fn name(&self) -> String {
        if self.is_main { self.id.clone() } else { format!("{}.{}", self.id, self.kind.name()) }
    }
}

/// A place in a file of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Who runs a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioRunner)]
#[serde(rename_all = "lowercase")]
pub enum Runner {
    /// A clerk at a counter.
    Clerk,
    /// The holder at a kiosk.
    Holder,
}

/// What a card must prove before anything is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioProof)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// That it is genuine.
    #[default]
    Authenticate,
    /// That it is genuine and in its holder's hands: they know its PIN.
    Pin,
}

/// What goes upstream: the numbers of the national platform's messages (settlement-facts §4.2), or our own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioMessages)]
pub struct Messages {
    /// What carries the transaction.
    pub name: String,
    /// What computes a settlement before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// What cancels one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<String>,
    /// The numbers that a settlement has in their place, by what its form chooses: the kind of care, say.
    #[serde(rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub by_choice: Vec<MessagesFor>,
}

/// The numbers of the settlements whose form says one of these values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioMessagesFor)]
pub struct MessagesFor {
    /// The choice of the form, which always has it.
    pub item: String,
    /// What it says.
    pub values: Vec<String>,
    /// What settles then.
    pub name: String,
    /// What computes it before.
    pub ask: String,
    /// What cancels what `name` settled.
    pub cancel: String,
}

impl Messages {
    /// What this form goes up under.
    pub fn name_of(&self, values: &Map<String, Value>) -> &str {
        self.chosen(values).map_or(&self.name, |chosen| &chosen.name)
    }

    /// What computes the settlement of this form before.
    pub fn ask_of(&self, values: &Map<String, Value>) -> Option<&str> {
        self.chosen(values).map(|chosen| chosen.ask.as_str()).or(self.ask.as_deref())
    }

    /// What cancels a settlement that went up under this number.
    pub fn cancel_of(&self, name: &str) -> Option<&str> {
        let settled = self.by_choice.iter().find(|one| one.name == name);
        settled.map(|one| one.cancel.as_str()).or(self.cancel.as_deref())
    }

    fn chosen(&self, values: &Map<String, Value>) -> Option<&MessagesFor> {
        self.by_choice.iter().find(|one| {
            let said = values.get(&one.item).and_then(Value::as_str);
            said.is_some_and(|said| one.values.iter().any(|value| value == said))
        })
    }

    /// Whether it is one of the national platform, which has its own names for whoever it is about.
    pub fn is_national(&self) -> bool {
        self.name.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// A question to the centre for records of the person.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioLookup)]
pub struct Lookup {
    /// The item of the form that names the record that is meant; `None` where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is shown of a record, in order.
    pub columns: Vec<Field>,
    /// The columns that are shown beside the key while one is to be chosen of several records, where the PIN guards them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choose_by: Vec<String>,
    /// How old an answer may be that is shown while the centre is away, in hours; none is where this is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// What is printed of a case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioPrint)]
pub struct Print {
    /// On what.
    #[serde(rename = "as")]
    pub paper: Paper,
    /// How often a person and day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a_day: Option<u32>,
    /// Of which columns, whole numbers, the page tells the total.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub total: Vec<String>,
}

/// A kind of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioPaper)]
#[serde(rename_all = "lowercase")]
pub enum Paper {
    /// A slip, 80 mm.
    #[default]
    Slip,
    /// The records that were found, A4.
    Record,
    /// A certificate of the holder, A4.
    Certificate,
}

/// A document that has to be shown or scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioDocumentAsked)]
pub struct DocumentAsked {
    /// Its name in forms and messages.
    pub id: String,
    /// What a person reads.
    pub label: Label,
    /// It may be missing.
    pub optional: bool,
    /// It is scanned: the form has the SHA-256 of the scan. Else it is shown.
    pub scan: bool,
}

/// One text in both languages of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What a card that is past its validity may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioExpiredCard)]
#[serde(rename_all = "lowercase")]
pub enum ExpiredCard {
    /// Nothing: the case ends.
    #[default]
    Refuse,
    /// What any card may do; the slip says that it is past its validity.
    Warn,
}

/// What a person carries out once: the same again is told, and not committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioOnce)]
#[serde(rename_all = "lowercase")]
pub enum Once {
    /// On the business date, whatever the form says.
    Day,
    /// In its month.
    Month,
    /// In its year.
    Year,
    /// With a form that says the same under these names: the same bill, whatever else is stated of it.
    Form(Identity),
}

/// The fields that make two forms the same. The form always has them: one that may be left out would make another of
/// the same form once it is stated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioIdentity)]
pub struct Identity {
    /// Those of the form itself.
    pub fields: Vec<String>,
    /// Those of each line; the lines may come in any order.
    pub lines: Vec<String>,
}

/// One field of a form, or of each line of a bill. The rules are told it under the same name.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioField)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its name upstream: the standard's code.
    pub code: String,
    /// What a person reads.
    pub label: Label,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// It may be left out.
    pub optional: bool,
    /// What stands for it when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The values of a `choice`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Most characters of a `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<usize>,
    /// What a text or a date is held to besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// What a text is held to besides, by what another item says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_by: Option<CheckBy>,
    /// It names a record of the centre: the only one there is, when it is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_key: bool,
    /// It may tell who somebody is, or something of them: on a paper that anybody may read it is starred. Every text is,
    /// unless the dictionary says that it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub personal: bool,
    /// What of the card stands for it when it is left out, and what it must not differ from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
}

/// The check of a text that goes by another item of its form: a number by the kind of certificate that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioCheckBy)]
pub struct CheckBy {
    /// The choice that it goes by. Where the form has none, or does not say it, nothing is checked by it.
    pub item: String,
    /// The check for each of its codes that has one.
    pub checks: BTreeMap<String, Check>,
}

/// What a card tells of itself and its holder (card-facts §EF05, §EF06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioFill)]
pub enum Fill {
    /// 姓名.
    #[serde(rename = "card.name")]
    Name,
    /// 社会保障号码.
    #[serde(rename = "card.social-security-number")]
    SocialSecurityNumber,
    /// 卡号.
    #[serde(rename = "card.number")]
    CardNumber,
    /// 性别, GB/T 2261.1.
    #[serde(rename = "card.sex")]
    Sex,
    /// 出生日期.
    #[serde(rename = "card.birth-date")]
    BirthDate,
    /// 民族, GB/T 3304.
    #[serde(rename = "card.ethnicity")]
    Ethnicity,
    /// 出生地, GB/T 2260.
    #[serde(rename = "card.birth-place")]
    BirthPlace,
    /// The region whose authority issued the card, GB/T 2260.
    #[serde(rename = "card.area")]
    Area,
}

/// What a field takes. Numbers with a point are strings, since a JSON number may have been through floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioFieldType)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Yuan with at most two places, `"30000.00"`; never negative.
    Money,
    /// Yuan with at most four places, `"0.4050"`; never negative.
    Price,
    /// At most four places, `"2"`; never negative.
    Quantity,
    /// Per cent with at most four places, `"89.5%"`; 0 to 100.
    Rate,
    /// A JSON integer.
    Int,
    /// `"2015-08-01"`.
    Date,
    /// `"2015-08"`.
    Month,
    /// A JSON boolean.
    Bool,
    /// Free text without control characters.
    Text,
    /// One of the choices.
    Choice,
}

/// One value of a `choice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioChoice)]
pub struct Choice {
    /// What stands in the data.
    pub value: String,
    /// What a person reads.
    pub label: Label,
}

/// The lines of a bill, or of another group that is repeated.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioLines)]
pub struct Lines {
    /// The name of the array.
    pub name: String,
    /// What a person reads.
    pub label: Label,
    /// How many there must be.
    pub least: usize,
    /// How many there may be.
    pub most: usize,
    /// The fields of each.
    pub fields: Vec<Field>,
    /// By what a line of a bill is known again in any other of the person: two lines are compared by the first of these of
    /// which both, with their forms, have every item. Where there is none of these they are two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_by: Vec<Identity>,
}

/// Where a fact comes from that the form does not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ScenarioSource)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The business date.
    BusinessDate,
    /// The business date's month.
    BusinessMonth,
    /// The sum of this money field over the bill's lines.
    SumOfLines(String),
    /// The month of this date of the form.
    MonthOf(String),
    /// The holder's date of birth, by the card.
    CardBirthDate,
    /// The holder's sex, by the card (GB/T 2261.1).
    CardSex,
    /// The holder's age in whole years on the business date, by the card.
    Age,
}

/// Limits that take the place of the terminal's own where they are lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ScenarioTightening)]
#[serde(deny_unknown_fields, default)]
pub struct Tightening {
    /// Largest amount of one transaction.
    pub amount: Option<Fen>,
    /// Largest sum a person and day.
    pub person_day: Option<Fen>,
    /// Largest number of unsent provisional transactions.
    pub count: Option<u32>,
    /// Age of the oldest unsent provisional transaction with which provisional work still goes on, in hours.
    pub age_hours: Option<u32>,
}
