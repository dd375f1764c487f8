//! The validity step (STD-7; card-facts §9): whether a card that is genuine may be used, by the list of refused cards, by
//! who made it, by its category and version, and by its dates, which a clock that cannot be right tells nothing of.
//!
//! The step finds all there is to find; who carries a case out decides what of it they let pass. Only a finding about the
//! list, or a card past its last day, can be let pass: a scenario or the terminal's owner says so.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use super::data::CardFile;
use super::errors;
use super::reading::Validity;
use crate::failure::{Entry, Explain, Failure};
use crate::store::Hit;
use crate::world::Clock;

/// Which cards a terminal accepts, as its owner says. An empty list accepts any; a list that is not empty does not accept a
/// card that states nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// How 初始化机构编号 begins: some of its 24 digits, as many as name who is accepted.
    pub issuers: Vec<String>,
    /// 卡的类别, the character as on the card.
    pub categories: Vec<char>,
    /// How 规范版本 begins: `3`, or `2.01`.
    pub versions: Vec<String>,
}

/// What is known of a card by the list of refused cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Nobody looked: the terminal has no list, or only reads (card-facts §9 exempts plain readers).
    Exempt,
    /// There is no list to look into, and why, where something is wrong with it.
    NoList(Option<Failure>),
    /// It was looked up.
    Looked {
        /// The entry it is in.
        hit: Option<Hit>,
        /// When the list was made, where that is longer ago than the terminal's owner wants.
        old: Option<Timestamp>,
    },
}

/// Something about a card that speaks against its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is in the list of refused cards; what the back office says of it there.
    Blacklisted(Option<String>),
    /// There is no list to look into, and why, where something is wrong with it.
    NoList(Option<Failure>),
    /// The list, made at this time, is too old to go by.
    ListOld(Timestamp),
    /// 初始化机构编号 is none that is accepted here.
    Issuer,
    /// 卡的类别 is none that is accepted here.
    Category(Option<char>),
    /// 规范版本 is none that is accepted here.
    Version(String),
    /// The terminal's clock shows this day, which is before any that it can show where it is right: whether the card is
    /// past its validity nobody knows.
    Clock(Date),
    /// Its first day, given, is still to come: no card is there before it was issued, but by a clock that is behind.
    NotYet(Date),
    /// Its last day, given, is over.
    Expired(Date),
}

/// What may be let pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lenience {
    /// A card past its last day.
    pub expired: bool,
    /// That there is no list, or an old one.
    pub list: bool,
}

/// All that the validity step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    findings: Vec<Finding>,
}

impl CardFile {
    /// Whether the card may be used today.
    pub fn verdict(&self, clock: &dyn Clock, accepted: &Accepted, listing: Listing) -> Verdict {
        let today = clock.today();
        let behind = clock.earliest().is_some_and(|earliest| today < earliest);
        let mut findings = Vec::new();
        match listing {
            Listing::Exempt => {}
            Listing::NoList(why) => findings.push(Finding::NoList(why)),
            Listing::Looked { hit, old } => {
                findings.extend(hit.map(|hit| Finding::Blacklisted(hit.label)));
                findings.extend(old.map(Finding::ListOld));
            }
        }
        findings.extend(accepted.findings(self));
        findings.extend(behind.then_some(Finding::Clock(today)));
        match self.validity(today) {
            // It is the clock.
            Validity::NotYet(_) if behind => {}
            Validity::NotYet(first) => findings.push(Finding::NotYet(first)),
            Validity::Expired(last) => findings.push(Finding::Expired(last)),
            // What a card does not state is not held against it.
            Validity::Valid | Validity::Unstated => {}
        }
        Verdict { findings }
    }
}

impl Accepted {
    fn findings(&self, card: &CardFile) -> impl Iterator<Item = Finding> {
        let begins =
            |list: &[String], value: &str| list.is_empty() || list.iter().any(|begin| value.starts_with(begin));
        let issuer = begins(&self.issuers, card.issuer.as_deref().unwrap_or_default());
        let category = self.categories.is_empty() || card.category.is_some_and(|own| self.categories.contains(&own));
        let version = begins(&self.versions, &card.version);
        [
            (!issuer).then_some(Finding::Issuer),
            (!category).then_some(Finding::Category(card.category)),
            (!version).then(|| Finding::Version(card.version.clone())),
        ]
        .into_iter()
        .flatten()
    }
}

impl Verdict {
    /// Everything that was found, the gravest first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The gravest finding that is not let pass.
    pub fn obstacle(&self, lenience: Lenience) -> Option<&Finding> {
        self.findings.iter().find(|finding| !finding.passes(lenience))
    }
}

impl Finding {
    fn passes(&self, lenience: Lenience) -> bool {
        match self {
            Self::Expired(_) => lenience.expired,
            Self::NoList(_) | Self::ListOld(_) => lenience.list,
            Self::Blacklisted(_)
            | Self::Issuer
            | Self::Category(_)
            | Self::Version(_)
            | Self::Clock(_)
            | Self::NotYet(_) => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().message.en)
    }
}

impl std::error::Error for Finding {}

impl Explain for Finding {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Blacklisted(_) => &errors::BLACKLISTED,
            Self::NoList(_) => &errors::NO_BLACKLIST,
            Self::ListOld(_) => &errors::BLACKLIST_OLD,
            Self::Issuer => &errors::ISSUER,
            Self::Category(_) => &errors::CATEGORY,
            Self::Version(_) => &errors::VERSION_NOT_ACCEPTED,
            Self::Clock(_) => &errors::CLOCK,
            Self::NotYet(_) => &errors::NOT_YET,
            Self::Expired(_) => &errors::EXPIRED,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Blacklisted(label) => label.clone(),
            Self::NoList(why) => why.as_ref().map(ToString::to_string),
            Self::ListOld(issued) => Some(issued.to_string()),
            Self::Category(category) => category.map(String::from),
            Self::Version(version) => Some(version.clone()),
            Self::Clock(day) | Self::NotYet(day) | Self::Expired(day) => Some(day.to_string()),
            // Nothing of the card's own goes into a log.
            Self::Issuer => None,
        }
    }
}
