//! What a card tells of itself and its holder, as far as forms and rules take it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::definition::Fill;
use crate::card::Reading;

/// What was read, as forms have it; what the card leaves blank is not there. Prints nothing of it, is wiped on drop.
#[derive(Clone, Default, PartialEq)]
pub struct OnCard(BTreeMap<Fill, Zeroizing<String>>);

impl OnCard {
    /// What a reading has.
    pub fn of(reading: &Reading) -> Self {
        let (card, holder) = (reading.card(), reading.holder());
        let area = card.identifier.reveal().to_string().get(..6).map(str::to_owned);
        let told = [
            (Fill::Name, holder.name.as_ref().map(|name| name.reveal().to_owned())),
            (Fill::SocialSecurityNumber, holder.number.as_ref().map(|number| number.reveal().to_owned())),
            (Fill::CardNumber, card.number.as_ref().map(|number| number.reveal().to_owned())),
            (Fill::Sex, holder.sex.map(String::from)),
            (Fill::BirthDate, holder.birth_date.map(|date| date.to_string())),
            (Fill::Ethnicity, holder.ethnicity.clone()),
            (Fill::BirthPlace, holder.birth_place.as_ref().map(ToString::to_string)),
            (Fill::Area, area),
        ];
        told.into_iter().filter_map(|(what, value)| Some((what, value?))).collect()
    }

    /// One thing of it.
    pub fn get(&self, what: Fill) -> Option<&str> {
        self.0.get(&what).map(|value| value.as_str())
    }

    /// The holder's age in whole years on a day.
    pub(super) fn age(&self, on: Date) -> Option<i64> {
        let born: Date = self.get(Fill::BirthDate)?.parse().ok()?;
        let had_birthday = (on.month(), on.day()) >= (born.month(), born.day());
        let years = i64::from(on.year()) - i64::from(born.year()) - i64::from(!had_birthday);
        (years >= 0).then_some(years)
    }
}

impl FromIterator<(Fill, String)> for OnCard {
    fn from_iter<I: IntoIterator<Item = (Fill, String)>>(told: I) -> Self {
        Self(told.into_iter().map(|(what, value)| (what, Zeroizing::new(value))).collect())
    }
}

impl std::fmt::Debug for OnCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
