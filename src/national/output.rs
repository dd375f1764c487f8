//! The eleven fields of `iReadCardBas` (card-facts §5.3).

use zeroize::Zeroizing;

use super::Code;
use crate::card::Reading;

/// 终端机编号 where there is no PSAM.
const NO_TERMINAL: [u8; 6] = [0; 6];

/// `发卡地区行政区划代码|社会保障号码|卡号|卡识别码|姓名|卡复位信息(历史字节)|规范版本|发卡日期|卡有效期|终端机编号|终端设备号|`: what
/// the card does not have is empty. `terminal` is the PSAM's 终端机编号, `device` what the configuration says.
///
/// # Errors
/// [`Code::CHARACTERS`] when a field has a character that separates.
pub fn basic(reading: &Reading, terminal: Option<[u8; 6]>, device: &str) -> Result<Zeroizing<String>, Code> {
    let (card, holder) = (reading.card(), reading.holder());
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let date = |date: jiff::civil::Date| text(&format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()));
    let none = || Zeroizing::new(String::new());
    let fields: [Zeroizing<String>; 11] = [
        text(&card.identifier.region().to_string()),
        holder.number.as_ref().map_or_else(none, |number| text(number.reveal())),
        card.number.as_ref().map_or_else(none, |number| text(number.reveal())),
        card.identifier.reveal(),
        holder.name.as_ref().map_or_else(none, |name| text(name.reveal())),
        Zeroizing::new(hex::encode_upper(reading.atr().historical())),
        text(&card.version),
        card.issued.map_or_else(none, date),
        card.expires.map_or_else(none, date),
        Zeroizing::new(hex::encode_upper(terminal.unwrap_or(NO_TERMINAL))),
        text(device),
    ];
    joined(&fields)
}

/// Each field with a bar behind it.
fn joined(fields: &[Zeroizing<String>]) -> Result<Zeroizing<String>, Code> {
    if fields.iter().any(|field| field.contains(['|', '$'])) {
        return Err(Code::CHARACTERS);
    }
    // All of it at once: growing would leave a copy behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(fields.iter().map(|field| field.len() + 1).sum()));
    for field in fields {
        text.push_str(field);
        text.push('|');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_ends_with_a_bar_and_has_none_inside() {
        let field = |text: &str| Zeroizing::new(text.to_owned());
        assert_eq!(*joined(&[field("a"), field(""), field("c")]).unwrap(), "a||c|");
        assert_eq!(joined(&[field("a|b")]), Err(Code::CHARACTERS));
    }
}
