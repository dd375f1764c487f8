//! `iType`: which way to the card is meant (card-facts §5.2).

use crate::reader::Interface;

/// The four ways; any other number is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1: by contacts.
    Contact,
    /// 2: by radio.
    Contactless,
    /// 3: whichever there is, contacts first.
    ContactFirst,
    /// 4: whichever there is, radio first.
    ContactlessFirst,
}

impl Kind {
    /// From the number of the interface, in digits.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1" => Some(Self::Contact),
            "2" => Some(Self::Contactless),
            "3" => Some(Self::ContactFirst),
            "4" => Some(Self::ContactlessFirst),
            _ => None,
        }
    }

    /// The interfaces that will do, the better one first.
    pub fn interfaces(self) -> &'static [Interface] {
        match self {
            Self::Contact => &[Interface::Contact],
            Self::Contactless => &[Interface::Contactless],
            Self::ContactFirst => &[Interface::Contact, Interface::Contactless],
            Self::ContactlessFirst => &[Interface::Contactless, Interface::Contact],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_four_and_the_fourth_is_no_psam() {
        let of = |text: &str| Kind::parse(text).map(Kind::interfaces);
        assert_eq!(of("1"), Some(&[Interface::Contact][..]));
        assert_eq!(of("2"), Some(&[Interface::Contactless][..]));
        assert_eq!(of("3"), Some(&[Interface::Contact, Interface::Contactless][..]));
        assert_eq!(of("4"), Some(&[Interface::Contactless, Interface::Contact][..]));
        for other in ["0", "5", "-1", "", "01", " 1", "1|", "一"] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }
}
