//! The holder of a case, as far as the walk needs them.

use zeroize::Zeroizing;

use super::errors;
use super::view::HolderView;
use crate::card::bank::BankCard;
use crate::card::{Finding, Lenience, Reading, Verdict};
use crate::failure::{Explain as _, Failure};
use crate::queue::Queue;
use crate::scenario::OnCard;
use crate::wire::Digest;
use crate::wire::payment::Account;
use crate::wire::person::{PersonKey, SOCIAL_SECURITY_CARD};

/// Who a case is for. Wiped on drop.
pub(super) struct Who {
    /// As the messages name them.
    pub(super) person: PersonKey,
    /// 社会保障号码, by which the journal knows them.
    pub(super) number: Zeroizing<Vec<u8>>,
    /// The keyed hash that stands for them in the store.
    pub(super) tag: Digest,
    /// What the card says, as forms take it.
    pub(super) on_card: OnCard,
    /// The account of the card's bank application, where the scenario moves money.
    pub(super) account: Option<Account>,
    /// As the doors show them.
    pub(super) view: HolderView,
    /// The card is past its validity and the scenario takes it all the same.
    pub(super) expired: bool,
    /// What was found about the card and let pass.
    pub(super) findings: Vec<Failure>,
}

impl Who {
    /// Money moves from, or went to, the account of the card's bank application.
    pub(super) fn takes_account(&mut self, bank: BankCard) {
        self.view.bank_account = Some(bank.masked.clone());
        let token = bank.token.map(hex::encode_upper).unwrap_or_default();
        self.account = Some(Account { account: bank.masked, token });
    }

    /// The holder of a card that was read, if the card may be used.
    pub(super) fn of(reading: &Reading, queue: &Queue, verdict: &Verdict, lenience: Lenience) -> Result<Self, Failure> {
        if let Some(finding) = verdict.obstacle(lenience) {
            return Err(finding.failure());
        }
        let findings = verdict.findings();
        let (card, holder) = (reading.card(), reading.holder());
        let blank = |what: &str| Failure::with(&errors::CARD_BLANK, what);
        let number = holder.number.as_ref().ok_or_else(|| blank("社会保障号码"))?;
        let card_number = card.number.as_ref().ok_or_else(|| blank("卡号"))?;
        let name = holder.name.as_ref().ok_or_else(|| blank("姓名"))?;
        let bytes = Zeroizing::new(number.reveal().as_bytes().to_vec());
        Ok(Self {
            tag: queue.holder_tag(&bytes),
            number: bytes,
            person: PersonKey {
                mdtrt_cert_type: SOCIAL_SECURITY_CARD.to_owned(),
                mdtrt_cert_no: card_number.reveal().to_owned(),
                card_sn: card.identifier.reveal().to_string(),
                certno: number.reveal().to_owned(),
                psn_name: name.reveal().to_owned(),
                psn_no: None,
            },
            on_card: OnCard::of(reading),
            account: None,
            view: HolderView {
                name: Some(name.masked()),
                social_security_number: Some(number.masked()),
                card_number: Some(card_number.masked()),
                bank_account: None,
            },
            expired: findings.iter().any(|finding| matches!(finding, Finding::Expired(_))),
            findings: findings.iter().map(|finding| finding.failure()).collect(),
        })
    }
}
