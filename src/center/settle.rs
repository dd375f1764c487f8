//! Settlements: computed, settled once a message id, asked about, reversed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::db::{content, json, parse};
use super::decide::{Decided, decide};
use super::errors::CenterError;
use super::people::{self, Shelf};
use crate::rules::{Change, Decision, Packs};
use crate::value::Fen;
use crate::wire::settle::{Settlement, SettlementAnswer};
use crate::wire::{self, Reply};

/// A settlement, or the words of its refusal.
pub(super) enum Settled {
    Done(Box<SettlementAnswer>),
    Refused(String),
}

/// A message of a terminal.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) terminal: &'a str,
    pub(super) msgid: &'a str,
}

/// What a settlement did, kept to be taken back.
#[derive(Serialize, Deserialize)]
struct Posted {
    settlement: Settlement,
    psn_no: String,
    changes: Vec<Change>,
    acct_pay: Fen,
}

/// `2206`: computes and changes nothing.
pub(super) fn pre_settle(db: &Connection, packs: &Packs, settlement: &Settlement) -> Result<Settled, CenterError> {
    Ok(match compute(db, packs, settlement)? {
        Ok((psn_no, decision)) => Settled::Done(Box::new(answer(&psn_no, &decision))),
        Err(words) => Settled::Refused(words),
    })
}

/// `2207`: settles once a message id of a terminal; the same message gets the same answer.
pub(super) fn settle(
    db: &Connection,
    packs: &Packs,
    message: Message<'_>,
    settlement: &Settlement,
    refuse: bool,
    now: Timestamp,
) -> Result<Settled, CenterError> {
    let digest = content(settlement);
    let Message { terminal, msgid } = message;
    if let Some(known) = find(db, message)? {
        db.execute("UPDATE settlements SET times = times + 1 WHERE number = ?1", [known.number])?;
        return known.again(&digest);
    }
    let computed = if refuse { Err(REFUSED_ON_PURPOSE.to_owned()) } else { compute(db, packs, settlement)? };
    let (psn_no, decision) = match computed {
        Ok(computed) => computed,
        Err(words) => {
            db.execute(
                "INSERT INTO settlements (terminal, msgid, state, content, reply, times)
                 VALUES (?1, ?2, 'refused', ?3, ?4, 1)",
                params![terminal, msgid, digest, json(&words)],
            )?;
            return Ok(Settled::Refused(words));
        }
    };
    let acct_pay = decision.outputs.get("acct_pay").and_then(people::amount).unwrap_or_default();
    shelf(settlement, &psn_no).post(db, &decision.accumulators)?;
    people::draw(db, &psn_no, acct_pay)?;
    let posted = Posted {
        settlement: settlement.clone(),
        psn_no: psn_no.clone(),
        changes: decision.accumulators.clone(),
        acct_pay,
    };
    db.execute(
        "INSERT INTO settlements (terminal, msgid, state, psn_no, content, posted, times)
         VALUES (?1, ?2, 'settled', ?3, ?4, ?5, 1)",
        params![terminal, msgid, psn_no, digest, json(&posted)],
    )?;
    let mut answer = answer(&psn_no, &decision);
    let row = db.last_insert_rowid();
    let number = format!("S{row:011}");
    for (name, value) in
        [("setl_id", &number), ("medins_setl_id", &msgid.to_owned()), ("setl_time", &wire::inf_time(now))]
    {
        answer.setlinfo.insert(name.into(), Value::from(value.as_str()));
    }
    db.execute("UPDATE settlements SET reply = ?2 WHERE number = ?1", params![row, json(&answer)])?;
    Ok(Settled::Done(Box::new(answer)))
}

/// `5203`: what a message id settled, if it stands.
pub(super) fn query(db: &Connection, message: Message<'_>) -> Result<Option<SettlementAnswer>, CenterError> {
    match find(db, message)? {
        Some(Kept { state, reply: Some(reply), .. }) if state == "settled" => parse(&reply).map(Some),
        _ => Ok(None),
    }
}

/// `2601`: takes back what a message id settled, and lets it settle nothing later. Tells whether anything was settled;
/// a reversal that comes again gets the same answer.
pub(super) fn reverse(db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
    let Some(known) = find(db, message)? else {
        db.execute(
            "INSERT INTO settlements (terminal, msgid, state, times) VALUES (?1, ?2, 'void', 0)",
            [message.terminal, message.msgid],
        )?;
        return Ok(false);
    };
    match (known.state.as_str(), &known.posted) {
        ("settled", Some(posted)) => {
            let posted: Posted = parse(posted)?;
            shelf(&posted.settlement, &posted.psn_no).take_back(db, &posted.changes)?;
            let back = Fen::ZERO.checked_sub(posted.acct_pay).ok_or(CenterError::Form("an amount is too large"))?;
            people::draw(db, &posted.psn_no, back)?;
            mark_later(db, known.number, &posted)?;
            db.execute("UPDATE settlements SET state = 'reversed' WHERE number = ?1", [known.number])?;
            Ok(true)
        }
        (state, _) => Ok(state == "reversed"),
    }
}

/// Marks what was settled later for the person on the same accumulators, or from the same account: it was computed on
/// what no longer holds.
fn mark_later(db: &Connection, number: i64, reversed: &Posted) -> Result<(), CenterError> {
    let touched = reversed.touched();
    let mut statement = db.prepare_cached(
        "SELECT number, posted FROM settlements WHERE psn_no = ?1 AND number > ?2 AND state = 'settled'",
    )?;
    let later = statement.query_map(params![reversed.psn_no, number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let later: Vec<(i64, String)> = later.collect::<Result<_, _>>()?;
    for (number, posted) in later {
        let posted: Posted = parse(&posted)?;
        if !posted.touched().is_disjoint(&touched) {
            db.execute("UPDATE settlements SET review = 1 WHERE number = ?1", [number])?;
        }
    }
    Ok(())
}

impl Posted {
    /// What it changed of the person: each accumulator in its stretch, and the account where something was paid from it.
    fn touched(&self) -> BTreeSet<(String, String, String)> {
        let admission = self.settlement.mdtrt_id.as_deref();
        let counted = self
            .changes
            .iter()
            .filter_map(|change| Some((change.scheme.clone(), change.name.clone(), change.period.key(admission)?)));
        let account = (self.acct_pay != Fen::ZERO).then(|| ("account".into(), String::new(), String::new()));
        counted.chain(account).collect()
    }
}

pub(super) const REFUSED_ON_PURPOSE: &str = "C-ON-PURPOSE 中心按演示设置拒绝该业务";

struct Kept {
    number: i64,
    state: String,
    content: Option<Vec<u8>>,
    reply: Option<String>,
    posted: Option<String>,
}

impl Kept {
    fn again(&self, digest: &[u8]) -> Result<Settled, CenterError> {
        let reversed = matches!(self.state.as_str(), "reversed" | "void");
        Ok(match &self.reply {
            _ if reversed => Settled::Refused("C-REVERSED 该报文已冲正".into()),
            _ if self.content.as_deref() != Some(digest) => Settled::Refused("C-CONFLICT 同一报文ID内容不同".into()),
            Some(reply) if self.state == "settled" => Settled::Done(Box::new(parse(reply)?)),
            Some(reply) => Settled::Refused(parse(reply)?),
            None => return Err(CenterError::Database("a settlement without its answer".into())),
        })
    }
}

fn find(db: &Connection, message: Message<'_>) -> Result<Option<Kept>, CenterError> {
    let kept = db
        .prepare_cached(
            "SELECT number, state, content, reply, posted FROM settlements WHERE terminal = ?1 AND msgid = ?2",
        )?
        .query_row([message.terminal, message.msgid], |row| {
            Ok(Kept {
                number: row.get(0)?,
                state: row.get(1)?,
                content: row.get(2)?,
                reply: row.get(3)?,
                posted: row.get(4)?,
            })
        })
        .optional()?;
    Ok(kept)
}

type Computed = Result<(String, Box<Decision>), String>;

fn compute(db: &Connection, packs: &Packs, settlement: &Settlement) -> Result<Computed, CenterError> {
    let Some(person) = people::find(db, &settlement.person)? else { return Ok(Err(NO_PERSON.into())) };
    let shelf = shelf(settlement, &person.psn_no);
    Ok(match decide(db, packs, &shelf, &settlement.facts, &settlement.feedetail)? {
        Decided::Taken(decision) => Ok((person.psn_no, decision)),
        Decided::Refused(words) => Err(words),
    })
}

pub(super) const NO_PERSON: &str = "C-NO-PERSON 中心没有此人的信息";

fn shelf<'a>(settlement: &'a Settlement, psn_no: &'a str) -> Shelf<'a> {
    Shelf {
        psn_no,
        scenario: &settlement.scenario,
        on: settlement.business_date,
        mdtrt_id: settlement.mdtrt_id.as_deref(),
    }
}

fn answer(psn_no: &str, decision: &Decision) -> SettlementAnswer {
    let mut setlinfo = decision.outputs.clone();
    setlinfo.insert("psn_no".into(), psn_no.into());
    let pack = serde_json::to_value(&decision.pack).unwrap_or_default();
    SettlementAnswer { setlinfo, feedetail: decision.lines.clone(), pack }
}

/// The reply to an online request.
pub(super) fn reply(number: &str, settled: Settled) -> Reply {
    let (infcode, err_msg, output) = match settled {
        Settled::Done(answer) => (Reply::OK, String::new(), serde_json::to_value(answer).unwrap_or_default()),
        Settled::Refused(words) => (Reply::REFUSED, words, Value::Null),
    };
    Reply { infcode, inf_refmsgid: number.to_owned(), err_msg, told_at: None, output }
}
