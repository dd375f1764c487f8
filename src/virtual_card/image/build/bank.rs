//! The bank application of a card (EMV book 3).

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Flaw, need};
use crate::apdu::tlv;
use crate::virtual_card::bank::{BankImage, Records};
use crate::virtual_card::image::fields::HexBytes;
use crate::virtual_card::image::money::{Bank, BankKind};

/// The names under the bank's RID (card-facts §1.1).
const DEBIT: [u8; 8] = [0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01];
const CREDIT: [u8; 8] = [0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02];
/// Where an image says nothing: one record in each of two files, neither authenticated.
const LOCATOR: [u8; 8] = [0x08, 0x01, 0x01, 0x00, 0x10, 0x01, 0x01, 0x00];
/// No data authentication, cardholder verification supported, terminal risk management to be performed.
const PROFILE: [u8; 2] = [0x18, 0x00];

pub(super) fn bank(settings: &Bank) -> Result<Option<BankImage>, Flaw> {
    if settings.present != Some(true) {
        return Ok(None);
    }
    let label = settings.label.as_ref().map_or_else(|| b"PBOC DEBIT".to_vec(), |label| label.0.to_vec());
    let names = settings.names.as_deref().unwrap_or(&[BankKind::Debit]);
    let name = |kind: &BankKind| match kind {
        BankKind::Debit => DEBIT.to_vec(),
        BankKind::Credit => CREDIT.to_vec(),
    };
    let bytes = |setting: &Option<HexBytes>| setting.as_ref().map(|bytes| bytes.0.to_vec());
    Ok(Some(BankImage {
        applications: names.iter().map(|kind| (name(kind), label.clone())).collect(),
        pse: settings.pse != Some(false),
        ppse: settings.ppse == Some(true),
        pdol: bytes(&settings.pdol).unwrap_or_default(),
        format_2: settings.format_2 == Some(true),
        profile: PROFILE,
        locator: bytes(&settings.locator).unwrap_or_else(|| LOCATOR.to_vec()),
        records: records(settings)?,
    }))
}

/// 57 track 2 equivalent; 5A PAN, 5F24 expiry, 5F34 sequence number; and what the image puts in their place.
fn records(settings: &Bank) -> Result<Records, Flaw> {
    let pan = &need(&settings.pan, "bank.pan")?.0;
    let [_, expiry @ ..] = need(&settings.expires, "bank.expires")?.0;
    let digits = |setting: Option<&Zeroizing<String>>, default: &str| {
        setting.map_or_else(|| Zeroizing::new(default.to_owned()), Clone::clone)
    };
    let service = digits(settings.service.as_ref().map(|digits| &digits.0), "220");
    let own = digits(settings.discretionary.as_ref().map(|digits| &digits.0), "");
    let month = hex::encode(&expiry[..2]);
    let track_2 = packed(&[pan, "D", &month, &service, &own]);
    let sequence = settings.sequence.map_or(1, |sequence| sequence.0);
    let holder = [
        tlv::record_bytes(0x5A, &packed(&[pan])),
        [&[0x5F, 0x24, 0x03], &expiry[..]].concat(),
        vec![0x5F, 0x34, 0x01, ((sequence / 10) << 4) | (sequence % 10)],
    ];
    let template = |inner: &[u8]| Zeroizing::new(tlv::record_bytes(0x70, inner));
    let mut records = BTreeMap::from([
        ((0x01, 0x01), template(&tlv::record_bytes(0x57, &track_2))),
        ((0x02, 0x01), template(&holder.concat())),
    ]);
    records.extend(settings.records.iter().map(|(fid, bytes)| ((fid.0[0], fid.0[1]), bytes.0.clone())));
    Ok(records)
}

/// Digits, and the D between a PAN and what follows it, as nibbles, F behind an odd number.
fn packed(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new(parts.concat());
    let odd = if text.len() % 2 == 1 { "F" } else { "" };
    // The fields let nothing but digits in.
    Zeroizing::new(hex::decode(Zeroizing::new([&text, odd].concat()).as_str()).unwrap_or_default())
}
