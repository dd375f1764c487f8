//! Pages of records, and whose names stand on them.

use std::sync::Arc;

use super::*;

const NAME: &str = "王小雅";

pub(super) fn page(copy: Copy, rows: &[Map<String, Value>]) -> Document {
    copies_of(rows, &asked()).of(copy).as_ref().clone()
}

/// The form of the query.
pub(super) fn asked() -> Value {
    json!({ "relation": "pension", "aae030": "2015-06-01", "aae031": "2015-07-31", "certificate_use": "transfer", "note": "某某" })
}

pub(super) fn copies_of(rows: &[Map<String, Value>], asked: &Value) -> Copies {
    let column = |item, label, cell| Column { item, label, cell };
    let items = [
        column("relation", "保险关系", Cell::Choice(vec![("pension", "职工基本养老保险")])),
        column("aae030", "查询起始日期", Cell::Plain),
        column("aae031", "查询终止日期", Cell::Plain),
        column("certificate_use", "凭证用途", Cell::Choice(vec![("transfer", "转移社会保险关系")])),
        column("note", "备注", Cell::Personal),
        column("left-out", "没有填写的项", Cell::Plain),
    ];
    let columns = [
        column("aae003", "费款所属期", Cell::Plain),
        column("aae140", "险种", Cell::Choice(vec![("110", "企业职工基本养老保险")])),
        column("aac003", "姓名", Cell::Personal),
        column("aae180", "缴费基数", Cell::Money),
        column("aae201", "缴费月数", Cell::Number),
    ];
    let page = Page {
        title: "参保缴费凭证",
        sort: Sort::Certificate,
        terminal: "H44010099999",
        operator: "007",
        copy: Copy::Holder,
        name: NAME,
        number: "440*************21",
        business_date: jiff::civil::date(2015, 8, 3),
        demo_date: true,
        demo: true,
        items: &items,
        asked: asked.as_object().unwrap(),
        columns: &columns,
        rows,
        totals: &["aae201".to_owned()],
        as_of: "2015-08-03T01:59:00Z".parse().unwrap(),
        cached: false,
    };
    page.copies()
}

pub(super) fn rows() -> Vec<Map<String, Value>> {
    let rows = json!([
        { "aae003": "2015-06", "aae140": "110", "aac003": NAME, "aae180": "3000.00", "aae201": 1 },
        { "aae003": "2015-07", "aae140": "110", "aac003": NAME, "aae180": "3000.00", "other": "not printed" },
    ]);
    serde_json::from_value(rows).unwrap()
}

#[test]
fn a_name_stands_in_full_on_the_holders_own_copy_alone() {
    let text = |copy| page(copy, &rows()).lines(COLUMNS).join("\n");
    let (own, other) = (text(Copy::Holder), text(Copy::ThirdParty));
    assert_eq!((own.matches(NAME).count(), own.matches("王**").count()), (3, 0), "{own}");
    assert_eq!((other.matches(NAME).count(), other.matches("王**").count()), (0, 3), "{other}");
    assert_eq!(page(Copy::ThirdParty, &[]).lines(COLUMNS).join("\n").matches("没有查到记录").count(), 1);
}

#[test]
fn a_page_says_what_was_asked_and_the_total_of_what_every_record_has() {
    let mut rows = rows();
    let lines = |rows: &[Map<String, Value>], copy| page(copy, rows).lines(COLUMNS).join("\n");
    let text = lines(&rows, Copy::Holder);
    for said in ["查询内容", "2015-06-01", "2015-07-31", "转移社会保险关系", "某某"] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(!text.contains("没有填写的项") && !text.contains("合计"), "a record has no number of months: {text}");
    assert!(!lines(&rows, Copy::ThirdParty).contains("某某"));
    rows[1].insert("aae201".into(), 11.into());
    let text = lines(&rows, Copy::Holder);
    let total = text.lines().find(|line| line.starts_with("缴费月数合计")).unwrap_or_else(|| panic!("{text}"));
    assert!(total.ends_with(" 12"), "{total}");
    assert!(!lines(&[], Copy::Holder).contains("合计"));
}

#[test]
fn a_slip_is_the_same_for_everybody() {
    let slip = Copies::from(registration());
    assert!(Arc::ptr_eq(slip.of(Copy::Holder), slip.of(Copy::ThirdParty)));
    assert_eq!(slip.size(), registration().size());
    for copy in Copy::ALL {
        assert_eq!(Copy::named(copy.name()), Some(copy));
    }
    assert_eq!(Copy::named("Holder"), None);
}

#[test]
fn nothing_personal_that_was_filed_stands_on_a_slip() {
    let text = registration().lines(COLUMNS).join("\n");
    assert!(!text.contains("13800138000") && !text.contains("演示单位") && !text.contains("另一单位"), "{text}");
    for said in
        ["大学本科", "¥1516.00", "1**********", "居民身份证（已出示）", "解除劳动关系证明（已扫描）", "演***", "–"]
    {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(!text.contains("没有填写的项"), "{text}");
    let statement = "陈述".repeat(1000);
    assert_eq!(Copy::ThirdParty.personal(&statement).as_str(), "陈***********");
    assert_eq!(Copy::Holder.personal(&statement).as_str(), statement);
}

#[test]
fn the_hash_is_of_what_a_page_says() {
    let document = page(Copy::Holder, &rows());
    let content = concat!(
        r#"{"title":"参保缴费凭证","marks":["演示，不作凭证"],"head":{"heading":null,"blocks":[{"pairs":["#,
        r#"["姓名","王小雅"],["社会保障号码","440*************21"],["业务日期","2015-08-03（演示日期）"],"#,
        r#"["数据时间","2015-08-03 09:59:00"],["记录条数","2"],["终端","H44010099999"],["经办人","007"]]}]},"#,
        r#""sections":[{"heading":"查询内容","blocks":[{"pairs":[["保险关系","职工基本养老保险"],"#,
        r#"["查询起始日期","2015-06-01"],["查询终止日期","2015-07-31"],["凭证用途","转移社会保险关系"],["备注","某某"]]}]},"#,
        r#"{"heading":null,"blocks":[{"table":{"columns":["费款所属期","险种","姓名","缴费基数","缴费月数"],"#,
        r#""rows":[["2015-06","企业职工基本养老保险","王小雅","¥3000.00","1"],"#,
        r#"["2015-07","企业职工基本养老保险","王小雅","¥3000.00","–"]]}},"#,
        r#"{"sentences":["以上内容由中心提供，如有疑问请向参保地社会保险经办机构查询"]}]}]}"#,
    );
    let expected = hex::encode_upper(ring::digest::digest(&ring::digest::SHA256, content.as_bytes()));
    assert_eq!(document.sha256().to_string(), expected);
}

#[test]
fn the_hash_stays_when_it_is_printed_again_and_goes_with_each_change() {
    let document = page(Copy::Holder, &rows());
    let digest = document.sha256();
    let later: Timestamp = "2015-08-04T02:00:00Z".parse().unwrap();
    let other = Row { header_hash: Digest([0xCD; 32]), ..row(false) };
    let copies = copies_of(&rows(), &asked());
    for printed in [copies.vouched(&row(false), row(false).created_at), copies.vouched(&other, later)] {
        assert_eq!(printed.sha256(), digest);
        let text = printed.of(Copy::Holder).lines(COLUMNS).join("");
        assert!(text.contains(&format!("内容校验值（SHA-256）{digest}")), "it stands on the page: {text}");
        // There is one hash that was told: the other copy says whose it is.
        let masked = printed.of(Copy::ThirdParty);
        assert_ne!(masked.sha256(), digest);
        let text = masked.lines(COLUMNS).join("");
        assert!(text.contains(&format!("本人联内容校验值（SHA-256）{digest}")) && text.contains("供第三方"), "{text}");
        assert!(printed.size() > printed.of(Copy::Holder).size());
    }
    let mut changed = rows();
    changed[1].insert("aae180".into(), "3000.01".into());
    let asked_otherwise = copies_of(&rows(), &json!({ "relation": "pension" })).of(Copy::Holder).as_ref().clone();
    let others = [page(Copy::Holder, &changed), page(Copy::Holder, &rows()[..1]), page(Copy::ThirdParty, &rows())];
    assert_ne!(asked_otherwise.sha256(), digest, "what was asked is part of it");
    assert!(others.iter().all(|other| other.sha256() != digest));
}
