//! How far a reading has come.

/// What is done. Each is reported once, in this order; `ExternalAuthenticated` only for cards that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The social security environment is selected: it is a card of this kind.
    Selected,
    /// The card's own file is read.
    CardRead,
    /// The card proved that it is genuine.
    InternalAuthenticated,
    /// The terminal proved to the card that it may read the holder.
    ExternalAuthenticated,
    /// The holder's file is read.
    HolderRead,
}

impl Step {
    /// The step's name in events, in kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Selected => "selected",
            Self::CardRead => "card-read",
            Self::InternalAuthenticated => "internal-authenticated",
            Self::ExternalAuthenticated => "external-authenticated",
            Self::HolderRead => "holder-read",
        }
    }
}
