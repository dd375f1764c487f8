//! `pCardInfo`: which card is meant (card-facts §5.2).

use std::fmt;

use zeroize::Zeroizing;

use super::Code;
use crate::card::CardFile;
use crate::value::{CardIdentifier, CardNumber};

/// `卡识别码|卡号|`, the last bar optional. Names one card.
pub struct CardInfo {
    identifier: CardIdentifier,
    number: CardNumber,
}

impl CardInfo {
    /// From the parameter.
    ///
    /// # Errors
    /// [`Code::IDENTIFIER`] where the first field is no 卡识别码, [`Code::ILLEGAL_INPUT`] where there are other than two
    /// fields or the second is no 卡号.
    pub fn parse(text: &str) -> Result<Self, Code> {
        let mut fields = text.strip_suffix('|').unwrap_or(text).split('|');
        let (Some(identifier), Some(number), None) = (fields.next(), fields.next(), fields.next()) else {
            return Err(Code::ILLEGAL_INPUT);
        };
        let bytes = hex::decode(identifier).map(Zeroizing::new).map_err(|_| Code::IDENTIFIER)?;
        let number = CardNumber::parse(number.as_bytes()).ok().filter(|parsed| parsed.reveal().len() == number.len());
        Ok(Self {
            identifier: CardIdentifier::parse(&bytes).map_err(|_| Code::IDENTIFIER)?,
            number: number.ok_or(Code::ILLEGAL_INPUT)?,
        })
    }

    /// Whether it is this card.
    ///
    /// # Errors
    /// [`Code::OTHER_CARD`] when either differs.
    pub fn check(&self, card: &CardFile) -> Result<(), Code> {
        let same = self.identifier == card.identifier && Some(&self.number) == card.number.as_ref();
        if same { Ok(()) } else { Err(Code::OTHER_CARD) }
    }
}

/// Masked.
impl fmt::Debug for CardInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardInfo({}, {})", self.identifier, self.number.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDENTIFIER: &str = "440100D156000005000000010000ABCD";

    fn card(identifier: &str, number: Option<&str>) -> CardFile {
        CardFile {
            identifier: CardIdentifier::parse(&hex::decode(identifier).unwrap()).unwrap(),
            category: None,
            version: "3.00".to_owned(),
            issuer: None,
            issued: None,
            expires: None,
            number: number.map(|number| CardNumber::parse(number.as_bytes()).unwrap()),
        }
    }

    #[test]
    fn a_card_is_named_with_the_last_bar_and_without() {
        for text in [format!("{IDENTIFIER}|D2143569X|"), format!("{}|D2143569X", IDENTIFIER.to_lowercase())] {
            let info = CardInfo::parse(&text).unwrap();
            assert_eq!(info.check(&card(IDENTIFIER, Some("D2143569X"))), Ok(()));
            assert_eq!(info.check(&card(IDENTIFIER, None)), Err(Code::OTHER_CARD));
            let other = IDENTIFIER.replace("ABCD", "ABCE");
            assert_eq!(info.check(&card(&other, Some("D2143569X"))), Err(Code::OTHER_CARD));
            assert!(!format!("{info:?}").contains("143569"), "{info:?}");
        }
    }

    #[test]
    fn what_names_no_card_has_its_code() {
        for (text, code) in [
            ("", Code::ILLEGAL_INPUT),
            (IDENTIFIER, Code::ILLEGAL_INPUT),
            ("44|D2143569X|", Code::IDENTIFIER),
            ("no hex|D2143569X|", Code::IDENTIFIER),
            (&format!("{IDENTIFIER}|D21435690|"), Code::ILLEGAL_INPUT),
            (&format!("{IDENTIFIER}|D2143569XX|"), Code::ILLEGAL_INPUT),
            (&format!("{IDENTIFIER}|D2143569X||"), Code::ILLEGAL_INPUT),
            (&format!("{IDENTIFIER}|D2143569X|more|"), Code::ILLEGAL_INPUT),
        ] {
            assert_eq!(CardInfo::parse(text).unwrap_err(), code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", bars in "[0-9A-F|$]{0,60}") {
            let _ = (CardInfo::parse(&text), CardInfo::parse(&bars));
        }
    }
}
