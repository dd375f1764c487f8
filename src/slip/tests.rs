//! Slips.

use serde_json::json;

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
        centre,
        transaction: row,
        duplicate: false,
        at: row.created_at,
    };
    slip.lines()
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
