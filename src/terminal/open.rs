//! What the doors ask of a case, and of the terminal as a whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use super::blacklist::BlacklistHealth;
use super::case::{self, Case, Cases};
use super::conditions::Condition;
use super::errors;
use super::event::What;
use super::goods::CatalogueHealth;
use super::health::{Health, QueueHealth, ReconciliationHealth, Status, UplinkHealth};
use super::holder_card::Secret;
use super::inner::{Inner, lock};
use super::setup::runner;
use super::undoing;
use super::view::{CaseState, CaseView, NewCase};
use crate::failure::{Explain as _, Failure};
use crate::reader::{ReaderState, Role};
use crate::rules::Packs;
use crate::scenario::{Conduct, Definition, Form, Proof, ScenarioError};
use crate::value::Kind;

/// Most cases that may be open at once.
const MOST_LIVE: usize = 64;
/// Longest operator's name and idempotency key.
const LONGEST: (usize, usize) = (20, 100);
/// How long a terminal that stops waits for the counters to ask how their last cases ended, from the end of these on: they
/// are told by an event, and the doors are open until it has stopped.
const LAST_ASKED: Duration = Duration::from_secs(5);

/// What is asked for: its scenario, its form where that is there, and the caller's key.
type Asked<'a> = (&'a Definition, Option<&'a Form>, Option<&'a str>);

impl Inner {
    /// The case, and whether it is new.
    pub(super) fn open_case(self: &Arc<Self>, new: NewCase) -> Result<(CaseView, bool), Failure> {
        if self.conditions().contains(&Condition::Draining) {
            return Err(Failure::of(&errors::DRAINING));
        }
        let definition = self.defined(&new.scenario, new.part)?;
        let (operator, key) = said(&new)?;
        self.may_work(&operator)?;
        let today = self.business_day();
        let form = new.input.as_ref().map(|input| definition.check(input, today)).transpose();
        let form = match (form.map_err(|error| error.failure())?, new.undo, new.reason.as_deref()) {
            (Some(_), Some(_), _) => return Err(Failure::of(&errors::UNDO_FORM)),
            // It has none, and waits for none.
            (None, Some(_), reason) => Some(undoing::form(reason)?),
            (_, None, Some(_)) => return Err(Failure::of(&errors::UNDO_REASON)),
            (form, None, None) => form,
        };
        let content = case::content(&new, &operator);
        self.heed();
        let readers = self.parts.readers.list();
        let id = self.new_id()?;
        let packs = self.packs();
        let held = match new.undo {
            Some(_) => Ok(()),
            None => self.decidable((&definition, form.as_ref(), key.as_deref()), &packs),
        };
        {
            let mut cases = self.cases_shown();
            if let Some((known, with)) = key.as_deref().and_then(|key| cases.by_key(key)) {
                return match cases.get_mut(known) {
                    Some(case) if with == content => Ok((self.give_out(case), false)),
                    _ => Err(Failure::of(&errors::KEY_USED)),
                };
            }
            room(&cases, new.reader.as_deref(), &readers)?;
            // What hinders the terminal itself is told first, by the case: a pack of today would not mend it.
            if self.hindered(&definition).is_none() {
                held?;
            }
            let demo_date = self.parts.config.business_date.is_some();
            let now = self.parts.clock.now();
            let (mut case, _) = case::fresh(id, Arc::clone(&definition), packs, operator, demo_date, now);
            case.view.undo = new.undo;
            case.wanted = new.reader;
            case.key = key;
            case.form = form.map(Arc::new);
            let scenario = case.view.scenario.clone();
            cases.insert(case, content);
            self.log.tell(What::Case { case: id, scenario, state: CaseState::WaitingCard, code: None });
        }
        self.begin(id, &definition);
        let view = self.cases().get(id).map(|case| case.view.clone()).ok_or_else(|| Failure::of(&errors::NO_CASE))?;
        Ok((view, true))
    }

    /// Refused where nothing of its kind may be done now; else it takes its card, or waits for it.
    fn begin(self: &Arc<Self>, id: Uuid, definition: &Definition) {
        if let Some(why) = self.hindered(definition) {
            self.end(id, None, CaseState::Refused, why);
            return;
        }
        let patience = self.patience(id, 0, CaseState::WaitingCard);
        if let Some(case) = self.cases().get_mut(id).filter(|case| case.step == 0) {
            case.patience = patience;
        }
        self.match_readers();
    }

    /// Why nothing of its kind may be begun now. Keys that seem away are tried, as is the centre: only that tells.
    fn hindered(&self, definition: &Definition) -> Option<Failure> {
        let mut conditions = self.conditions();
        conditions.remove(&Condition::UplinkAway);
        conditions.remove(&Condition::KeysAway);
        match self.table.of(definition, &conditions) {
            (Conduct::Refuse, Some(condition)) => Some(self.why(condition)),
            _ => None,
        }
    }

    /// The part of a scenario that is meant, if it is carried out here by whoever runs the terminal.
    fn defined(&self, id: &str, part: Option<Kind>) -> Result<Arc<Definition>, Failure> {
        let unknown = || ScenarioError::Unknown(id.to_owned()).failure();
        let scenario = self.catalogue.scenario(id).ok_or_else(unknown)?;
        let named = || scenario.entry.id.clone();
        let definition = scenario.part(part).ok_or_else(|| ScenarioError::Part(named()).failure())?;
        if !definition.who.contains(&runner(self.parts.config.scenarios.at)) {
            return Err(ScenarioError::Elsewhere(named()).failure());
        }
        match scenario.entry.available {
            true => Ok(Arc::clone(definition)),
            false => Err(ScenarioError::Undefined(named()).failure()),
        }
    }

    /// Refused where no pack holds on the day that the case would be of: nobody has to give their card for that. Where the
    /// form is still to come and says the day, that is seen when it has come; a day to come is a mistake of the form.
    /// What a caller's key committed is told whatever holds today.
    fn decidable(&self, (definition, form, key): Asked<'_>, packs: &Packs) -> Result<(), Failure> {
        let (today, date_of) = (self.business_day(), packs.date_of(&definition.id));
        let date = match form {
            None if date_of.is_some_and(|date_of| definition.asks(date_of)) => return Ok(()),
            None => today,
            Some(form) => definition.business_date(form, date_of, today),
        };
        if date > today {
            return Ok(());
        }
        let held = packs.hold(&definition.id, date).map_err(|error| error.failure());
        held.or_else(|failure| match key {
            // Where it cannot be known, the case finds out.
            Some(key) if self.queue.knows_caller(key).unwrap_or(true) => Ok(()),
            _ => Err(failure),
        })
    }

    fn new_id(&self) -> Result<Uuid, Failure> {
        let mut random = [0; 10];
        let filled = self.parts.random.fill(&mut random);
        filled.map_err(|error| crate::queue::QueueError::from(error).failure())?;
        let millis = u64::try_from(self.parts.clock.now().as_millisecond()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    pub(super) fn input(self: &Arc<Self>, id: Uuid, values: &Value) -> Result<CaseView, Failure> {
        let no_case = || Failure::of(&errors::NO_CASE);
        let of_case =
            |case: &Case| (Arc::clone(&case.definition), case.view.undo, case.packs.clone(), case.key.clone());
        let found = self.cases().get(id).map(of_case);
        let (definition, undo, packs, key) = found.ok_or_else(no_case)?;
        if undo.is_some() {
            return Err(Failure::of(&errors::UNDO_FORM));
        }
        let form = definition.check(values, self.business_day()).map_err(|error| error.failure());
        let form = form.and_then(|form| {
            // One that has ended has none any more, and takes no form.
            let asked = (&*definition, Some(&form), key.as_deref());
            let decidable = packs.map_or(Ok(()), |packs| self.decidable(asked, &packs));
            decidable.map(|()| form)
        });
        let view = {
            let mut cases = self.cases();
            let state = cases.get(id).map(|case| case.view.state).ok_or_else(no_case)?;
            match (state, form) {
                (CaseState::WaitingInput, Ok(form)) => {
                    let next = CaseState::Deciding;
                    self.advance_in(&mut cases, id, None, next, |case| {
                        case.view.failure = None;
                        case.form = Some(Arc::new(form));
                        case.conceal(case.is_secret());
                    })?
                }
                (CaseState::WaitingCard | CaseState::Reading, Ok(form)) => keep(&mut cases, id, form)?,
                (CaseState::WaitingInput, Err(failure)) => {
                    show(&mut cases, id, &failure);
                    return Err(failure);
                }
                (CaseState::WaitingCard | CaseState::Reading, Err(failure)) => return Err(failure),
                _ => return Err(Failure::of(&errors::STATE)),
            }
        };
        if view.state == CaseState::Deciding {
            self.begin_deciding(id);
        }
        Ok(view)
    }

    pub(super) fn confirm(self: &Arc<Self>, id: Uuid, pin: Option<Secret>, print: bool) -> Result<CaseView, Failure> {
        self.heed();
        let view = {
            let mut cases = self.cases();
            let case = cases.get(id).ok_or_else(|| Failure::of(&errors::NO_CASE))?;
            if !cases.card_stayed(case) {
                // Its end is on the way.
                return Err(Failure::of(&errors::CARD_REMOVED));
            }
            let to = match case.definition.card {
                Proof::Authenticate => CaseState::Committing,
                Proof::Pin => CaseState::Proving,
            };
            // Only from where somebody is asked: what is proven already is not proven again.
            if case.view.state != CaseState::WaitingConfirmation {
                return Err(Failure::of(&errors::STATE));
            }
            self.advance_in(&mut cases, id, None, to, |case| (case.view.failure, case.print) = (None, print))?
        };
        match view.state {
            CaseState::Proving => self.begin_proving(id, pin),
            _ => self.begin_committing(id),
        }
        Ok(view)
    }

    pub(super) fn health(&self) -> Health {
        let (conditions, policy, blacklist) = (self.conditions(), self.policy_health(), self.blacklist_health());
        let catalogue = self.catalogue_health();
        let (stats, alarms) = match self.count_backlog() {
            Ok((stats, alarms)) => (Some(stats), alarms),
            // What is not known is not well.
            Err(_) => (None, self.alarms_known()),
        };
        let reconciliation = ReconciliationHealth {
            last: self.store.last_reconciliation(self.parts.clock.now()).ok().flatten().map(|run| run.date),
            overdue: self.overdue_days().ok(),
            open: self.store.open_differences().ok(),
        };
        let whole = stats.as_ref().is_some_and(|stats| stats.damaged.is_empty());
        let untold = self.untold().ok().map(|untold| untold.len() as u64);
        let open_on_accounts = self.kept_of_accounts().ok().map(|kept| kept.len() as u64);
        let (torn_writes, lost_on_cards) = self.open_on_cards().ok().unzip();
        let settled =
            [torn_writes, lost_on_cards, reconciliation.open, reconciliation.overdue, untold, open_on_accounts]
                .iter()
                .all(|left| *left == Some(0));
        let sound = policy.refused.is_none() && policy.no_pack_today.is_empty();
        let listed = blacklist.as_ref().is_none_or(BlacklistHealth::is_well)
            && catalogue.as_ref().is_none_or(CatalogueHealth::is_well);
        let status = if conditions.contains(&Condition::Draining) {
            Status::Draining
        } else if conditions.is_empty() && alarms.is_empty() && sound && listed && whole && settled {
            Status::Ok
        } else {
            Status::Degraded
        };
        let uplink = self.upstream.as_ref().map(|upstream| *upstream.status.borrow());
        let queue = stats.map(|stats| QueueHealth {
            unsent: stats.unsent,
            oldest_unsent_secs: stats.oldest_unsent_secs.and_then(|secs| u64::try_from(secs).ok()),
            sum: stats.sum,
            last_ack: stats.last_ack,
            verified_at: *lock(&self.verified_at),
            damaged: stats.damaged,
        });
        Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            mode: self.parts.config.mode,
            conditions,
            readers: self.parts.readers.list(),
            queue,
            alarms,
            limits: self.terminal_left(),
            uplink: UplinkHealth {
                reachable: uplink.is_some_and(|status| status.reachable),
                unauthorized: uplink.is_some_and(|status| status.unauthorized),
                since: uplink.map(|status| status.since),
                chain: uplink.map(|status| status.chain),
            },
            reconciliation,
            untold,
            open_on_accounts,
            torn_writes,
            lost_on_cards,
            policy,
            blacklist,
            catalogue,
        }
    }

    pub(super) fn drain(self: &Arc<Self>, within: Duration) {
        let end = Instant::now() + within;
        self.set(Condition::Draining, true);
        let waiting: Vec<Uuid> = {
            let cases = self.cases();
            cases.live().filter(|case| case.view.state != CaseState::Committing).map(|case| case.view.id).collect()
        };
        for id in waiting {
            self.end(id, None, CaseState::Cancelled, Failure::of(&errors::DRAINING));
        }
        self.wait_until_idle(within);
        let asked = end.min(Instant::now() + LAST_ASKED);
        let worker = self.upstream.as_ref().and_then(|upstream| lock(&upstream.worker).take());
        if let Some(worker) = worker {
            let (done, wait) = std::sync::mpsc::channel();
            self.parts.runtime.spawn(async move {
                worker.stop().await;
                // Whoever no longer waits needs no answer.
                let _ = done.send(());
            });
            if wait.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
                tracing::warn!("the delivery did not stop in time");
            }
        }
        self.wait_until_asked(asked.saturating_duration_since(Instant::now()));
        // Who asks from here on could not be noted.
        if self.leave_to_notices(|_| true).is_err() {
            tracing::warn!("what was shown last will be told once more");
        }
        self.queue.close();
    }
}

/// The operator and the key, if they are fit to be.
fn said(new: &NewCase) -> Result<(String, Option<String>), Failure> {
    let operator = operator(&new.operator)?;
    if new.idempotency.as_deref().is_some_and(|key| !fits(key, LONGEST.1)) {
        return Err(Failure::of(&errors::KEY_FORM));
    }
    Ok((operator, new.idempotency.clone()))
}

/// An operator's name, if it is fit to be one.
pub(super) fn operator(named: &str) -> Result<String, Failure> {
    let operator = named.trim();
    if fits(operator, LONGEST.0) { Ok(operator.to_owned()) } else { Err(Failure::of(&errors::OPERATOR)) }
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Whether one more case may be opened for this reader.
fn room(cases: &Cases, wanted: Option<&str>, readers: &[ReaderState]) -> Result<(), Failure> {
    if cases.live().count() >= MOST_LIVE {
        return Err(Failure::of(&errors::MANY));
    }
    let usable = |reader: &&ReaderState| !matches!(reader.role, Some(Role::Psam | Role::Ignored));
    if let Some(wanted) = wanted {
        if !readers.iter().filter(usable).any(|reader| reader.name == wanted) {
            return Err(errors::no_reader(wanted));
        }
    } else {
        let with_card = |r: &&ReaderState| r.role == Some(Role::Holder) && r.card && !cases.claimed(&r.name);
        if readers.iter().filter(with_card).count() > 1 {
            return Err(Failure::of(&errors::WHICH_READER));
        }
    }
    if cases.room_for(wanted, readers) { Ok(()) } else { Err(Failure::of(&errors::BUSY)) }
}

fn keep(cases: &mut Cases, id: Uuid, form: Form) -> Result<CaseView, Failure> {
    let case = cases.get_mut(id).ok_or_else(|| Failure::of(&errors::NO_CASE))?;
    case.form = Some(Arc::new(form));
    Ok(case.view.clone())
}

fn show(cases: &mut Cases, id: Uuid, failure: &Failure) {
    if let Some(case) = cases.get_mut(id) {
        case.view.failure = Some(failure.clone());
        case.tell.send_replace(case.view.clone());
    }
}
