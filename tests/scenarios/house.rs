//! A counter with its HTTP door open, and the steps of a case there.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use sbkd::api::Server;
use sbkd::center::Faults;
use sbkd::config::Config;
use sbkd::queue::{Queue, State};
use sbkd::terminal::{CaseState, CaseView, What};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::counter::{Counter, HOLDER, PATIENCE, Setup, TOKEN, chip};
use crate::http::{Answer, Client};
use crate::subject::Subject;

/// The door's part of the configuration; its client has the token that the counter has at the centre.
const DOOR: &str = "[api]\nlisten = \"127.0.0.1:0\"\nsocket = \"door.sock\"\n[[api.client]]\nname = \"counter\"\n\
                    token_file = \"token\"\npermissions = [\"read\", \"operate\", \"unmask\"]\n";

/// The PIN of every card of the demonstration.
const PIN: &str = "123456";

/// So many failures say what is wrong; each of more may take as long as anybody waits.
const ENOUGH: usize = 10;

pub struct House {
    counter: Counter,
    server: Server,
    client: Client,
    /// The same door at its socket: a PIN is taken nowhere else.
    socket: Client,
    /// The image of the card that is in the reader.
    card: RefCell<String>,
}

impl Deref for House {
    type Target = Counter;

    fn deref(&self) -> &Counter {
        &self.counter
    }
}

impl DerefMut for House {
    fn deref_mut(&mut self) -> &mut Counter {
        &mut self.counter
    }
}

impl House {
    /// With a centre that is reached.
    pub fn open() -> Self {
        Self::with(Setup::default())
    }

    /// With a centre that never was there.
    pub fn alone() -> Self {
        Self::with(Setup { centre: None, ..Setup::default() })
    }

    pub fn with(setup: Setup) -> Self {
        let card = RefCell::new(setup.card.to_owned());
        Self::with_door(Counter::with(setup), card)
    }

    /// The same after a restart of the daemon.
    pub fn restarted(self) -> Self {
        let Self { counter, server, card, .. } = self;
        counter.runtime.block_on(server.close());
        Self::with_door(counter.restarted("nothing"), card)
    }

    fn with_door(counter: Counter, card: RefCell<String>) -> Self {
        let text = format!(
            "mode = \"demo\"\nterminal = \"H44010099999\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n{DOOR}"
        );
        let config = Config::parse("door.toml", &text, counter.dir.path()).unwrap();
        let server = counter.runtime.block_on(Server::open(&config, counter.terminal.clone())).unwrap();
        let client = Client::tcp(&server.address().unwrap().to_string()).token(TOKEN);
        let socket = Client::unix(counter.dir.path().join("door.sock"));
        let house = Self { counter, server, client, socket, card };
        if house.centre.is_some() {
            // One person is admitted by three scenarios: each stay is over before the next one.
            let over = "CREATE TRIGGER IF NOT EXISTS over AFTER INSERT ON visits WHEN NEW.filing IS NOT NULL
                        BEGIN UPDATE visits SET ended = 1 WHERE filing = NEW.filing; END";
            // It is registered by several as well: what one made so is over before the next one.
            let as_before = "CREATE TRIGGER IF NOT EXISTS as_before AFTER UPDATE OF became ON filings BEGIN
                DELETE FROM facts WHERE psn_no = NEW.psn_no AND (scenario, name) IN
                    (SELECT value ->> 'scenario', value ->> 'name' FROM json_each(NEW.became));
                INSERT INTO facts SELECT NEW.psn_no, value ->> 'scenario', value ->> 'name', value -> 'before'
                FROM json_each(NEW.became) WHERE value ->> 'before' IS NOT NULL; END";
            let db = house.centre_db();
            db.execute_batch(over).unwrap();
            db.execute_batch(as_before).unwrap();
        }
        house
    }

    /// Closed for the day: its journal, for whoever has its keys.
    pub fn into_journal(self) -> (Queue, tempfile::TempDir) {
        self.counter.runtime.block_on(self.server.close());
        self.counter.journal()
    }

    /// Does this with each of them, and tells the failures together. After one that did the card comes out, so that its case
    /// ends, and the centre does nothing wrong any more.
    pub fn each<T>(&self, subjects: &[Subject], does: impl Fn(&Subject) -> T) -> Vec<T> {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for subject in subjects {
            if failed.len() == ENOUGH {
                break;
            }
            match catch_unwind(AssertUnwindSafe(|| does(subject))) {
                Ok(what) => done.push(what),
                Err(panic) => {
                    self.take_out();
                    if self.centre.is_some() {
                        self.centre_faults(Faults::default());
                    }
                    let said = panic.downcast_ref::<String>().map(String::as_str);
                    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
                    failed.push(format!("{subject}: {said}"));
                }
            }
        }
        assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), subjects.len(), failed.join("\n"));
        done
    }

    /// The centre's own database.
    pub fn centre_db(&self) -> Connection {
        let db = Connection::open(self.dir.path().join("centre.db")).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        db
    }

    // --- cards

    /// The subject's card is in the reader, fresh from its image where another one was in.
    pub fn card_of(&self, subject: &Subject) {
        self.put_in(&subject.card);
    }

    pub fn put_in(&self, card: &str) {
        if *self.card.borrow() == card {
            return;
        }
        self.readers.insert(HOLDER, chip(card));
        card.clone_into(&mut self.card.borrow_mut());
    }

    /// The subject's card, fresh from its image, whichever was in.
    pub fn fresh_card_of(&self, subject: &Subject) {
        self.take_out();
        self.card_of(subject);
    }

    pub fn take_out(&self) {
        self.readers.remove(HOLDER);
        self.card.borrow_mut().clear();
    }

    /// The number on the card in the reader.
    pub fn number(&self) -> String {
        let read = self.client.post("/v1/card/read", &json!({ "unmask": true })).success();
        read["holder"]["social_security_number"].as_str().unwrap_or_else(|| panic!("{read}")).to_owned()
    }

    // --- a case

    /// Opens a case. Where it is opened with its form, it goes on by itself.
    pub fn opened(&self, subject: &Subject, form: Option<&Value>, key: Option<&str>) -> Uuid {
        let opened = self.client.post("/v1/cases", &subject.case(form, key));
        assert!(matches!(opened.status, 200 | 201), "{subject}: {opened:?}");
        opened.json()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Why a case is not opened.
    pub fn not_opened(&self, subject: &Subject, form: Option<&Value>, key: Option<&str>) -> Value {
        let answer = self.client.post("/v1/cases", &subject.case(form, key));
        assert!(answer.status >= 400, "{subject}: {answer:?}");
        answer.json()["error"].clone()
    }

    /// Opens a case and waits for its form to be asked for.
    pub fn asked(&self, subject: &Subject) -> Uuid {
        let id = self.opened(subject, None, None);
        let view = self.at(id, |view| view.state == CaseState::WaitingInput || view.state.is_final());
        assert_eq!(view["state"], "waiting-input", "{subject}: {view}");
        id
    }

    /// Opens a case with a form and waits until it is decided.
    pub fn decided(&self, subject: &Subject, form: &Value, key: Option<&str>) -> Value {
        let id = self.opened(subject, Some(form), key);
        self.at(id, |view| {
            let asks_again = view.state == CaseState::WaitingInput && view.failure.is_some();
            asks_again || view.state == CaseState::WaitingConfirmation || view.state.is_final()
        })
    }

    /// Opens a case with the full form, to which somebody may agree now.
    pub fn to_be_confirmed(&self, subject: &Subject, key: Option<&str>) -> Value {
        let view = self.decided(subject, &subject.said.full_form(), key);
        assert_eq!(view["state"], "waiting-confirmation", "{subject}: {}", brief(&view));
        view
    }

    /// Opens a case with the full form, agrees to it, and waits for its end.
    pub fn carried_out(&self, subject: &Subject, key: Option<&str>) -> Value {
        let view = self.to_be_confirmed(subject, key);
        let answer = self.confirm(&view);
        assert_eq!(answer.status, 200, "{subject}: {answer:?}");
        self.ended(case_id(&view))
    }

    /// A case that was decided, with what that says: of a query that the PIN guards nothing is told before the PIN.
    pub fn told(&self, subject: &Subject, view: Value) -> Value {
        if !subject.asks.is_told_after_the_pin() || view["state"] != "waiting-confirmation" {
            return view;
        }
        for member in ["decision", "found", "failure"] {
            assert_eq!(view[member], Value::Null, "{subject}: {member} before the PIN");
        }
        assert_eq!(self.confirm(&view).status, 200, "{subject}");
        self.ended(case_id(&view))
    }

    pub fn give(&self, id: Uuid, form: &Value) -> Answer {
        self.client.post(&format!("/v1/cases/{id}/input"), form)
    }

    /// Agrees to a case, with the holder's PIN where it needs that.
    pub fn confirm(&self, view: &Value) -> Answer {
        match view["needs_pin"] == true {
            true => self.confirm_with(view, PIN),
            false => self.client.post(&format!("/v1/cases/{}/confirm", case_id(view)), &json!({})),
        }
    }

    /// Agrees to a case with this PIN.
    pub fn confirm_with(&self, view: &Value, pin: &str) -> Answer {
        self.socket.post(&format!("/v1/cases/{}/confirm", case_id(view)), &json!({ "pin": pin }))
    }

    /// Waits until somebody may agree to a case, again, or it has ended.
    pub fn confirmable(&self, id: Uuid) -> Value {
        self.at(id, |view| view.state == CaseState::WaitingConfirmation || view.state.is_final())
    }

    pub fn give_up(&self, id: Uuid) {
        self.client.post(&format!("/v1/cases/{id}/cancel"), &json!({})).success();
    }

    pub fn ended(&self, id: Uuid) -> Value {
        self.at(id, |view| view.state.is_final())
    }

    /// Waits until a case is as wanted, and asks for it.
    pub fn at(&self, id: Uuid, wanted: impl FnMut(&CaseView) -> bool) -> Value {
        self.counter.wait_for(id, wanted);
        self.client.get(&format!("/v1/cases/{id}")).success()
    }

    // --- what came of it

    /// How many transactions the journal has.
    pub fn committed(&self) -> usize {
        self.rows().len()
    }

    /// What the terminal lists.
    pub fn listed(&self) -> Vec<Value> {
        self.client.get("/v1/scenarios").success().as_array().unwrap().clone()
    }

    /// All transactions, newest first.
    pub fn rows(&self) -> Vec<Value> {
        self.client.get("/v1/transactions?limit=1000").success().as_array().unwrap().clone()
    }

    /// The transaction that a case committed, once it is at its end, which is this one.
    pub fn transaction(&self, view: &Value, end: State) -> Value {
        let id: Uuid = view["transaction"]["id"].as_str().unwrap_or_else(|| panic!("{}", brief(view))).parse().unwrap();
        let mut events = self.counter.terminal.events(None);
        while self.counter.terminal.transaction(id).unwrap().unwrap().state.is_open() {
            self.counter
                .next_event(&mut events, |what| matches!(what, What::Transaction { id: moved, .. } if *moved == id));
        }
        let row = self.client.get(&format!("/v1/transactions/{id}")).success();
        assert_eq!(row["state"], json!(end), "{row} {}", self.refusal(&row));
        row
    }

    /// What is printed of a case, in this form.
    pub fn paper(&self, view: &Value, form: &str) -> Answer {
        self.client.get(&format!("/v1/cases/{}/paper?as={form}", case_id(view)))
    }

    /// The copy for somebody else than the holder, in this form.
    pub fn paper_for_others(&self, view: &Value, form: &str) -> String {
        let answer = self.client.get(&format!("/v1/cases/{}/paper?as={form}&copy=third-party", case_id(view)));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// What the centre answered to what was filed.
    pub fn filed(&self, transaction: &Value) -> Value {
        let id = transaction["id"].as_str().unwrap();
        self.client.get(&format!("/v1/transactions/{id}/filed")).success()
    }

    /// What is printed of a transaction by its number, in this form.
    pub fn receipt(&self, transaction: &Value, form: &str) -> Answer {
        self.client.get(&format!("/v1/transactions/{}/paper?as={form}", transaction["id"].as_str().unwrap()))
    }

    /// The same in each form: the page of A4 and the one of 80 mm, what goes to a printer of slips, and the lines.
    pub fn papers(&self, view: &Value) -> [String; 4] {
        ["a4", "80mm", "escpos", "text"].map(|form| {
            let answer = self.paper(view, form);
            assert_eq!(answer.status, 200, "{form}: {answer:?}");
            answer.body
        })
    }

    /// The tries that the PIN of the card in the reader has left, once nobody is at that card any more.
    pub fn tries_left(&self) -> Value {
        // A case is given the card when whoever was at it has let go of it.
        let id = self.open("unemployment-sign-in", None);
        self.wait_for(id, |view| view.state == CaseState::WaitingInput);
        self.give_up(id);
        self.client.post("/v1/card/pin/tries", &json!({})).success()["done"]["left"].clone()
    }

    /// What the centre said when it refused a transaction.
    pub fn refusal(&self, transaction: &Value) -> Value {
        let id = transaction["id"].as_str().unwrap();
        self.client.get(&format!("/v1/transactions/{id}/refusal")).success()
    }
}

pub fn case_id(view: &Value) -> Uuid {
    view["id"].as_str().unwrap().parse().unwrap()
}

/// What tells why a case is where it is, without its trace.
pub fn brief(view: &Value) -> Value {
    json!({
        "state": view["state"], "failure": view["failure"], "reasons": view["decision"]["reasons"],
        "differences": view["differences"],
    })
}
