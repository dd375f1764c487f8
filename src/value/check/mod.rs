//! Validators by name: what an item of a form is held to beyond its type (settlement-facts §5). An area code, a bank or
//! an issuer that is not known is no mistake: such codes come and go.

mod certificate;
mod contact;
mod organisation;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{CardNumber, CardNumberError, Region, SettlementNumber};

/// One validator. What it lets pass has one form, which passes again as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// 公民身份号码 (GB 11643), or the number of a residence permit for people from Hong Kong, Macao or Taiwan, which
    /// follows the same rule: 18 characters, or the 15 digits of before, which are told as the 18 of today.
    CitizenNumber,
    /// 社会保障号码: a citizen number, a foreign permanent resident's, or a number that was assigned: 6 to 18 letters
    /// and digits, of which nothing can be checked.
    SocialSecurityNumber,
    /// 姓名: letters of any script, with the marks that stand in names.
    PersonName,
    /// 联系电话: a mobile number, a fixed one with or without area code and extension, or `+` and a number abroad.
    Phone,
    /// 手机号码: 11 digits, `+86` before them is dropped.
    Mobile,
    /// 邮政编码: six digits.
    Postcode,
    /// 统一社会信用代码 (GB 32100): 18 characters.
    CreditCode,
    /// 组织机构代码 (GB 11714): eight characters and a check character, a hyphen between them is dropped.
    OrganisationCode,
    /// A unified social credit code or an organisation code.
    EmployerCode,
    /// 社会保障卡卡号: nine characters.
    CardNumber,
    /// The number of a certificate of whatever kind `psn_cert_type` lists, by its format. One that has the form of a
    /// citizen number must be one, and so must one that looks like a slip in one: 16, 17, 19 or 20 digits, or a letter
    /// that was typed for a digit.
    CertificateNumber,
    /// 外国人永久居留证号码: 18 digits that begin with 9, or three letters and twelve digits as before December 2023.
    ForeignResidenceCard,
    /// A date or month that is not after the business date.
    Past,
    /// A date or month that is not before the business date.
    NotPast,
    /// 银行账号: 8 to 30 digits; there is no check digit that all banks have. Spaces are dropped.
    BankAccount,
    /// The SHA-256 of a file: 64 hexadecimal digits.
    Sha256,
    /// 行政区划代码 (GB/T 2260): six digits.
    Region,
    /// 结算ID: whatever somebody has on a paper; one of this project's centre is told in its one form, so that the same
    /// bill is the same however it was typed.
    SettlementNumber,
}

/// Why a text does not pass. Says which rule, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CheckMistake {
    /// It has not the form of what is wanted.
    #[error("应为{} must be {}", .0.wanted().0, .0.wanted().1)]
    Form(Check),
    /// The check digit or character is another.
    #[error("校验位不符，请核对是否录错 the check digit is wrong, look for a slip of the hand")]
    Digit,
    /// The birth date inside is no day of the calendar, in the future, or more than 130 years ago.
    #[error("号码中的出生日期有误 the birth date inside the number cannot be")]
    Birth,
    /// It is after the business date.
    #[error("不能晚于业务当日 must not be later than the business date")]
    Future,
    /// It is before the business date.
    #[error("不能早于业务当日 must not be earlier than the business date")]
    Past,
}

impl Check {
    /// Every validator.
    pub const ALL: [Self; 18] = [
        Self::CitizenNumber,
        Self::SocialSecurityNumber,
        Self::PersonName,
        Self::Phone,
        Self::Mobile,
        Self::Postcode,
        Self::CreditCode,
        Self::OrganisationCode,
        Self::EmployerCode,
        Self::CardNumber,
        Self::CertificateNumber,
        Self::ForeignResidenceCard,
        Self::Past,
        Self::NotPast,
        Self::BankAccount,
        Self::Sha256,
        Self::Region,
        Self::SettlementNumber,
    ];

    /// The validator of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// Its name in the catalogue of scenarios.
    pub fn name(self) -> &'static str {
        self.told().0
    }

    /// What it wants, in Chinese and English.
    pub fn wanted(self) -> (&'static str, &'static str) {
        let (_, zh, en) = self.told();
        (zh, en)
    }

    /// Its name, and what it wants in Chinese and English.
    fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::CitizenNumber => {
                ("citizen-number", "公民身份号码或者港澳台居民居住证号码", "a citizen number or a residence permit's")
            }
            Self::SocialSecurityNumber => ("social-security-number", "社会保障号码", "a social security number"),
            Self::PersonName => ("person-name", "姓名", "a person's name"),
            Self::Phone => ("phone", "电话号码", "a telephone number"),
            Self::Mobile => ("mobile", "手机号码", "a mobile number"),
            Self::Postcode => ("postcode", "六位邮政编码", "a postcode of six digits"),
            Self::CreditCode => ("credit-code", "统一社会信用代码", "a unified social credit code"),
            Self::OrganisationCode => ("organisation-code", "组织机构代码", "an organisation code"),
            Self::EmployerCode => (
                "employer-code",
                "统一社会信用代码或者组织机构代码",
                "a unified social credit code or an organisation code",
            ),
            Self::CardNumber => ("card-number", "社会保障卡卡号", "a social security card's number"),
            Self::CertificateNumber => ("certificate-number", "证件号码", "a certificate's number"),
            Self::ForeignResidenceCard => {
                ("foreign-residence-card", "外国人永久居留证号码", "a foreign permanent residence card's number")
            }
            Self::Past => ("past", "日期或者月份", "a date or a month"),
            Self::NotPast => ("not-past", "日期或者月份", "a date or a month"),
            Self::BankAccount => ("bank-account", "8 至 30 位数字的银行账号", "a bank account of 8 to 30 digits"),
            Self::Sha256 => ("sha256", "文件的 SHA-256（64 位十六进制）", "a file's SHA-256 in 64 hexadecimal digits"),
            Self::Region => ("region", "六位行政区划代码", "a region's code of six digits"),
            Self::SettlementNumber => ("settlement-number", "结算编号", "the number of a settlement"),
        }
    }

    /// The text in the one form that says it. `today` is the business date.
    ///
    /// # Errors
    /// Which rule the text breaks.
    pub fn canonical(self, text: &str, today: Date) -> Result<String, CheckMistake> {
        let shaped = |shaped: Option<String>| shaped.ok_or(CheckMistake::Form(self));
        match self {
            Self::CitizenNumber | Self::SocialSecurityNumber | Self::ForeignResidenceCard => {
                certificate::numbered(self, text, today)
            }
            Self::CertificateNumber => certificate::any(text, today),
            Self::PersonName => shaped(certificate::person_name(text)),
            Self::CreditCode => organisation::credit_code(text),
            Self::OrganisationCode => organisation::organisation_code(text),
            Self::EmployerCode => organisation::any(text),
            Self::CardNumber => card_number(text),
            Self::Phone => shaped(contact::phone(text)),
            Self::Mobile => shaped(contact::mobile(text)),
            Self::Postcode => shaped(digits(text, 6..=6)),
            Self::Past | Self::NotPast => self.day(text, today),
            Self::BankAccount => shaped(digits(&text.replace(' ', ""), 8..=30)),
            Self::Sha256 => {
                let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
                shaped(fits.then(|| text.to_ascii_uppercase()))
            }
            Self::Region => shaped(Region::parse(text).map(|region| region.to_string())),
            Self::SettlementNumber => Ok(SettlementNumber::canonical(text)),
        }
    }

    /// A date beside today, or a month beside today's.
    fn day(self, text: &str, today: Date) -> Result<String, CheckMistake> {
        let whole = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
        let day: Date = whole.parse().map_err(|_| CheckMistake::Form(self))?;
        if day.to_string() != whole {
            return Err(CheckMistake::Form(self));
        }
        let today = if text.len() == 7 { today.first_of_month() } else { today };
        match self {
            Self::Past if day > today => Err(CheckMistake::Future),
            Self::NotPast if day < today => Err(CheckMistake::Past),
            _ => Ok(whole[..text.len()].to_owned()),
        }
    }
}

fn card_number(text: &str) -> Result<String, CheckMistake> {
    let text = text.to_ascii_uppercase();
    // The card's record may be longer, what somebody types may not.
    if text.len() != 9 {
        return Err(CheckMistake::Form(Check::CardNumber));
    }
    match CardNumber::parse(text.as_bytes()) {
        Ok(number) => Ok(number.reveal().to_owned()),
        Err(CardNumberError::Check) => Err(CheckMistake::Digit),
        Err(_) => Err(CheckMistake::Form(Check::CardNumber)),
    }
}

/// The text where it is so many digits, and nothing else.
fn digits(text: &str, lengths: RangeInclusive<usize>) -> Option<String> {
    (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_owned())
}
