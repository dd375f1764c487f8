//! What can be done with a card: the catalogue of 77 scenarios, their forms, and how each is decided and told upstream.

mod catalogue;
mod definition;
pub mod errors;
mod file;
mod flow;
mod form;
mod load;
#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, CatalogueError, Entry};
pub use definition::{
    Choice, Definition, ExpiredCard, Field, FieldType, Identity, Label, Lines, Once, Source, Tightening,
};
pub use errors::{FieldError, FieldMistake, ScenarioError};
pub use flow::{Known, Message, amount, month};
pub use form::Form;
pub use load::Definitions;
