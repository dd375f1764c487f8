//! The image file: every setting optional, so that an image may say only what differs from the one it extends.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::content::FileTable;
use super::fields::{
    Bases, Blob, Byte, CipherName, Date, Fid, Hex, HexBytes, Named, Padding, Pin, Role, SigningKey, Status, Tag, Text,
    Within,
};
use super::money::{Account, Bank};
use crate::cipher::Key16;
use crate::reader::Interface;
use crate::virtual_card::faults::Torn;

/// Bytes of the 卡号 field: the standard's nine at least, and what a short record holds at most.
pub(super) type NumberLength = Within<9, 253>;
/// Tries of a key or a PIN: 63Cx has one digit for them, and with none it is locked.
pub(super) type Tries = Within<0, 15>;

/// Puts what one file says over what the file it extends says.
pub(super) trait Over {
    fn over(self, base: Self) -> Self;
}

impl<K: Ord, V> Over for BTreeMap<K, V> {
    fn over(self, mut base: Self) -> Self {
        base.extend(self);
        base
    }
}

/// A table of the file: its settings are optional, its tables may be absent.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* } { $($(#[$tdoc:meta])* $table:ident: $inner:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$fdoc])* pub $field: Option<$type>,)*
            $($(#[$tdoc])* #[serde(default)] pub $table: $inner,)*
        }

        impl Over for $name {
            fn over(self, base: Self) -> Self {
                Self { $($field: self.$field.or(base.$field),)* $($table: self.$table.over(base.$table),)* }
            }
        }
    };
}

pub(super) use table;

/// What kind of chip it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ChipKind {
    /// A social security card.
    Card,
    /// A PSAM.
    Psam,
    /// Something else: it knows no file of ours.
    Other,
}

/// Where a PSAM's key stands above the card's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// 全国: three factors.
    National,
    /// 省级: two factors.
    Provincial,
    /// 市级: one factor.
    City,
    /// No such key.
    Absent,
}

table! {
    /// The whole file.
    File {
        /// Other images, relative to this file; what an earlier one says counts before a later one's.
        extends: Bases,
        chip: ChipKind,
        /// The image of the PSAM that goes with this card, relative to this file.
        psam_image: PathBuf,
        /// The 13 historical bytes of the answer to reset.
        historical: Hex<13>,
        /// How the card is reached.
        interface: InterfaceName,
        raw: BTreeMap<Tag, HexBytes>,
        /// Directories that are there without a file.
        directories: Vec<String>,
        /// What else is on the chip.
        applications: Vec<Application>,
    } {
        keys: Keys,
        /// P2 of keys for which the profile has none.
        references: BTreeMap<Role, Byte>,
        card: Card, holder: Holder, pin: PinSettings, files: Files, atr: AtrSettings, quirks: Quirks, faults: Faults,
        psam: Psam, account: Account, bank: Bank,
    }
}

table! {
    /// Demonstration root keys, an algorithm each.
    Keys {} {
        #[serde(rename = "3DES")]
        des: Roots,
        #[serde(rename = "ssf33-stand-in")]
        stand_in: Roots,
        #[serde(rename = "SM4")]
        sm4: Roots,
    }
}

/// National root keys by role.
pub(super) type Roots = BTreeMap<Role, Key16>;

/// What files hold.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Files(pub BTreeMap<Named, FileTable>);

impl Over for Files {
    fn over(self, base: Self) -> Self {
        let mut files = base.0;
        for (name, table) in self.0 {
            let table = match files.remove(&name) {
                Some(base) => table.over(base),
                None => table,
            };
            files.insert(name, table);
        }
        Self(files)
    }
}

/// How a card is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InterfaceName {
    /// By contacts.
    Contact,
    /// By radio.
    Contactless,
}

impl From<InterfaceName> for Interface {
    fn from(name: InterfaceName) -> Self {
        match name {
            InterfaceName::Contact => Self::Contact,
            InterfaceName::Contactless => Self::Contactless,
        }
    }
}

/// An application beside the environment: its name, and files that anybody may read.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub name: HexBytes,
    /// What it signs with.
    pub signing_key: Option<SigningKey>,
    /// Who makes the digest that is signed; the terminal where it is not said.
    pub hash: Option<HashedBy>,
    #[serde(default)]
    pub files: BTreeMap<Fid, Blob>,
}

/// Who makes the digest that an application signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HashedBy {
    /// The terminal: the application is sent the digest.
    Terminal,
    /// The card: the application is sent what is signed.
    Card,
}

/// Whether the environment has its list of applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::virtual_card) enum Dir {
    /// It is there and empty: every application may be present.
    #[default]
    Empty,
    /// It names each.
    Listed,
    /// It is not there.
    Absent,
}

table! {
    /// Answers to reset in place of those the card's historical bytes make.
    AtrSettings {
        cold: HexBytes,
        warm: HexBytes,
        /// The historical bytes of a contactless card, where they are not those of its contacts; at most 15.
        contactless: HexBytes,
    } {}
}

table! {
    /// What EF05 holds, and the environment's algorithm.
    Card {
        algorithm: CipherName,
        identifier: Hex<16>,
        category: Text<1>,
        version: Text<4>,
        issuer: Hex<12>,
        issued: Date,
        expires: Date,
        number: Text<32>,
        /// Bytes of the 卡号 field where a card has more than 9.
        number_length: NumberLength,
        /// Tries of each external authentication key.
        key_tries: Tries,
    } {}
}

table! {
    /// What EF06 holds.
    Holder {
        social_security_number: Text<18>,
        name: Text<50>,
        sex: Text<1>,
        ethnicity: Hex<1>,
        birth_place: Hex<3>,
        birth_date: Date,
    } {}
}

table! {
    /// The holder's PIN; a card without digits has none.
    PinSettings { digits: Pin, tries: Tries, } {}
}

table! {
    /// Where this card differs from the standard's.
    Quirks {
        /// Behind names: 00, 20 or FF.
        padding: Padding,
        no_4e: bool,
        /// Only the exact Le is served.
        wrong_le: bool,
        no_whole_file: bool,
        no_algorithm_in_fci: bool,
        /// Each directory has a PIN of its own.
        pin_per_directory: bool,
        dir: Dir,
        /// Records whose value is all FF.
        unpersonalised: Vec<Tag>,
        /// Records that are not there.
        missing: Vec<Tag>,
        /// Records whose length byte is wrong.
        garbled: Vec<Tag>,
    } {}
}

table! {
    /// What goes wrong.
    Faults {
        /// Pulled at this TPDU, counted from 1 over resets.
        remove_at: u32,
        /// Whether it carried that one out before.
        torn: Torn,
        /// Every TPDU is answered this late.
        late_ms: u64,
        /// The keys are not the issuer's.
        forged: bool,
        /// After CARD BLOCK: 6A81 for everything.
        blocked: bool,
        /// After APPLICATION BLOCK: 9303.
        application_locked: bool,
    } { status: WrongStatus, answer: WrongAnswer, }
}

table! {
    /// One TPDU is answered by bytes of its own, status word included.
    WrongAnswer { at: u32, data: HexBytes, } {}
}

table! {
    /// One TPDU is answered by a status word of its own.
    WrongStatus { at: u32, sw: Status, } {}
}

table! {
    /// What a PSAM holds.
    Psam {
        /// 终端机编号.
        terminal_number: Hex<6>,
        serial: Hex<10>,
        /// The region whose provincial and city keys it holds.
        region: Hex<3>,
        /// Of the first purchase.
        terminal_sequence: u32,
        key_version: u8,
    } {
        /// Usage and id of keys for which the profile has none.
        ids: BTreeMap<Role, Hex<2>>,
        #[serde(rename = "3DES")]
        des: Environment,
        #[serde(rename = "ssf33-stand-in")]
        stand_in: Environment,
        #[serde(rename = "SM4")]
        sm4: Environment,
    }
}

table! {
    /// One environment of a PSAM, and the level of each key.
    Environment {
        present: bool,
        irk: Level,
        rkssse: Level,
        /// Of every other key.
        others: Level,
        /// Keys that are not there.
        without: Vec<Role>,
    } {}
}
