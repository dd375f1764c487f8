//! The PIN pads of the holders' readers: what a reader says that it has, and what the configuration lets be used of it.

use super::finding::Finding;
use super::readers::{PATIENCE, Seen, within};
use crate::config::Config;
use crate::reader::{PadAbilities, PinPadUse, Role, RoleRule, TransportError, manner_by_rule, pad_direct};

/// A line about all of them; nothing where there is no reader for the holder.
pub(super) fn pads(config: Option<&Config>, readers: &[Seen]) -> Option<Finding> {
    let rules = config.map(|config| config.readers.rule.as_slice()).unwrap_or_default();
    told(rules, readers, |reader| {
        let name = reader.to_owned();
        within(PATIENCE, move || pad_direct(&name)).unwrap_or(Err(TransportError::ServiceAway))
    })
}

fn told(
    rules: &[RoleRule],
    readers: &[Seen],
    ask: impl Fn(&str) -> Result<PadAbilities, TransportError>,
) -> Option<Finding> {
    // One without a role is the holder's once a card of theirs is in it.
    let holders: Vec<&Seen> =
        readers.iter().filter(|reader| !matches!(reader.role, Some(Role::Psam | Role::Ignored))).collect();
    if holders.is_empty() {
        return None;
    }
    let lines: Vec<(String, String)> =
        holders.iter().map(|reader| line(rules, &reader.name, ask(&reader.name))).collect();
    let of = |side: fn(&(String, String)) -> &str, between| lines.iter().map(side).collect::<Vec<_>>().join(between);
    Some(Finding::ok("pads", of(|line| &line.0, "；"), of(|line| &line.1, "; ")))
}

/// One reader: what its pad can do, and what is used of that.
fn line(rules: &[RoleRule], reader: &str, pad: Result<PadAbilities, TransportError>) -> (String, String) {
    let setting = match manner_by_rule(rules, reader).pin_pad {
        PinPadUse::Auto => "auto",
        PinPadUse::Verify => "verify",
        PinPadUse::None => "none",
    };
    let (zh, en) = match pad {
        Ok(PadAbilities { verify: true, change: true }) => ("密码键盘可验密、改密", "a pad that verifies and changes"),
        Ok(PadAbilities { verify: true, change: false }) => ("密码键盘可验密", "a pad that verifies"),
        Ok(PadAbilities { verify: false, change: true }) => ("密码键盘可改密", "a pad that changes"),
        Ok(PadAbilities { verify: false, change: false }) => ("未检测到密码键盘", "no pad is detected"),
        // Another program has the card, or the daemon just now.
        Err(_) => ("正在使用，未能检测", "in use, not looked at"),
    };
    (format!("{reader} {zh}（pin_pad = {setting}）"), format!("{reader}: {en} (pin_pad = {setting})"))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn what_is_detected_and_what_is_set_stand_side_by_side() {
        let reader = |name: &str, role| Seen { name: name.to_owned(), role, busy: false };
        let readers = [reader("A", Some(Role::Holder)), reader("B", None), reader("S", Some(Role::Psam))];
        let rules = [RoleRule { pin_pad: PinPadUse::None, ..RoleRule::new("B", Role::Holder) }];
        let ask = |name: &str| match name {
            "A" => Ok(PadAbilities::default()),
            "B" => Ok(PadAbilities { verify: true, change: true }),
            other => panic!("{other} is no holder's"),
        };
        let found = told(&rules, &readers, ask).unwrap();
        assert_eq!(found.status, Status::Ok);
        assert!(found.text().contains("A: no pad is detected (pin_pad = auto)"), "{}", found.text());
        assert!(found.text().contains("B: a pad that verifies and changes (pin_pad = none)"), "{}", found.text());
        assert!(told(&rules, &readers[2..], ask).is_none());
        let busy = told(&rules, &readers[..1], |_| Err(TransportError::Busy(None))).unwrap();
        assert!(busy.text().contains("not looked at"), "{}", busy.text());
    }
}
