//! Slips.

use serde_json::json;

mod forms;
mod markup;
mod pages;

use super::layout::{Paper, width};
use super::*;
use crate::queue::State;
use crate::wire::Digest;

fn row(provisional: bool) -> Row {
    let at: Timestamp = "2015-08-03T02:00:00Z".parse().unwrap();
    Row {
        id: uuid::Uuid::from_u128(0x0195_3b2a),
        sequence: 1,
        msgid: "H44010099999201508031000000001".into(),
        scenario: "medical-settlement".into(),
        kind: Kind::Settle,
        state: State::Pending,
        attempts: 0,
        created_at: at,
        updated_at: at,
        business_date: jiff::civil::date(2015, 8, 1),
        operator: "007".into(),
        shift: None,
        amount: None,
        cancels: None,
        provisional,
        demo: true,
        centre_no: None,
        refusal: None,
        differs: Vec::new(),
        reason: None,
        erased: false,
        header_hash: Digest([0xAB; 32]),
    }
}

fn slip(row: &Row, centre: Option<&Map<String, Value>>) -> Vec<String> {
    settlement(row, centre).lines(COLUMNS)
}

fn settlement(row: &Row, centre: Option<&Map<String, Value>>) -> Document {
    let slip = Slip {
        title: "医疗费用即时结算",
        terminal: "H44010099999",
        operator: "007",
        name: Some("王**"),
        number: Some("440*************21"),
        business_date: jiff::civil::date(2015, 8, 1),
        demo_date: true,
        expired_card: true,
        explanation: &["统筹基金支付 28400.00 × 80% = 22720.00，年度限额内支付 22720.00".into()],
        demo_figures: true,
        filed: None,
        centre,
        transaction: row,
        duplicate: false,
        at: row.created_at,
    };
    slip.document()
}

/// A registration, with an item of every sort, lines and documents.
fn registration() -> Document {
    let values = json!({
        "aac011": "21", "aae036": "2015-08-03", "amount": "1516.00", "months": 12, "first": true, "phone": "13800138000",
        "unknown": "9"
    });
    let lines = [json!({ "aab004": "演示单位", "wage": "2000.00" }), json!({ "aab004": "另一单位" })];
    let lines: Vec<Map<String, Value>> = lines.iter().map(|line| line.as_object().unwrap().clone()).collect();
    let column = |item, label, cell| Column { item, label, cell };
    let filed = Filed {
        items: vec![
            column("aac011", "学历", Cell::Choice(vec![("21", "大学本科"), ("31", "大学专科")])),
            column("unknown", "其他代码", Cell::Choice(vec![("1", "一")])),
            column("aae036", "经办日期", Cell::Plain),
            column("amount", "金额", Cell::Money),
            column("months", "月数", Cell::Number),
            column("first", "首次办理", Cell::Bool),
            column("phone", "联系电话", Cell::Personal),
            column("left-out", "没有填写的项", Cell::Plain),
        ],
        values: values.as_object().unwrap(),
        lines: Some(Group {
            label: "工作经历",
            columns: vec![column("aab004", "单位名称", Cell::Personal), column("wage", "月工资", Cell::Money)],
            rows: &lines,
        }),
        documents: vec![("居民身份证", Seen::Shown), ("解除劳动关系证明", Seen::Scanned)],
    };
    let row = Row { kind: Kind::Register, scenario: "unemployment-registration".into(), ..row(false) };
    let slip = Slip {
        title: "失业登记",
        terminal: "H44010099999",
        operator: "007",
        name: Some("王**"),
        number: Some("440*************21"),
        business_date: jiff::civil::date(2015, 8, 3),
        demo_date: true,
        expired_card: false,
        explanation: &["结论：可以办理".into()],
        demo_figures: false,
        filed: Some(filed),
        centre: None,
        transaction: &row,
        duplicate: false,
        at: row.created_at,
    };
    slip.document()
}

#[test]
fn a_provisional_slip_says_so_and_fits_the_paper() {
    let lines = slip(&row(true), None);
    assert!(lines.iter().all(|line| width(line) <= COLUMNS), "{lines:#?}");
    let text = lines.join("\n");
    for said in ["以中心结算为准", "演示参数", "（演示日期）", "不作凭证", "卡已过有效期", "ABAB-ABAB-ABAB", "王**"]
    {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(text.contains(&row(true).id.to_string()));
}

#[test]
fn a_settled_slip_names_the_centres_number() {
    let centre = json!({"setl_id": "S0001"});
    let text = slip(&row(false), centre.as_object()).join("\n");
    assert!(text.contains("中心已结算") && text.contains("S0001") && !text.contains("以中心结算为准"), "{text}");
}

#[test]
fn what_was_paid_is_told_with_the_banks_number_and_as_no_settlement() {
    let centre = json!({"order_no": "P0001", "order_amt": "260.00", "trace_no": "B00000000001"});
    let paid = Row { kind: Kind::Pay, state: State::Acked, ..row(false) };
    let text = slip(&paid, centre.as_object()).join("\n");
    for said in ["银行账户缴费", "260.00 元", "B00000000001"] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(!text.contains("以中心受理结果为准") && !text.contains("中心已结算"), "{text}");
}

#[test]
fn the_centres_numbers_stand_at_the_foot_once_it_has_answered() {
    use crate::wire::filing::{self, Standing};
    let slip = registration();
    let before = slip.lines(COLUMNS).join("\n");
    assert!(before.contains("凭流水号查询") && before.contains("受理号等编号在中心受理后给出"), "{before}");
    let filed = |state, mdtrt_id: Option<&str>| filing::Filed {
        number: "AF2015080300001".into(),
        state,
        filed_on: jiff::civil::date(2015, 8, 3),
        mdtrt_id: mdtrt_id.map(str::to_owned),
    };
    let stands = |state, answer: Option<filing::Filed>, lists| {
        let row = Row { kind: Kind::Register, state, ..row(false) };
        let at: Timestamp = "2015-08-03T02:05:00Z".parse().unwrap();
        let foot = Foot { transaction: &row, centre: None, answer: answer.as_ref(), lists, duplicate: false, at };
        let renewed = slip.with_foot(&foot);
        assert_eq!(renewed.sha256(), slip.sha256(), "what it says of the case stays");
        renewed.lines(COLUMNS).join("\n")
    };
    let acked = stands(State::Acked, Some(filed(Standing::Accepted, Some("MD0001"))), true);
    for said in ["中心已受理", "凭受理号查询", "AF2015080300001", "就诊编号", "MD0001", "ABAB-ABAB-ABAB", "10:05:00"]
    {
        assert!(acked.contains(said), "{said} is missing in {acked}");
    }
    assert!(!acked.contains("以中心受理结果为准") && !acked.contains("在中心受理后给出"), "{acked}");
    assert!(!stands(State::Acked, Some(filed(Standing::Accepted, None)), true).contains("就诊编号"));
    let paid = Row { kind: Kind::Pay, ..row(false) };
    let foot =
        Foot { transaction: &paid, centre: None, answer: None, lists: true, duplicate: false, at: paid.created_at };
    assert!(!slip.with_foot(&foot).lines(COLUMNS).join("").contains("受理号"), "what is paid gets no such number");
    for (state, answer, said) in [
        (State::Acked, Some(Standing::Withdrawn), "中心已办理撤回"),
        (State::Cancelled, Some(Standing::Accepted), "本人已撤回"),
        (State::Refused, None, "中心没有受理"),
    ] {
        let text = stands(state, answer.map(|standing| filed(standing, None)), false);
        assert!(text.contains(said) && !text.contains("以中心受理结果为准"), "{state:?}: {text}");
    }
}

/// Who complained in confidence is known to nobody by the number of it.
#[test]
fn a_receipt_has_the_numbers_and_no_holder() {
    use crate::wire::filing::{self, Standing};
    let filed_on = jiff::civil::date(2015, 8, 4);
    let answer = filing::Filed {
        number: "AF2015080300001".into(),
        state: Standing::Accepted,
        filed_on,
        mdtrt_id: Some("MD0001".into()),
    };
    let row = Row { kind: Kind::Report, state: State::Acked, ..row(false) };
    let (scenario, terminal, at) = ("劳动保障监察投诉", "H44010099999", row.created_at);
    let receipt = Receipt { scenario, terminal, demo_date: true, transaction: &row, answer: &answer, at };
    let text = receipt.document().lines(COLUMNS).join("\n");
    for said in [
        "受理回执",
        scenario,
        terminal,
        "2015-08-04",
        "中心已受理",
        "AF2015080300001",
        "MD0001",
        "演示，不作凭证",
        "ABAB-ABAB-ABAB",
    ] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(text.contains(&row.id.to_string()) && !text.contains("姓名") && !text.contains("号码"), "{text}");
}

#[test]
fn a_date_is_not_broken_and_nothing_is_lost() {
    let mut paper = Paper::new(12);
    let text = "有效期 2015-01-01 至 2015-12-31，共一年";
    paper.text(text);
    let lines = paper.into_lines();
    assert_eq!(lines.concat(), text);
    assert!(lines.iter().any(|line| line.contains("2015-01-01")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("2015-12-31")), "{lines:?}");
    let mut paper = Paper::new(12);
    paper.text("0123456789ABCDEF");
    assert_eq!(paper.into_lines(), ["0123456789AB", "CDEF"]);
}

proptest::proptest! {
    #[test]
    fn no_text_leaves_the_paper(text in "\\PC{0,120}", value in "\\PC{0,60}") {
        let mut paper = Paper::new(COLUMNS);
        paper.text(&text);
        paper.centred(&text);
        paper.pair(&text, &value);
        for line in paper.into_lines() {
            proptest::prop_assert!(width(&line) <= COLUMNS);
        }
    }
}
