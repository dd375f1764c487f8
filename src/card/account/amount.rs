//! Amounts as the card counts them, and moments as it writes them.

use jiff::Timestamp;

use super::AccountError;
use crate::value::Fen;
use crate::world::shanghai;

/// An amount on the card: 分, four bytes, never below zero (card-facts §1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Amount(u32);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    pub(super) fn of(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// The number, in 分.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<Fen> for Amount {
    type Error = AccountError;

    /// # Errors
    /// [`AccountError::Amount`] below zero, or above what four bytes hold.
    fn try_from(fen: Fen) -> Result<Self, AccountError> {
        u32::try_from(fen.0).map(Self).map_err(|_| AccountError::Amount)
    }
}

impl From<Amount> for Fen {
    fn from(amount: Amount) -> Self {
        Self(amount.0.into())
    }
}

/// What is summed up in a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yearly {
    /// The sum.
    pub amount: Amount,
    /// The year it is of; `None` where the card never began one.
    pub year: Option<u16>,
}

/// What a card says of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// 个人账户余额 (CIA).
    pub account: Amount,
    /// 个人自付累计 (SPIP).
    pub self_paid: Yearly,
    /// 统筹支付累计 (SPFP).
    pub pooled: Yearly,
}

/// What a purchase is made of. The account's part is taken from it; the others the card only sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Payment {
    /// 账户支付.
    pub account: Amount,
    /// 个人自付.
    pub self_pay: Amount,
    /// 统筹支付.
    pub pool: Amount,
}

impl Payment {
    /// The twelve bytes of INITIALIZE FOR PURCHASE.
    pub(super) fn bytes(&self) -> [u8; 12] {
        let parts = [self.account, self.self_pay, self.pool].map(|amount| amount.0.to_be_bytes());
        std::array::from_fn(|at| parts[at / 4][at % 4])
    }

    pub(super) fn is_nothing(&self) -> bool {
        [self.account, self.self_pay, self.pool].iter().all(|amount| *amount == Amount::ZERO)
    }
}

/// `YYYYMMDDhhmmss` in Asia/Shanghai, packed BCD.
pub(super) fn packed(moment: Timestamp) -> [u8; 7] {
    let at = shanghai().to_datetime(moment);
    let parts = [
        at.year() / 100,
        at.year() % 100,
        at.month().into(),
        at.day().into(),
        at.hour().into(),
        at.minute().into(),
        at.second().into(),
    ];
    // Each is below a hundred, and a clock's year is of four digits.
    parts.map(|part| (part / 10 * 16 + part % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_packed_in_the_zone_of_the_card() {
        let moment: Timestamp = "2015-08-03T17:04:09Z".parse().unwrap();
        assert_eq!(hex::encode(packed(moment)), "20150804010409");
    }

    #[test]
    fn an_amount_is_what_four_bytes_hold() {
        for (fen, fits) in [(0, true), (4_294_967_295, true), (4_294_967_296, false), (-1, false)] {
            assert_eq!(Amount::try_from(Fen(fen)).is_ok(), fits, "{fen}");
        }
        let payment = Payment { account: Amount(1), self_pay: Amount(0x0203), pool: Amount(0xFFFF_FFFF) };
        assert_eq!(hex::encode(payment.bytes()), "0000000100000203ffffffff");
    }
}
