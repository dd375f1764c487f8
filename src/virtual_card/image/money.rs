//! What an image says of the medical account and of the bank application.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::{Date, Digits, Fid, Hex, HexBytes, Text, Within};
use super::file::{Over, table};

table! {
    /// The medical account as it is at first; amounts in 分.
    Account {
        present: bool,
        balance: u32,
        load_sequence: u16,
        purchase_sequence: u16,
        /// SPIP and SPFP, and the year they are of.
        self_paid: u32,
        pooled: u32,
        year: Hex<2>,
        /// Month and day.
        starting_day: Hex<2>,
        key_index: u8,
        key_version: u8,
    } {}
}

/// A bank application's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BankKind {
    /// 借记: A000000333010101.
    Debit,
    /// 贷记: A000000333010102.
    Credit,
}

/// What a card of the bank's calls itself.
pub(super) type Label = Text<16>;
/// Two digits of packed BCD.
pub(super) type SequenceNumber = Within<0, 99>;

table! {
    /// The bank application.
    Bank {
        present: bool,
        /// The names it is found under, the preferred one first; debit.
        names: Vec<BankKind>,
        label: Label,
        /// The card's number; any digits are taken.
        pan: Digits<8, 19>,
        expires: Date,
        /// The PAN's sequence number.
        sequence: SequenceNumber,
        /// Service code and what the bank puts behind it in track 2.
        service: Digits<3, 3>,
        discretionary: Digits<0, 13>,
        /// Whether the payment environments are there: by contacts, yes; by radio, no.
        pse: bool,
        ppse: bool,
        /// The data object list of GET PROCESSING OPTIONS; none.
        pdol: HexBytes,
        /// Format 2 of the processing options, 77; 80.
        format_2: bool,
        locator: HexBytes,
    } {
        /// Records in place of those the settings make, or beside them, by short identifier and number: `0201`.
        records: BTreeMap<Fid, HexBytes>,
    }
}
