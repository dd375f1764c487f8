//! A visit is registered, gets the centre's number, and what comes of it names that.

use sbkd::queue::State;
use sbkd::terminal::{CaseState, CaseView, NewCase};
use serde_json::{Value, json};

use crate::counter::{Counter, Setup, bill, new_case};

const REGISTER: &str = "clinic-registration";
const ADMIT: &str = "hospital-admission";
const VISIT: &str = "clinic-visit";
const SETTLE: &str = "medical-settlement";

fn registration() -> Value {
    json!({
        "begntime": "2015-08-03", "dept_code": "0301", "dept_name": "心血管内科门诊", "atddr_no": "DEMO0001",
        "ipt_otp_no": "MZ150803009",
    })
}

fn admission(begntime: &str) -> Value {
    json!({
        "begntime": begntime, "ipt_no": "ZY0012873", "adm_dept_codg": "0302", "adm_dept_name": "心血管内科病区",
        "atddr_no": "DEMO0001", "diag_code": "I20.000", "adm_diag_dscr": "不稳定型心绞痛", "coner_name": "王大明",
        "tel": "020-81234567",
    })
}

fn visit(mdtrt_id: &str) -> Value {
    let mut form = registration();
    form["mdtrt_id"] = mdtrt_id.into();
    form["visit_step"] = "consult".into();
    form["diseinfo"] =
        json!([{ "diag_srt_no": 1, "diag_code": "I10.x00", "diag_name": "原发性高血压", "maindiag_flag": true }]);
    form
}

fn settlement(mdtrt_id: &str) -> Value {
    let mut form = bill();
    form["mdtrt_id"] = mdtrt_id.into();
    form
}

/// Carries it out, and waits until the centre has answered so; the code where it refused it.
fn answered(counter: &Counter, scenario: &str, form: Value, so: State) -> Option<String> {
    let view = counter.carried_out(scenario, form);
    assert_eq!(view.state, CaseState::Done, "{scenario}: {:?}", view.failure);
    counter.wait_for_state(counter.transactions().remove(0).id, so).refusal
}

/// The number of the visit that the last transaction registered.
fn registered(counter: &Counter) -> String {
    let filed = counter.terminal.filed(counter.transactions().remove(0).id).unwrap().unwrap();
    assert!(filed.number.starts_with('F'), "{filed:?}");
    filed.mdtrt_id.unwrap()
}

#[track_caller]
fn refused(view: &CaseView, code: &str) {
    assert_eq!(view.state, CaseState::Refused, "{:?}", view.failure);
    let failure = view.failure.as_ref().unwrap();
    assert_eq!(failure.entry.code, code, "{:?}", failure.detail);
}

#[test]
fn what_comes_of_a_visit_names_the_number_that_the_centre_gave_it() {
    let counter = Counter::new();
    answered(&counter, REGISTER, registration(), State::Acked);
    let clinic = registered(&counter);
    answered(&counter, VISIT, visit(&clinic), State::Acked);
    assert_eq!(counter.terminal.filed(counter.transactions()[0].id).unwrap().unwrap().mdtrt_id, None);
    // The bill is that of a stay.
    refused(&counter.decided(SETTLE, settlement(&clinic)), "C-VISIT-CARE");
    answered(&counter, ADMIT, admission("2015-07-20"), State::Acked);
    let (stay, admission) = (registered(&counter), counter.transactions().remove(0).id);
    let settled = counter.carried_out(SETTLE, settlement(&stay));
    assert_eq!(settled.state, CaseState::Done, "{:?}", settled.failure);

    // Something came of it.
    let undo = NewCase { undo: Some(admission), ..new_case(ADMIT, None) };
    let id = counter.terminal.open_case(undo).unwrap().id;
    counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation);
    counter.confirmed(id);
    let row = counter.transactions().remove(0);
    let refused = counter.wait_for_state(row.id, State::Refused);
    assert_eq!(refused.refusal.as_deref(), Some("C-ACTED"));
}

#[test]
fn who_is_in_hospital_is_told_before_they_are_admitted_again() {
    let counter = Counter::new();
    answered(&counter, ADMIT, admission("2015-08-02"), State::Acked);
    let view = counter.decided(ADMIT, admission("2015-08-03"));
    refused(&view, "E-TERM-DENIED");
    assert!(view.failure.unwrap().detail.unwrap().contains("E-ADM-IN-HOSPITAL"));
    let mut again = admission("2015-08-03");
    again["repeat_ipt_flag"] = true.into();
    answered(&counter, ADMIT, again, State::Acked);
}

#[test]
fn a_resident_is_not_registered_as_an_employee() {
    let counter = Counter::with(Setup { card: "v3-resident", ..Setup::default() });
    // The form has 310 where nobody chooses.
    let id = counter.open(REGISTER, Some(registration()));
    let view = counter.wait_for(id, |view| view.failure.is_some());
    let failure = view.failure.unwrap();
    assert_eq!((view.state, failure.entry.code), (CaseState::WaitingInput, "E-SCN-INPUT"));
    assert!(failure.detail.as_deref().unwrap().starts_with("insutype: "), "{:?}", failure.detail);
    let mut chosen = registration();
    chosen["insutype"] = "390".into();
    counter.terminal.input(id, chosen).unwrap();
    let view = counter.wait_for(id, |view| view.state == CaseState::WaitingConfirmation || view.failure.is_some());
    assert_eq!(counter.confirmed(view.id).state, CaseState::Done);
    counter.wait_for_state(counter.transactions().remove(0).id, State::Acked);
    registered(&counter);
}

#[test]
fn a_number_that_is_none_of_the_persons_open_visits_of_the_insurance_is_refused() {
    let counter = Counter::new();
    let code = answered(&counter, VISIT, visit("M1"), State::Refused);
    assert_eq!(code.as_deref(), Some("C-VISIT-UNKNOWN"));
    for (number, code) in [
        ("M1", "C-VISIT-UNKNOWN"),
        // The seed's: over, of a work injury, of maternity.
        ("M20150310001", "C-VISIT-ENDED"),
        ("M20150720000031", "C-VISIT-INSURANCE"),
        ("M20150727000062", "C-VISIT-INSURANCE"),
    ] {
        refused(&counter.decided(SETTLE, settlement(number)), code);
    }
    assert_eq!(counter.transactions().len(), 1, "nothing is committed of what the centre would not settle");
}
