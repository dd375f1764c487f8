//! What can be done with a card: the catalogue of scenarios, their forms, and how each is decided and told upstream.

mod catalogue;
mod definition;
mod dictionary;
pub mod errors;
mod file;
mod flow;
mod form;
mod load;
mod message;
mod on_card;
#[cfg(test)]
mod tests;
mod tighter;

pub use catalogue::{Catalogue, Entry, Scenario};
pub use definition::{
    CheckBy, Choice, Definition, DocumentAsked, ExpiredCard, Field, FieldType, Fill, Identity, Label, Lines, Lookup,
    Messages, MessagesFor, Once, Paper, Place, Print, Proof, Runner, Source, Tightening,
};
pub use errors::{FieldError, FieldMistake, ScenarioError};
pub use flow::{Known, Stated, month};
pub(crate) use form::text_of;
pub use form::{Form, LineNames};
pub use message::{Message, ShownRecords, Telling};
pub use on_card::OnCard;
pub use tighter::{Conduct, Tighter};
