//! What may be in a recording: each command with what is done to its data and to its answer.
//!
//! A command that is not in the table is refused: nobody can say whether it carries a secret.

use super::Channel;
use crate::apdu::ins;

/// What a command is to redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Names, status words, randoms and cryptograms: data and answer stay.
    Open,
    /// SELECT: stays, and says where the commands that follow are.
    Select,
    /// INTERNAL and EXTERNAL AUTHENTICATE: stays, and says which blocks are randoms.
    Authenticate,
    /// The answer is records.
    Records,
    /// The answer is a part of a file of bytes.
    Bytes,
    /// The data is a PIN, or asks for the tries that are left.
    Pin,
    /// The data is the old PIN, FF, the new one.
    TwoPins,
    /// The data is an enciphered PIN with its MAC, or a MAC alone.
    SealedPin,
    /// The data is a record, with its MAC where the class says so.
    WriteRecord,
    /// The data is a part of a file of bytes, likewise.
    WriteBytes,
    /// INITIALIZE FOR LOAD or PURCHASE.
    Initialize,
    /// CREDIT FOR LOAD.
    Credit,
    /// DEBIT FOR PURCHASE.
    Debit,
    /// GET BALANCE.
    Balance,
    /// The bank application's answer: BER-TLV.
    Bank,
    /// The PSAM's DELIVERY SESSION KEY: factors, which the card's own bytes are among.
    Deliver,
    /// The PSAM's CIPHER DATA: what is to be enciphered, or what a MAC is to be made of.
    Cipher,
    /// The PSAM's INITIALIZE FOR PURCHASE: amounts and factors.
    Purchase,
}

/// INITIALIZE ENVIRONMENT of a PSAM (card-facts §4.3).
const INITIALIZE_ENVIRONMENT: u8 = 0xEC;

/// Whom a command is for, its class and instruction, and its rule (card-facts §3, §4.3).
const RULES: [(Channel, u8, u8, Rule); 31] = [
    (Channel::Card, 0x00, ins::SELECT, Rule::Select),
    (Channel::Card, 0x00, ins::GET_CHALLENGE, Rule::Open),
    (Channel::Card, 0x00, ins::GET_RESPONSE, Rule::Open),
    (Channel::Card, 0x00, ins::INTERNAL_AUTHENTICATE, Rule::Authenticate),
    (Channel::Card, 0x00, ins::EXTERNAL_AUTHENTICATE, Rule::Authenticate),
    (Channel::Card, 0x00, ins::READ_RECORD, Rule::Records),
    (Channel::Card, 0x00, ins::READ_BINARY, Rule::Bytes),
    (Channel::Card, 0x00, ins::VERIFY, Rule::Pin),
    (Channel::Card, 0x80, ins::CHANGE_PIN, Rule::TwoPins),
    (Channel::Card, 0x84, ins::UNBLOCK_PIN, Rule::SealedPin),
    (Channel::Card, 0x00, ins::UPDATE_RECORD, Rule::WriteRecord),
    (Channel::Card, 0x04, ins::UPDATE_RECORD, Rule::WriteRecord),
    (Channel::Card, 0x00, ins::UPDATE_BINARY, Rule::WriteBytes),
    (Channel::Card, 0x04, ins::UPDATE_BINARY, Rule::WriteBytes),
    (Channel::Card, 0xB0, ins::INITIALIZE, Rule::Initialize),
    (Channel::Card, 0xB0, ins::CREDIT_FOR_LOAD, Rule::Credit),
    (Channel::Card, 0xB0, ins::DEBIT_FOR_PURCHASE, Rule::Debit),
    (Channel::Card, 0xB0, ins::GET_BALANCE, Rule::Balance),
    (Channel::Card, 0xB0, ins::GET_TRANSACTION_PROOF, Rule::Open),
    (Channel::Card, 0xB0, ins::STARTING_DAY, Rule::Open),
    (Channel::Card, 0x80, ins::GET_PROCESSING_OPTIONS, Rule::Bank),
    (Channel::Psam, 0x00, ins::SELECT, Rule::Open),
    (Channel::Psam, 0x00, ins::GET_CHALLENGE, Rule::Open),
    (Channel::Psam, 0x00, ins::GET_RESPONSE, Rule::Open),
    (Channel::Psam, 0x00, ins::READ_BINARY, Rule::Open),
    (Channel::Psam, 0x00, ins::READ_RECORD, Rule::Open),
    (Channel::Psam, 0xBF, INITIALIZE_ENVIRONMENT, Rule::Open),
    (Channel::Psam, 0xBF, ins::DELIVERY_SESSION_KEY, Rule::Deliver),
    (Channel::Psam, 0x80, ins::CIPHER_DATA, Rule::Cipher),
    (Channel::Psam, 0x80, ins::INIT_SAM_FOR_PURCHASE, Rule::Purchase),
    (Channel::Psam, 0x80, ins::CREDIT_SAM_FOR_PURCHASE, Rule::Open),
];

/// The rule of a command, if it has one.
pub(super) fn rule(channel: Channel, cla: u8, ins: u8) -> Option<Rule> {
    let found = RULES.iter().find(|(on, class, instruction, _)| (*on, *class, *instruction) == (channel, cla, ins));
    found.map(|(.., rule)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_has_no_rule() {
        assert_eq!(rule(Channel::Card, 0x00, 0x20), Some(Rule::Pin));
        // Another class, another card, a command that blocks for ever, GET DATA.
        for (channel, cla, ins) in [
            (Channel::Card, 0x80, 0x20),
            (Channel::Psam, 0x00, 0x20),
            (Channel::Card, 0x84, 0x16),
            (Channel::Card, 0x84, 0x1E),
            (Channel::Card, 0x80, 0xCA),
        ] {
            assert_eq!(rule(channel, cla, ins), None);
        }
    }

    #[test]
    fn a_command_stands_in_the_table_once() {
        for (at, (channel, cla, ins, _)) in RULES.iter().enumerate() {
            let same = |other: &&(Channel, u8, u8, Rule)| (other.0, other.1, other.2) == (*channel, *cla, *ins);
            assert_eq!(RULES.iter().filter(same).count(), 1, "{at}");
        }
    }
}
