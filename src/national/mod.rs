//! The national driver interface of terminals (card-facts §5): its functions, the strings that go in and out, and its return
//! codes. What they do to a card is the terminal's; how a C program reaches them is the library's in `driver/`.

mod address;
mod code;
pub mod function;
mod info;
mod kind;
mod output;
mod unpublished;
mod values;
mod verdict;

pub use address::{Directory, FileAddress, ItemAddress, Values, mirror, write_data};
pub use code::{Code, FALL_BACK, LISTED, Listed};
pub use function::{FUNCTIONS, Function, LONGEST_CALL, Parameter};
pub use info::CardInfo;
pub use kind::Kind;
pub use output::basic;
pub use unpublished::{
    DataForm, DebitField, DebitOutput, Encoding, PayField, Payment, PkiStrings, RecordField, RecordOutput, SignField,
    SignatureForm, Syntax, Unpublished,
};
pub use values::values;
pub use verdict::{Outcome, Refused, of_account, of_card, of_keys, of_pki, of_signing, of_transport};
