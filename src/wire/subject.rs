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

/// How the servers of a list are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// `tls://`, all of them.
    Tls,
    /// `nats://` on the loopback, all of them.
    Loopback,
}

/// How servers of these addresses, with commas between, are spoken to; `None` where what is said would leave this machine
/// without TLS, some of them have TLS and others not (one connection may end at any of them), or one has a name or a
/// password in it.
pub fn security(urls: &str) -> Option<Security> {
    let each = urls.split(',').map(|url| {
        let url = reqwest::Url::parse(url).ok()?;
        // Nobody would show the servers a name or a password that stands there.
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let loopback = matches!(url.host_str()?, "127.0.0.1" | "localhost" | "[::1]");
        match url.scheme() {
            "tls" => Some(Security::Tls),
            "nats" if loopback => Some(Security::Loopback),
            _ => None,
        }
    });
    let mut each = each.collect::<Option<Vec<_>>>()?.into_iter();
    let first = each.next()?;
    each.all(|other| other == first).then_some(first)
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

    #[test]
    fn servers_have_tls_or_are_on_the_loopback_and_are_of_one_kind() {
        assert_eq!(security("tls://a:4222,tls://127.0.0.1:4222"), Some(Security::Tls));
        assert_eq!(security("nats://127.0.0.1:1,nats://localhost:2,nats://[::1]:3"), Some(Security::Loopback));
        for bad in [
            "",
            "tls://a:4222,",
            "nats://a:4222",
            "a:4222",
            "ws://127.0.0.1:1",
            "tls://a:4222,nats://127.0.0.1:1",
            "nats://127.0.0.1:1,tls://a:4222",
            "nats://127.0.0.1:1,nats://a:2",
            "tls://name:password@a:4222",
            "nats://token@127.0.0.1:1",
        ] {
            assert_eq!(security(bad), None, "{bad}");
        }
    }
}
