//! What can be done with a card: the catalogue of 77 scenarios, their forms, and how each is decided and told upstream.

mod catalogue;

pub use catalogue::{Catalogue, CatalogueError, Entry};
