//! What a card says of itself and of its holder, each value right by construction.

use std::fmt;

use jiff::civil::Date;

use super::errors;
use crate::failure::Failure;
use crate::value::{CardIdentifier, CardNumber, PersonName, Region, Sex, SocialSecurityNumber};

/// EF05, 发卡机构数据 (card-facts §1.3). `None` is what the card leaves at FF or does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardFile {
    /// 卡识别码.
    pub identifier: CardIdentifier,
    /// 卡的类别, the character as on the card.
    pub category: Option<char>,
    /// 规范版本, `3.00`.
    pub version: String,
    /// 初始化机构编号, 24 digits.
    pub issuer: Option<String>,
    /// 发卡日期.
    pub issued: Option<Date>,
    /// 卡有效期.
    pub expires: Option<Date>,
    /// 卡号, its check character verified.
    pub number: Option<CardNumber>,
}

/// EF06, 持卡人基本信息 (card-facts §1.4). `None` is what the card leaves at FF or does not have.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// 社会保障号码.
    pub number: Option<SocialSecurityNumber>,
    /// 姓名 with its extension.
    pub name: Option<PersonName>,
    /// 性别, the character as on the card.
    pub sex: Option<char>,
    /// 民族, two digits as on the card.
    pub ethnicity: Option<String>,
    /// 出生地.
    pub birth_place: Option<Region>,
    /// 出生日期.
    pub birth_date: Option<Date>,
}

/// What is odd about a card that can still be read: a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// The birth date inside the citizen number is not the one beside it.
    BirthDateDiffers,
    /// The sex inside the citizen number is not the one beside it.
    SexDiffers,
    /// A write of this terminal on the card was torn: it may be half written.
    WriteTorn,
    /// Writes or transactions are open whose cards are not known any more: it may be one of them.
    WritesLost,
}

impl Holder {
    /// Sex by its code: 1 男, 2 女, anything else not stated.
    pub fn sex(&self) -> Option<Sex> {
        self.sex.map(Sex::from_code)
    }

    /// Where the records contradict the citizen number (settlement-facts §5). Not an error of the reading: which of the
    /// two is wrong only a person can find out.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let Some(number) = &self.number else {
            return warnings;
        };
        if let (Some(inside), Some(beside)) = (number.birth_date(), self.birth_date)
            && inside != beside
        {
            warnings.push(Warning::BirthDateDiffers);
        }
        if let (Some(inside), Some(beside @ (Sex::Male | Sex::Female))) = (number.sex(), self.sex())
            && inside != beside
        {
            warnings.push(Warning::SexDiffers);
        }
        warnings
    }
}

impl Warning {
    /// All of them.
    const ALL: [Self; 4] = [Self::BirthDateDiffers, Self::SexDiffers, Self::WriteTorn, Self::WritesLost];

    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::BirthDateDiffers => "birth-date-differs",
            Self::SexDiffers => "sex-differs",
            Self::WriteTorn => "write-torn",
            Self::WritesLost => "writes-lost",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|warning| warning.name() == name)
    }

    /// As a failure that a case tells, where something of this terminal's is open on the card.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::BirthDateDiffers | Self::SexDiffers => None,
            Self::WriteTorn => Some(Failure::of(&errors::WRITE_OPEN)),
            Self::WritesLost => Some(Failure::of(&crate::store::errors::LOST_WRITES)),
        }
    }

    /// For a person, Chinese first.
    pub fn text(self) -> &'static str {
        match self {
            Self::BirthDateDiffers => "出生日期与社会保障号码不一致 / the birth date differs from the citizen number",
            Self::WriteTorn => {
                "该卡有中断的写入，请执行 sbkd card mend / a write on this card was torn: run sbkd card mend"
            }
            Self::WritesLost => {
                "有写卡或交易未完而无法辨认属于哪张卡，请执行 sbkd doctor / writes or transactions are open on cards that are not known any more: run sbkd doctor"
            }
            Self::SexDiffers => "性别与社会保障号码不一致 / the sex differs from the citizen number",
        }
    }
}

/// Number and name masked; of the rest only whether it is there.
impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("number", &self.number).field("name", &self.name).finish_non_exhaustive()
    }
}
