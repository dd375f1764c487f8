//! `sbkd case`: a scenario carried out at the daemon.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::client::{Daemon, Events};
use super::signals::Signals;
use super::{Exit, Outcome, Problem, Shell, errors, paper, shell};
use crate::card::CardError;
use crate::failure::Explain as _;
use crate::rules::Decision;
use crate::terminal::CaseState;

/// Arguments of `sbkd case`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open a case, follow it and print its result
    Run(Run),
    /// Print what is printed of a case that is done: a page, a printer's commands, or text
    Paper(paper::Args),
}

/// Arguments of `sbkd case run`.
#[derive(Debug, clap::Args)]
struct Run {
    /// The scenario's id, as `sbkd scenario list` shows it
    scenario: String,
    /// Which part of a scenario that has several: its kind
    #[arg(long, value_name = "KIND")]
    part: Option<String>,
    /// The form's fields: a JSON object, - for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The transaction that is to be taken back: a settlement is cancelled, what was filed is withdrawn
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    undo: Option<uuid::Uuid>,
    /// Why it is taken back, up to 200 characters: it is kept sealed, and told to the centre
    #[arg(long, value_name = "TEXT", requires = "undo")]
    reason: Option<String>,
    /// The reader that holds the card: its name or an unambiguous beginning of it
    #[arg(long, value_name = "READER")]
    reader: Option<String>,
    /// Confirm without asking
    #[arg(long, visible_alias = "confirm")]
    yes: bool,
    /// Of what a query finds no page is printed, and none is counted
    #[arg(long)]
    no_print: bool,
    /// Who carries the case out
    #[arg(long, value_name = "NAME", default_value = "cli")]
    operator: String,
    /// The same key again gives the same case, never a second one
    #[arg(long, value_name = "KEY")]
    idempotency: Option<String>,
    /// Give the case up after so many seconds in which nothing happens
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

pub(super) fn run(args: Args, shell: &Shell) -> Outcome {
    match args.command {
        Command::Run(args) => carry_out(args, shell),
        Command::Paper(args) => paper::run(&args, shell),
    }
}

fn carry_out(run: Run, shell: &Shell) -> Outcome {
    let input = run.input.as_deref().map(shell::read_object).transpose()?;
    let daemon = Daemon::of(shell)?;
    // Before the case is opened, so that none of its events is missed.
    let events = daemon.events()?;
    let mut body = json!({ "scenario": run.scenario, "operator": run.operator });
    if let Some(part) = &run.part {
        body["part"] = part.as_str().into();
    }
    let reader = run.reader.as_deref().map(|reader| daemon.reader(reader)).transpose()?;
    for (name, value) in [
        ("input", input.map(Value::Object)),
        ("undo", run.undo.map(|id| id.to_string().into())),
        ("reason", run.reason.clone().map(Value::String)),
        ("idempotency", run.idempotency.clone().map(Value::String)),
        ("reader", reader.map(Value::String)),
    ] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    // Before the case is opened, so that no signal leaves it behind.
    let stop = daemon.enter(Signals::catch).map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))?;
    let view = daemon.post("/v1/cases", &body)?;
    let id = view["id"].as_str().unwrap_or_default().to_owned();
    let mut follower =
        Follower { daemon: &daemon, events, stop, shell, id, run: &run, shown: None, agreed: false, asks_pin: false };
    let view = follower.follow(view)?;
    finish(&view, shell)
}

/// A case being followed to its end.
struct Follower<'a> {
    daemon: &'a Daemon,
    events: Events,
    /// Ctrl-C gives the case up: it would keep its reader until its time is over.
    stop: Signals,
    shell: &'a Shell,
    id: String,
    run: &'a Run,
    /// The last state that was told.
    shown: Option<CaseState>,
    /// The person has agreed: a PIN that was wrong is asked for again, and nothing else.
    agreed: bool,
    /// The reader has no pad: the PIN is entered here.
    asks_pin: bool,
}

impl Follower<'_> {
    /// Follows the case until it ends; gives it up when it needs what is not there. Its events lead, not how it stands
    /// by now: each step is shown in its place.
    fn follow(&mut self, opened: Value) -> Result<Value, Problem> {
        let mut state = state(&opened)?;
        if state.is_final() {
            return Ok(opened);
        }
        loop {
            let news = self.shown != Some(state);
            if news {
                self.shell.step(&format!("· {}", told(state)));
                self.shown = Some(state);
            }
            let gone_on = match state {
                state if state.is_final() => return self.look(),
                CaseState::WaitingInput => self.look().and_then(|view| Err(needs_input(&view))),
                CaseState::WaitingConfirmation if news => self.ask(),
                _ => Ok(()),
            };
            state = match gone_on.and_then(|()| self.next()) {
                Ok(state) => state,
                Err(problem) => return self.give_up(problem),
            };
        }
    }

    /// Waits for the case's next state, and shows the steps up to it.
    fn next(&mut self) -> Result<CaseState, Problem> {
        let patience = Duration::from_secs(self.run.wait);
        loop {
            let next = async {
                tokio::select! {
                    event = self.events.next(self.daemon, patience) => event.map(Some),
                    () = self.stop.next() => Ok(None),
                }
            };
            let event = match self.daemon.wait(next)? {
                Some(Some(event)) => event,
                Some(None) => {
                    let what = format!("{} s, {}", self.run.wait, self.shown.map(told).unwrap_or_default());
                    return Err(Problem::with(&errors::NOTHING_HAPPENS, what));
                }
                None => return Err(Problem::from(&errors::INTERRUPTED)),
            };
            if event["type"] == "gap" {
                return state(&self.look()?);
            }
            if event["case"] != self.id.as_str() {
                continue;
            }
            if let Some(step) = event["step"].as_str() {
                self.shell.step(&format!("  {step}"));
                continue;
            }
            match state(&event)? {
                // Where every case begins: it was shown as it stood when it was opened.
                CaseState::WaitingCard => {}
                state => return Ok(state),
            }
        }
    }

    /// Shows the decision, and sends the person's agreement to it. A case that somebody else took further meanwhile is
    /// not asked about.
    fn ask(&mut self) -> Result<(), Problem> {
        let view = self.look()?;
        if state(&view)? != CaseState::WaitingConfirmation {
            return Ok(());
        }
        if view["notices"].is_null() {
            self.shell.step("此前业务有无须告知持卡人的结果，暂时无法读取 / what the holder is to be told of earlier cases cannot be read now");
        }
        for told in view["notices"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            self.shell.step(&notice(told));
        }
        // That no page will be printed, say: whoever agrees knows it by then.
        for finding in view["findings"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            self.shell.step(&Problem::told(finding.clone()).to_text());
        }
        let decided = serde_json::from_value::<Decision>(view["decision"].clone());
        if let (Ok(decision), Ok(kind)) = (decided, serde_json::from_value(view["kind"].clone())) {
            self.shell.step(&decision.explain_zh(kind).join("\n"));
        }
        // A PIN that was wrong: how many tries are left, before it is asked for again.
        if let Some(failure) = view["failure"].as_object() {
            self.shell.step(&Problem::told(failure.clone()).to_text());
        }
        if !self.agreed {
            self.agree()?;
            self.agreed = true;
        }
        // Where the reader has a pad, the holder types there, and nobody is asked here.
        self.asks_pin |= view["failure"]["code"] == CardError::PinNeeded.entry().code;
        let mut confirmation = match view["needs_pin"].as_bool() {
            Some(true) if self.asks_pin => json!({ "pin": super::card::prompt_pin()?.as_str() }),
            _ => json!({}),
        };
        if self.run.no_print {
            confirmation["print"] = false.into();
        }
        self.post("confirm", &confirmation).map(drop)
    }

    /// The person agrees, or has agreed by `--yes`.
    fn agree(&mut self) -> Result<(), Problem> {
        if self.run.yes {
            return Ok(());
        }
        if self.shell.json() || !std::io::stdin().is_terminal() {
            return Err(Problem::from(&errors::NOT_CONFIRMED));
        }
        let _ = write!(std::io::stderr(), "确认办理？/ Confirm? [y/N] ");
        let answer = line();
        let answered = async {
            tokio::select! {
                answer = answer => answer.ok(),
                () = self.stop.next() => None,
            }
        };
        match self.daemon.wait(answered).as_deref().map(str::trim) {
            Some("y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(Problem::from(&errors::NOT_CONFIRMED)),
            None => Err(Problem::from(&errors::INTERRUPTED)),
        }
    }

    /// Cancels the case, and tells why. One that has ended meanwhile is told as it ended, and one that is past
    /// cancelling goes on at the daemon.
    fn give_up(&self, problem: Problem) -> Result<Value, Problem> {
        if let Ok(view) = self.post("cancel", &json!({})) {
            return Err(problem.and("case", view));
        }
        match self.look() {
            Ok(view) if state(&view)?.is_final() => Ok(view),
            Ok(view) => Err(Problem::from(&errors::GOES_ON).and("case", view)),
            Err(away) => Err(away.and("case", json!({ "id": self.id }))),
        }
    }

    fn look(&self) -> Result<Value, Problem> {
        self.daemon.get(&format!("/v1/cases/{}", self.id))
    }

    fn post(&self, step: &str, body: &Value) -> Result<Value, Problem> {
        self.daemon.post(&format!("/v1/cases/{}/{step}", self.id), body)
    }
}

/// A line from standard input, read on a thread of its own: it cannot be called off, and ends with the program.
fn line() -> oneshot::Receiver<String> {
    let (told, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Who cannot answer does not agree.
        let _ = std::io::stdin().read_line(&mut line);
        let _ = told.send(line);
    });
    answer
}

/// Where the case stands; a daemon of another version may know states that this command does not.
fn state(view: &Value) -> Result<CaseState, Problem> {
    let state = serde_json::from_value(view["state"].clone());
    state.map_err(|_| Problem::with(&errors::DAEMON_ANSWER, "state"))
}

fn needs_input(view: &Value) -> Problem {
    match view["failure"].as_object() {
        Some(failure) => Problem::told(failure.clone()).exit_as(Exit::Usage),
        None => Problem::from(&errors::NO_INPUT),
    }
}

fn finish(view: &Value, shell: &Shell) -> Outcome {
    let state = done(view)?;
    shell.show(view, || summary(view, state));
    Ok(())
}

/// How it was done; the problem where it was not, or where nobody is to collect by it.
fn done(view: &Value) -> Result<CaseState, Problem> {
    let state = state(view)?;
    let is_done = matches!(state, CaseState::Done | CaseState::ProvisionalDone);
    let reasons = view["decision"]["reasons"].as_array().into_iter().flatten();
    let codes: Vec<&str> = reasons.filter_map(|reason| reason["code"].as_str()).collect();
    let problem = match (view["failure"].as_object(), state) {
        (None, state) if is_done => return Ok(state),
        (Some(failure), CaseState::Failed) => Problem::told(failure.clone()),
        (Some(failure), _) => Problem::told(failure.clone()).exit_as(Exit::Refused),
        (None, _) => {
            let detail = [&[told(state)], &codes[..]].concat().join(" ");
            Problem::with(&errors::NOT_DONE, detail).exit_as(Exit::Refused)
        }
    };
    Err(problem.and("case", view.clone()))
}

fn summary(view: &Value, state: CaseState) -> String {
    let slip = view["slip"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut lines: Vec<String> = slip.map(str::to_owned).collect();
    let transaction = &view["transaction"];
    let text = |name: &str| transaction[name].as_str().unwrap_or("–").to_owned();
    lines.extend(view["limits"].as_object().map(limits));
    lines.push(format!("{} {} {}", told(state), text("id"), text("state")));
    lines.join("\n")
}

/// What the holder is to be told of an earlier transaction.
fn notice(told: &Map<String, Value>) -> String {
    use super::client::text;
    let revision = told.get("revision").and_then(Value::as_u64).unwrap_or_default();
    let found_later = told.get("untold") == Some(&Value::Bool(true));
    let untold = if found_later { " --untold" } else { "" };
    let id = format!("{} --revision {revision}{untold}", text(told, "transaction"));
    let date = text(told, "business_date");
    match told.get("failure").and_then(Value::as_object) {
        Some(failure) => {
            let (refusal, cash) = (text(told, "refusal"), text(told, "cash"));
            let to_do = Problem::told(failure.clone()).to_do();
            format!("! {date} 的业务中心未接收 / refused since: {refusal}，本次收（负为退）{cash}（{id}）\n  {to_do}")
        }
        None if found_later => {
            let (collected, owed, cash) = (text(told, "collected"), text(told, "owed"), text(told, "cash"));
            format!(
                "! {date} 的业务事后查明中心已结算 / found settled later: 已收现金 {collected}，应收 {owed}，本次收（负为退）{cash}（{id}）"
            )
        }
        None => {
            let (collected, owed, cash) = (text(told, "collected"), text(told, "owed"), text(told, "cash"));
            format!(
                "! {date} 的业务中心另有结算 / settled otherwise since: 已收现金 {collected}，应收 {owed}，本次收（负为退）{cash}（{id}）"
            )
        }
    }
}

/// What may still be settled while the centre is away.
fn limits(left: &Map<String, Value>) -> String {
    let number = |name: &str| left.get(name).map(Value::to_string).unwrap_or_default();
    let age = left
        .get("age_secs")
        .and_then(Value::as_u64)
        .map(|secs| format!("，{} 小时内 / for {} h", secs / 3600, secs / 3600));
    format!(
        "暂结余额 / left while the centre is away: 本人今日 {}，{} 笔{}",
        super::client::text(left, "person_day"),
        number("count"),
        age.unwrap_or_default()
    )
}

fn told(state: CaseState) -> &'static str {
    match state {
        CaseState::WaitingCard => "请插卡 / waiting for the card",
        CaseState::Reading => "读卡 / reading the card",
        CaseState::WaitingInput => "等待填写 / waiting for the form",
        CaseState::Deciding => "核算 / deciding",
        CaseState::WaitingConfirmation => "等待确认 / waiting for confirmation",
        CaseState::Proving => "验证密码 / verifying the PIN",
        CaseState::Committing => "提交 / committing",
        CaseState::Done => "完成 / done",
        CaseState::ProvisionalDone => "暂结，以中心结算为准 / provisional",
        CaseState::Referred => "转人工 / referred",
        CaseState::Refused => "不予办理 / refused",
        CaseState::Cancelled => "已取消 / cancelled",
        CaseState::Failed => "失败 / failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::terminal;
    use crate::wire;

    #[test]
    fn a_notice_of_a_refusal_says_what_is_to_be_done_and_by_whom() {
        let refused = |refusal: Value, failure: Failure| {
            let told = json!({"business_date": "2015-08-03", "refusal": refusal, "failure": failure, "cash": "0.00"});
            notice(told.as_object().unwrap())
        };
        let known =
            refused(json!("C-ALREADY 同样的业务已经受理"), wire::errors::failure("C-ALREADY", "同样的业务已经受理"));
        let remedy = wire::errors::ALREADY.remedy;
        for part in ["refused since: C-ALREADY ", remedy.zh, remedy.en, "（经办人员）", "(the clerk)"] {
            assert!(known.contains(part), "{part}: {known}");
        }
        // What it said was erased.
        let erased = refused(Value::Null, Failure::of(&wire::errors::OTHER));
        assert!(erased.contains("refused since") && erased.contains(wire::errors::OTHER.remedy.zh), "{erased}");
    }

    #[test]
    fn what_is_done_and_left_to_a_notice_is_no_success() {
        let mut view = json!({"state": "done", "failure": null});
        assert_eq!(done(&view).ok(), Some(CaseState::Done));
        for state in ["done", "provisional-done"] {
            view["state"] = json!(state);
            view["failure"] = json!(Failure::of(&terminal::errors::LEFT_TO_NOTICE));
            let problem = done(&view).unwrap_err();
            assert_eq!((problem.code(), problem.exit()), ("E-TERM-LEFT-TO-NOTICE", Exit::Refused));
        }
    }
}
