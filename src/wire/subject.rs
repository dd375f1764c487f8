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

/// What begins the subjects on which a terminal gets answers: nobody else may listen there.
pub fn inbox(terminal: &str) -> String {
    format!("_INBOX_{terminal}")
}

/// Whether an answer to this terminal may go there.
pub fn is_inbox_of(reply: &str, terminal: &str) -> bool {
    reply.strip_prefix(&inbox(terminal)).is_some_and(|rest| rest.starts_with('.'))
}

/// The durable consumer by which a terminal reads its answers.
pub fn consumer(terminal: &str) -> String {
    format!("terminal-{terminal}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_one_terminals() {
        assert!(is_inbox_of(&format!("{}.x.1", inbox("T1")), "T1"));
        for other in ["_INBOX.x", "_INBOX_T10.x", "_INBOX_T1", "sbkd.tx.T1", "_INBOX_T2.x"] {
            assert!(!is_inbox_of(other, "T1"), "{other}");
        }
    }
}
