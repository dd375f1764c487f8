//! The subjects and streams of NATS, and who has which.

use super::signature::Purpose;

/// The stream of transactions on their way up.
pub const TRANSACTIONS: &str = "SBKD_TX";
/// The stream of the centre's answers to them.
pub const ANSWERS: &str = "SBKD_ANSWER";
/// The header of an answer that has its status, as in HTTP.
pub const STATUS: &str = "sbkd-status";

/// All transactions.
pub const EVERY_TRANSACTION: &str = "sbkd.tx.*";
/// All answers.
pub const EVERY_ANSWER: &str = "sbkd.answer.*";
/// All requests.
pub const EVERY_REQUEST: &str = "sbkd.request.*.*";

/// A terminal's transactions.
pub fn transaction(terminal: &str) -> String {
    format!("sbkd.tx.{terminal}")
}

/// The centre's answers to them.
pub fn answer(terminal: &str) -> String {
    format!("sbkd.answer.{terminal}")
}

/// A terminal's requests of a purpose.
pub fn request(terminal: &str, purpose: Purpose) -> String {
    format!("sbkd.request.{terminal}.{}", purpose.name())
}

/// The durable consumer by which a terminal reads its answers.
pub fn consumer(terminal: &str) -> String {
    format!("terminal-{terminal}")
}
