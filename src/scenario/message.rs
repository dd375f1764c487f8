//! From a decided case to what goes upstream.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::definition::{Definition, Field};
use super::flow::{Known, month};
use super::form::Form;
use crate::rules::Input;
use crate::value::{Fen, Kind};
use crate::wire::Digest;
use crate::wire::enquiry::Enquiry;
use crate::wire::filing::{Filing, Withdrawal};
use crate::wire::lookup::Lookup;
use crate::wire::payment::{Account, Payment};
use crate::wire::person::PersonKey;
use crate::wire::settle::{Cancellation, Settlement};
use crate::wire::sign_in::SignIn;

/// 个人结算方式: by item (settlement-facts §4.3).
const BY_ITEM: &str = "01";

/// A case that was decided.
pub struct Telling<'a> {
    /// Whose it is.
    pub person: &'a PersonKey,
    /// The form, with what the card says in it.
    pub form: &'a Form,
    /// What is known of the person.
    pub known: &'a Known,
    /// What the rules were told.
    pub input: &'a Input,
    /// The date that it is decided by.
    pub business_date: Date,
    /// The day of the case.
    pub today: Date,
    /// 经办人.
    pub operator: &'a str,
    /// What makes it the same as another at whatever terminal.
    pub once: Option<String>,
    /// What was shown of the centre's records.
    pub shown: Option<ShownRecords>,
    /// What pays, where something does.
    pub account: Option<Account>,
}

/// Which of the centre's records were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownRecords {
    /// How many.
    pub count: usize,
    /// When the centre had read them.
    pub as_of: Timestamp,
    /// They were kept from an earlier answer.
    pub cached: bool,
    /// SHA-256 of the page that is printed of them, where one is.
    pub page: Option<Digest>,
}

/// What goes upstream.
#[derive(Clone, PartialEq)]
pub enum Message {
    /// A sign-in.
    SignIn(SignIn),
    /// A settlement.
    Settlement(Box<Settlement>),
    /// What is filed: a registration, an application and the like.
    Filing(Box<Filing>),
    /// That records were shown.
    Enquiry(Box<Enquiry>),
    /// A payment.
    Payment(Box<Payment>),
    /// What cancels a settlement.
    Cancellation(Box<Cancellation>),
    /// What takes back a filing.
    Withdrawal(Box<Withdrawal>),
}

impl Message {
    /// Its JSON.
    ///
    /// # Errors
    /// Never: each has a JSON form.
    pub fn json(&self) -> serde_json::Result<Value> {
        match self {
            Self::SignIn(message) => serde_json::to_value(message),
            Self::Settlement(message) => serde_json::to_value(message),
            Self::Filing(message) => serde_json::to_value(message),
            Self::Enquiry(message) => serde_json::to_value(message),
            Self::Payment(message) => serde_json::to_value(message),
            Self::Cancellation(message) => serde_json::to_value(message),
            Self::Withdrawal(message) => serde_json::to_value(message),
        }
    }
}

impl Message {
    /// The same of records that are shown and not printed; `None` where it tells of no print.
    pub fn unprinted(&self) -> Option<Self> {
        let Self::Enquiry(message) = self else { return None };
        let unprinted = Enquiry { printed: false, document_sha256: None, ..Enquiry::clone(message) };
        message.printed.then(|| Self::Enquiry(Box::new(unprinted)))
    }

    /// What it is worth, where it is worth something.
    pub fn amount(&self) -> Option<Fen> {
        match self {
            Self::Settlement(settlement) => Some(settlement.medfee_sumamt),
            Self::Payment(payment) => Some(payment.order_amt),
            _ => None,
        }
    }
}

impl Definition {
    /// What goes upstream for this kind.
    ///
    /// # Errors
    /// The name of an item that the message needs and the case does not have.
    pub fn message(&self, told: Telling<'_>) -> Result<Message, &'static str> {
        match self.kind {
            Kind::SignIn => Ok(Message::SignIn(SignIn {
                person: told.person.clone(),
                month: month(told.business_date),
                facts: told.input.facts.clone(),
            })),
            Kind::Settle => self.settlement(&told).map(|settlement| Message::Settlement(Box::new(settlement))),
            Kind::Query => self.enquiry(&told).map(|enquiry| Message::Enquiry(Box::new(enquiry))),
            Kind::Pay => self.payment(told).map(|payment| Message::Payment(Box::new(payment))),
            _ => Ok(Message::Filing(Box::new(self.filing(told)))),
        }
    }

    /// What the centre is asked of a person's records.
    pub fn question(&self, person: &PersonKey, form: &Form, business_date: Date) -> Lookup {
        Lookup {
            person: person.clone(),
            scenario: self.id.clone(),
            part: self.kind,
            message: self.message.name.clone(),
            business_date,
            fields: coded(&self.fields, &form.values),
        }
    }

    fn filing(&self, told: Telling<'_>) -> Filing {
        let mut fields = coded(&self.fields, &told.form.values);
        if !self.message.is_national() {
            fields.extend(self.heading(&told));
        }
        let line_fields = self.lines.as_ref().map_or(&[][..], |lines| &lines.fields);
        Filing {
            person: told.person.clone(),
            scenario: self.id.clone(),
            part: self.kind,
            message: self.message.name.clone(),
            business_date: told.business_date,
            once: told.once,
            fields,
            documents: told.form.documents.clone(),
            lines: told.form.lines.iter().map(|line| coded(line_fields, line)).collect(),
            facts: told.input.facts.clone(),
        }
    }

    /// Who it is about and who took it, under the ministry's codes.
    fn heading(&self, told: &Telling<'_>) -> Map<String, Value> {
        let PersonKey { certno, psn_name, mdtrt_cert_no, .. } = told.person;
        let date = told.today.to_string();
        [("AAC002", certno.as_str()), ("AAC003", psn_name), ("AAZ500", mdtrt_cert_no)]
            .into_iter()
            .chain([("AAE011", told.operator), ("AAE036", &date)])
            .map(|(code, value)| (code.to_owned(), value.into()))
            .collect()
    }

    fn enquiry(&self, told: &Telling<'_>) -> Result<Enquiry, &'static str> {
        let shown = told.shown.ok_or("records")?;
        Ok(Enquiry {
            person: told.person.clone(),
            scenario: self.id.clone(),
            part: self.kind,
            message: self.message.name.clone(),
            business_date: told.business_date,
            as_of: shown.as_of,
            records: u64::try_from(shown.count).unwrap_or(u64::MAX),
            cached: shown.cached,
            printed: shown.page.is_some(),
            document_sha256: shown.page,
        })
    }

    fn payment(&self, told: Telling<'_>) -> Result<Payment, &'static str> {
        let facts = &told.input.facts;
        // The order is the record that the form named: its amount is the centre's, whatever else is said of it.
        let order_amt = self.amount(&told.known.facts).ok_or("order_amt")?;
        let order_no = told.form.values.get("order_no").and_then(Value::as_str).ok_or("order_no")?;
        Ok(Payment {
            person: told.person.clone(),
            scenario: self.id.clone(),
            part: self.kind,
            message: self.message.name.clone(),
            business_date: told.business_date,
            order_no: order_no.to_owned(),
            order_amt,
            account: told.account.ok_or("account")?,
            fields: coded(&self.fields, &told.form.values),
            facts: facts.clone(),
        })
    }

    fn settlement(&self, told: &Telling<'_>) -> Result<Settlement, &'static str> {
        let Telling { form, known, input, .. } = told;
        let text = |name: &str| form.values.get(name).and_then(Value::as_str).map(str::to_owned);
        let stated = Some(known.insutype.clone()).filter(|insutype| !insutype.is_empty());
        let uses_account = input.facts.get("acct_used_flag").and_then(Value::as_bool).unwrap_or(false);
        Ok(Settlement {
            person: told.person.clone(),
            insutype: stated.or_else(|| text("insutype")).ok_or("insutype")?,
            med_type: text("med_type").ok_or("med_type")?,
            medfee_sumamt: self.amount(&input.facts).ok_or("medfee_sumamt")?,
            psn_setlway: BY_ITEM.to_owned(),
            acct_used_flag: if uses_account { "1" } else { "0" }.to_owned(),
            mdtrt_id: text("mdtrt_id"),
            scenario: self.id.clone(),
            business_date: told.business_date,
            facts: input.facts.clone(),
            feedetail: bill(&form.lines, &input.lines),
            documents: form.documents.clone(),
        })
    }
}

/// The lines of a bill: each as the form has it, with what the rules were told of it.
fn bill(form: &[Map<String, Value>], told: &[Map<String, Value>]) -> Vec<Map<String, Value>> {
    let mut bill = form.to_vec();
    for (line, told) in bill.iter_mut().zip(told) {
        line.extend(told.clone());
    }
    bill
}

/// Values under the codes that their fields have upstream.
fn coded(fields: &[Field], values: &Map<String, Value>) -> Map<String, Value> {
    let each = fields.iter().filter_map(|field| Some((field.code.clone(), values.get(&field.name)?.clone())));
    each.collect()
}
