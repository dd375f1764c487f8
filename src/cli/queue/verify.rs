//! `sbkd queue verify` and `key`: what an auditor asks.

use std::path::PathBuf;

use serde_json::json;

use super::{configuration, keys, there, told};
use crate::cli::file::beside;
use crate::cli::{Outcome, Shell};
use crate::queue::{Proof, Witness, prove};
use crate::wire::Digest;

/// Arguments of `sbkd queue verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The journal, a copy of it or an export (default: the configuration's journal)
    file: Option<PathBuf>,
    /// Hold it against the anchor as well: this file, or the configuration's, or FILE.anchor (--anchor=ANCHOR)
    #[arg(long, value_name = "ANCHOR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "not asked, asked, and asked for this file")]
    anchor: Option<Option<PathBuf>>,
    /// The terminal's public key, 64 hex digits: no secret is needed then (default: this terminal's keys)
    #[arg(long, value_name = "PUBKEY", value_parser = public_key)]
    key: Option<[u8; 32]>,
}

impl Args {
    pub(super) fn run(self, shell: &Shell) -> Outcome {
        // With a file and a key nothing of this terminal is needed: an auditor has none.
        let config = match (&self.file, &self.key) {
            (Some(_), Some(_)) => None,
            _ => Some(configuration(shell)?),
        };
        let own = config.as_ref().map(|config| (config.journal(), config));
        let (file, usual) = match (self.file, &own) {
            (None, Some((settings, _))) => (settings.path.clone(), settings.anchor.clone()),
            (file, _) => {
                let file = file.unwrap_or_default();
                let anchor = beside(&file, ".anchor");
                (file, anchor)
            }
        };
        let anchor = self.anchor.map(|named| named.unwrap_or(usual));
        there(&file)?;
        anchor.as_ref().map_or(Ok(()), |anchor| there(anchor))?;
        let proved = match (&self.key, &own) {
            (Some(key), _) => prove(&file, Witness::Public(key), anchor.as_deref()),
            (None, Some((settings, config))) => {
                prove(&file, Witness::Keys(&keys(config)?, &settings.terminal), anchor.as_deref())
            }
            // A configuration was loaded where there is no key.
            (None, None) => Err(crate::queue::QueueError::WrongKeys),
        };
        let proof = proved.map_err(|error| told(&error).and("file", json!(file)))?;
        let unproved: Vec<_> = UNPROVED.iter().filter(|unproved| (unproved.is)(&proof)).collect();
        let mut value = json!(proof);
        value["ok"] = true.into();
        value["file"] = json!(file);
        value["unproved"] = unproved.iter().map(|unproved| unproved.name).collect();
        shell.show(&value, || {
            let last = proof.last();
            let (first, rows, groups) = (proof.first, proof.rows, proof.groups);
            let whole = format!(
                "{}：{rows} 笔（{first} 至 {last}），{groups} 个签名，校验通过 / {rows} records ({first} to {last}), {groups} signatures: whole\n",
                file.display()
            );
            let rest = unproved.iter().map(|unproved| format!("  未证明 / not proved: {} / {}\n", unproved.zh, unproved.en));
            let lost = proof.lost.iter().map(|hole| {
                let (first, last) = (hole.after.sequence + 1, hole.until.sequence);
                format!("  损坏丢失 / lost to damage: {first}–{last}\n")
            });
            whole + &lost.chain(rest).collect::<String>()
        });
        Ok(())
    }
}

/// What a proof may leave open.
struct Unproved {
    name: &'static str,
    is: fn(&Proof) -> bool,
    zh: &'static str,
    en: &'static str,
}

const UNPROVED: &[Unproved] = &[
    Unproved {
        name: "states",
        is: |proof| !proof.states,
        zh: "状态、经办人、金额和中心应答（需要终端密钥）",
        en: "states, operators, amounts and answers (they need the terminal's keys)",
    },
    Unproved {
        name: "newest",
        // Where states are not proved at all, that says more; an export says itself of when its states are.
        is: |proof| proof.states && proof.payloads.is_some(),
        zh: "状态、应答和业务内容是否为最新（同一批记录的旧副本同样校验通过）",
        en: "whether states, answers and payloads are the newest ones (those of an older copy of the same records prove as well)",
    },
    Unproved {
        name: "payloads",
        is: |proof| proof.payloads.is_none(),
        zh: "业务内容（需要流水文件和终端密钥）",
        en: "payloads (they need the journal and the terminal's keys)",
    },
    Unproved {
        name: "anchor",
        is: |proof| proof.anchor_behind.is_none(),
        zh: "末尾是否被截断（需要锚点 --anchor）",
        en: "whether the end was cut off with its signatures (it needs the anchor: --anchor)",
    },
];

pub(super) fn key(shell: &Shell) -> Outcome {
    let config = configuration(shell)?;
    let key = Digest(keys(&config)?.public_key());
    shell.show(&json!({ "terminal": config.terminal, "key": key }), || key.to_string());
    Ok(())
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(|_| "a public key is 64 hex digits".to_owned())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_key_is_64_digits() {
        assert_eq!(public_key(&"0a".repeat(32)), Ok([10; 32]));
        assert!(public_key("0a").is_err());
    }

    #[test]
    fn what_is_left_open_is_named() {
        let proof = Proof {
            terminal: "T".into(),
            key: Digest::default(),
            rows: 1,
            first: 1,
            lost: Vec::new(),
            groups: 1,
            head: Digest::default(),
            anchor_behind: None,
            states: false,
            payloads: None,
        };
        let open = |proof: &Proof| -> Vec<Value> {
            UNPROVED.iter().filter(|unproved| (unproved.is)(proof)).map(|unproved| unproved.name.into()).collect()
        };
        assert_eq!(open(&proof), ["states", "payloads", "anchor"]);
        let all = Proof { anchor_behind: Some(0), states: true, payloads: Some(0), ..proof };
        assert_eq!(open(&all), ["newest"]);
        // An export.
        assert!(open(&Proof { payloads: None, ..all }).contains(&"payloads".into()));
    }
}
