//! Bills: their numbers, and their lines.

use super::*;

/// A centre with the packs that it ships with, and the person of the demonstration.
struct Till {
    db: Connection,
    packs: Packs,
}

impl Till {
    fn new() -> Self {
        let db = db::open(None).unwrap();
        know(&db);
        for mdtrt_id in ["D1", "D2"] {
            let visit = "INSERT INTO visits (mdtrt_id, psn_no, insurance) VALUES (?1, '44010000000003', '310')";
            db.execute(visit, [mdtrt_id]).unwrap();
        }
        Self { db, packs: PACKS.clone() }
    }

    fn ask(&self, infno: &str, msgid: &str, input: &Value) -> Reply {
        ask(&self.db, &self.packs, (infno, msgid, false), input)
    }

    /// What comes of a settlement: its number, or the code of its refusal.
    fn settle(&self, msgid: &str, bill: &Value) -> Result<Value, String> {
        told(self.ask(infno::SETTLE, msgid, bill)).map(|output| output["setlinfo"]["setl_id"].clone())
    }

    fn cancel(&self, msgid: &str, setl_id: &Value, bill: &Value) -> Result<Value, String> {
        let meant = json!({ "setl_id": setl_id, "mdtrt_id": bill["mdtrt_id"], "psn_no": "44010000000003" });
        told(self.ask(infno::CANCEL, msgid, &meant))
    }

    fn reverse(&self, msgid: &str, oinfno: &str) -> i32 {
        self.ask(infno::REVERSE, "R1", &json!({ "omsgid": msgid, "oinfno": oinfno })).infcode
    }
}

/// 30000.00 yuan of a stay in hospital, in a line a number; of a visit where it is named.
pub(super) fn bill(mdtrt_id: Option<&str>, lines: &[&str]) -> Value {
    let mut bill = json!(person());
    let total = Fen(3_000_000 * i64::try_from(lines.len()).unwrap()).to_string();
    let line = |number: &&str| {
        json!({
            "feedetl_sn": number, "med_list_codg": "S1", "fee_ocur_time": "2015-07-25", "cnt": "1", "pric": "30000.00",
            "det_item_fee_sumamt": "30000.00", "chrgitm_lv": "01", "bilg_dr_codg": "no rule asks who ordered it",
        })
    };
    bill.as_object_mut().unwrap().extend(object(json!({
        "insutype": "310", "med_type": "21", "medfee_sumamt": total, "psn_setlway": "01", "acct_used_flag": "0",
        "scenario": "medical-settlement", "business_date": DAY,
        "facts": {
            "begntime": "2015-07-20", "endtime": "2015-08-03", "hosp_lv": "L3", "psn_type": "1", "psn_insu_stas": "0",
            "medfee_sumamt": total, "acct_used_flag": false, "balc": "0.00",
        },
        "feedetail": lines.iter().map(line).collect::<Vec<_>>(),
        "documents": [{ "id": "prescription", "shown": true }],
    })));
    if let Some(mdtrt_id) = mdtrt_id {
        bill["mdtrt_id"] = mdtrt_id.into();
    }
    bill
}

#[test]
fn a_pharmacy_and_a_hospital_settle_by_their_own_numbers() {
    let till = Till::new();
    let mut settlement = bill(Some("D1"), &["1"]);
    let ask = |infno: &str, msgid: &str, input: &Value| till.ask(infno, msgid, input);
    let mut unseen = settlement.clone();
    unseen["documents"][0]["shown"] = false.into();
    assert!(ask("2206", "Q1", &unseen).err_msg.starts_with("C-FORM "), "what was not shown is no document");
    for (pre, settle, cancel, msgid) in [("2101", "2102", "2103", "M1"), ("2303", "2304", "2305", "M2")] {
        let computed = ask(pre, "Q1", &settlement);
        assert!(computed.output["setlinfo"].get("setl_id").is_none() && computed.infcode == Reply::OK, "{pre}");
        let settled = ask(settle, msgid, &settlement);
        assert_eq!(settled.output["setlinfo"]["medins_setl_id"], msgid, "{}", settled.err_msg);
        assert_eq!(ask(infno::SETTLEMENT, "S1", &json!({ "medins_setl_id": msgid })).output, settled.output);
        let back = |msgid: &str, oinfno: &str| {
            ask(infno::REVERSE, "R1", &json!({ "omsgid": msgid, "oinfno": oinfno })).infcode
        };
        // Cancelled, that taken back, and then the settlement itself.
        let meant = json!({
            "setl_id": settled.output["setlinfo"]["setl_id"], "mdtrt_id": "D1", "psn_no": "44010000000003",
        });
        let undo = format!("{msgid}U");
        let cancelled = ask(cancel, &undo, &meant).output;
        assert_eq!(cancelled["setlinfo"]["refd_setl_flag"], "1", "{cancelled}");
        assert_eq!(back(msgid, settle), Reply::NOT_FOUND, "it is cancelled");
        assert_eq!([back(&undo, "dues"), back(&undo, cancel)], [Reply::REFUSED, Reply::OK]);
        assert_eq!([back(msgid, "dues"), back(msgid, settle)], [Reply::REFUSED, Reply::OK]);
    }
    let ledger = ledger::read(&till.db).unwrap();
    assert_eq!(ledger["settlements"][0]["documents"], json!(["prescription"]), "{ledger}");
    // As a terminal of before the documents sends it.
    settlement.as_object_mut().unwrap().remove("documents");
    assert_eq!(ask("2304", "M3", &settlement).infcode, Reply::OK);
    assert_eq!(ledger::read(&till.db).unwrap()["settlements"][4]["documents"], json!([]));
}

#[test]
fn a_line_that_stands_is_settled_in_no_other_bill() {
    let till = Till::new();
    let first = bill(Some("D1"), &["1", "2"]);
    let number = till.settle("M1", &first).unwrap();
    assert_eq!(till.settle("M1", &first), Ok(number.clone()), "the same message is the same settlement");
    let mut again = bill(Some("D1"), &["3", "2"]);
    // Whatever else it says of the line.
    again["feedetail"][1]["fee_ocur_time"] = "2015-07-26".into();
    let told = till.ask(infno::PRE_SETTLE, "Q1", &again);
    let said = told.refusal().unwrap();
    assert_eq!(said.0, "C-LINE-DUPLICATE");
    assert!(said.1.contains("第 2 行") && said.1.contains(number.as_str().unwrap()), "{}", said.1);
    assert_eq!(till.settle("M2", &again).unwrap_err(), "C-LINE-DUPLICATE");
    assert!(till.settle("M3", &bill(Some("D1"), &["3"])).is_ok());
    assert!(till.settle("M4", &bill(Some("D2"), &["2"])).is_ok(), "another visit has numbers of its own");
    let mut others = first.clone();
    others["certno"] = another().certno.clone().into();
    till.db.execute("INSERT INTO persons VALUES ('44010000000002', '440105197904230011', '310')", []).unwrap();
    let visit = "INSERT INTO visits (mdtrt_id, psn_no) VALUES ('D3', '44010000000002')";
    till.db.execute(visit, []).unwrap();
    others["mdtrt_id"] = "D3".into();
    assert!(till.settle("M5", &others).is_ok(), "another person");
}

#[test]
fn without_a_visit_a_line_is_known_by_all_that_was_sold() {
    let till = Till::new();
    till.settle("M1", &bill(None, &["1"])).unwrap();
    assert_eq!(till.settle("M2", &bill(None, &["2", "1"])).unwrap_err(), "C-LINE-DUPLICATE");
    for (n, (item, other)) in
        [("feedetl_sn", "2"), ("med_list_codg", "S2"), ("fee_ocur_time", "2015-07-26")].into_iter().enumerate()
    {
        let mut sold = bill(None, &["1"]);
        sold["feedetail"][0][item] = other.into();
        assert!(till.settle(&format!("N{n}"), &sold).is_ok(), "{item}");
    }
}

#[test]
fn a_line_with_its_visit_and_the_same_without_are_one() {
    let till = Till::new();
    till.settle("M1", &bill(Some("D1"), &["1", "2"])).unwrap();
    assert_eq!(till.settle("M2", &bill(None, &["3", "2"])).unwrap_err(), "C-LINE-DUPLICATE");
    till.settle("M3", &bill(None, &["3", "4"])).unwrap();
    for visit in ["D1", "D2"] {
        assert_eq!(till.settle(visit, &bill(Some(visit), &["5", "4"])).unwrap_err(), "C-LINE-DUPLICATE", "{visit}");
    }
    let mut other = bill(None, &["1"]);
    other["feedetail"][0]["fee_ocur_time"] = "2015-07-26".into();
    assert!(till.settle("M4", &other).is_ok(), "another sale under the number of one of the visit's");
    other["mdtrt_id"] = "D2".into();
    assert_eq!(till.settle("M5", &other).unwrap_err(), "C-LINE-DUPLICATE");
    // D1 and D2 each name their visit: what they share is no line.
    assert!(till.settle("M6", &bill(Some("D2"), &["1", "2"])).is_ok());
}

#[test]
fn what_is_taken_back_sets_its_lines_free() {
    let till = Till::new();
    let one = bill(Some("D1"), &["1"]);
    let number = till.settle("M1", &one).unwrap();
    till.cancel("U1", &number, &one).unwrap();
    till.settle("M2", &one).unwrap();
    assert_eq!(till.settle("M3", &one).unwrap_err(), "C-LINE-DUPLICATE");
    assert_eq!(till.reverse("M2", infno::SETTLE), Reply::OK);
    assert_eq!(till.settle("M3", &one).unwrap_err(), "C-LINE-DUPLICATE", "a message is refused for ever");
    till.settle("M4", &one).unwrap();
    // The first stands again, for what cancelled it is taken back: somebody looks into the other one.
    assert_eq!(till.reverse("U1", infno::CANCEL), Reply::OK);
    let review = "SELECT msgid FROM settlements WHERE review = 1 AND state = 'settled'";
    assert_eq!(till.db.query_row(review, [], |row| row.get::<_, String>(0)).unwrap(), "M4");
    assert_eq!(till.settle("M5", &one).unwrap_err(), "C-LINE-DUPLICATE");
}

#[test]
fn lines_of_settlements_from_before_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let (file, old) = of_before(&dir);
    know(&old);
    for (n, bill) in [bill(Some("D1"), &["1"]), bill(None, &["2"]), bill(None, &["3"])].iter().enumerate() {
        let posted = json!({ "settlement": bill, "psn_no": "44010000000003", "changes": [], "acct_pay": "0.00" });
        let state = if n == 2 { "reversed" } else { "settled" };
        old.execute(
            "INSERT INTO settlements (terminal, msgid, state, psn_no, posted, times) VALUES (?1, ?2, ?3, ?4, ?5, 1)",
            (TERMINAL, format!("O{n}"), state, "44010000000003", posted.to_string()),
        )
        .unwrap();
    }
    drop(old);
    let till = Till { db: db::open(Some(&file)).unwrap(), packs: PACKS.clone() };
    assert_eq!(till.settle("M1", &bill(Some("D1"), &["1"])).unwrap_err(), "C-LINE-DUPLICATE");
    assert_eq!(till.settle("M2", &bill(None, &["2"])).unwrap_err(), "C-LINE-DUPLICATE");
    assert_eq!(till.settle("M3", &bill(None, &["1"])).unwrap_err(), "C-LINE-DUPLICATE", "the same without its visit");
    assert_eq!(
        till.settle("M4", &bill(Some("D1"), &["2"])).unwrap_err(),
        "C-LINE-DUPLICATE",
        "the same with its visit"
    );
    assert!(till.settle("M5", &bill(None, &["3"])).is_ok(), "nothing of it stands");
}

#[test]
fn a_bill_is_of_a_visit_that_is_the_persons_open_and_of_its_insurance() {
    let till = Till::new();
    let known = |mdtrt_id: &str, insurance: &str, ended: bool| {
        let visit = "INSERT INTO visits (mdtrt_id, psn_no, insurance, ended) VALUES (?1, '44010000000003', ?2, ?3)";
        till.db.execute(visit, (mdtrt_id, insurance, ended)).unwrap();
    };
    known("D3", "work-injury", false);
    known("D4", "310", true);
    for (visit, code) in [("D5", "C-VISIT-UNKNOWN"), ("D3", "C-VISIT-INSURANCE"), ("D4", "C-VISIT-ENDED")] {
        let bill = bill(Some(visit), &["1"]);
        assert_eq!(told(till.ask(infno::PRE_SETTLE, "Q1", &bill)).unwrap_err(), code, "{visit}");
        assert_eq!(till.settle(visit, &bill).unwrap_err(), code, "{visit}");
    }
    assert!(till.settle("M1", &bill(Some("D1"), &["1"])).is_ok());
}

#[test]
fn a_bill_is_of_a_visit_or_of_a_stay_as_its_number_was_registered() {
    let till = Till::new();
    for (visit, care) in [("D5", "outpatient"), ("D6", "inpatient")] {
        let known = "INSERT INTO visits (mdtrt_id, psn_no, insurance, care) VALUES (?1, '44010000000003', '310', ?2)";
        till.db.execute(known, [visit, care]).unwrap();
    }
    let of = |visit: &str, med_type: &str| {
        let mut bill = bill(Some(visit), &[visit]);
        bill["med_type"] = med_type.into();
        bill
    };
    for (visit, med_type) in [("D5", "21"), ("D5", "52"), ("D6", "11"), ("D6", "14")] {
        let computed = till.ask(infno::PRE_SETTLE, "Q1", &of(visit, med_type));
        let (code, words) = computed.refusal().unwrap();
        assert!(code == "C-VISIT-CARE" && words.contains(med_type), "{visit} {med_type}: {code} {words}");
        let message = format!("{visit}{med_type}");
        assert_eq!(till.settle(&message, &of(visit, med_type)).unwrap_err(), "C-VISIT-CARE", "{visit} {med_type}");
    }
    // A kind of care that this centre does not know of is not judged, and nor is a visit of which the kind was not kept.
    for (visit, med_type) in [("D6", "21"), ("D5", "11"), ("D5", "99"), ("D1", "21"), ("D2", "11")] {
        assert!(till.settle(&format!("{visit}{med_type}N"), &of(visit, med_type)).is_ok(), "{visit} {med_type}");
        till.reverse(&format!("{visit}{med_type}N"), infno::SETTLE);
    }
}

#[test]
fn a_settlement_that_is_for_another_system_is_not_settled() {
    let till = Till::new();
    let asked = |receiver: Option<&str>| {
        let request = json!({
            "infno": infno::PRE_SETTLE, "msgid": "Q1", "fixmedins_code": TERMINAL, "opter": "0007", "inf_time": "",
            "recer_sys_code": receiver, "demo": true, "input": bill(Some("D1"), &["1"]),
        });
        let request: Request = serde_json::from_value(request).unwrap();
        told(national::answer(&till.db, &till.packs, &request, false, NOW).unwrap()).map(drop)
    };
    // Who named none yet is taken as before.
    assert_eq!([asked(None), asked(Some("YBXT"))], [Ok(()), Ok(())]);
    for other in ["LXXT", "GSXT"] {
        assert_eq!(asked(Some(other)).unwrap_err(), "C-RECEIVER", "{other}");
    }
}
