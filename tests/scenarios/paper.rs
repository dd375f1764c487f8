//! What is printed of a query: the page that the centre is told of, and of it nothing but its hash.

use sbkd::queue::State;
use serde_json::Value;
use uuid::Uuid;

use crate::house::{House, case_id};
use crate::subject;

/// 参保缴费凭证 and 个人权益记录单: rows 22 and 23 of the table.
const PAGES: [&str; 2] = ["contribution-certificate-query", "benefit-record-query"];

#[test]
fn the_centre_is_told_of_the_page_that_is_printed() {
    let house = House::open();
    let queries: Vec<_> = subject::all().into_iter().filter(|subject| subject.asks.kind == "query").collect();
    let done = house.each(&queries, |subject| {
        house.card_of(subject);
        let view = house.carried_out(subject, None);
        let row = house.transaction(&view, State::Acked);
        (row, view["slip"].clone(), house.papers(&view), house.paper_for_others(&view, "text"))
    });
    let (journal, _dir) = house.into_journal();
    let mut pages = Vec::new();
    for (subject, (row, slip, paper, others)) in queries.iter().zip(done) {
        let id: Uuid = row["id"].as_str().unwrap().parse().unwrap();
        let enquiry = &journal.payload(id).unwrap().unwrap()["request"];
        let slip = slip.as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
        let name = enquiry["psn_name"].as_str().unwrap();
        assert!(!slip.contains(name), "{subject}: whoever shows the case sees the holder masked");
        assert!(paper.iter().all(|paper| paper.contains(row["id"].as_str().unwrap())), "{subject}");
        let Some(hash) = enquiry["document_sha256"].as_str() else {
            assert_eq!((enquiry["printed"].as_bool(), &paper[3]), (Some(false), &(slip + "\n")), "{subject}");
            continue;
        };
        assert_eq!(enquiry["printed"], true, "{subject}");
        let [a4, roll, _, text] = &paper;
        for page in [a4, roll, &text.replace('\n', "")] {
            assert!(page.contains(hash) && page.contains(name), "{subject}: {page}");
        }
        let held = enquiry["certno"].as_str().unwrap();
        assert!(paper.iter().all(|paper| !paper.contains(held)), "{subject}: the number is masked on every paper");
        let masked: String = name.chars().take(1).chain(name.chars().skip(1).map(|_| '*')).collect();
        assert!(!others.contains(name) && others.contains(&masked), "{subject}: anybody else's copy: {others}");
        assert!(others.replace('\n', "").contains(hash) && others.contains("本人联"), "{subject}: {others}");
        assert_eq!(text.contains("查询内容"), !subject.asks.form.is_empty(), "{subject}: {text}");
        if subject.scenario == PAGES[0] {
            for said in ["查询起始日期", "查询终止日期", "凭证用途", "实际缴费月数合计"] {
                assert!([a4, roll, text].iter().all(|page| page.contains(said)), "{said} is not on {text}");
            }
        }
        pages.push(subject.scenario.as_str());
    }
    assert!(PAGES.iter().all(|page| pages.contains(page)), "printed as pages are {pages:?}");
}

/// Without the centre's number nobody asks how a complaint goes on, and without the visit's nothing is settled.
#[test]
fn a_slip_has_the_centres_numbers_once_it_has_answered() {
    let house = House::open();
    let answered =
        ["fund-supervision-report", "labor-inspection-complaint", "labor-inspection-report", "clinic-registration"];
    let subjects: Vec<_> = subject::all().into_iter().filter(|one| answered.contains(&&*one.scenario)).collect();
    assert!(subjects.len() >= answered.len());
    house.each(&subjects, |subject| {
        house.card_of(subject);
        let view = house.carried_out(subject, None);
        let filed = house.filed(&house.transaction(&view, State::Acked));
        let number = filed["number"].as_str().unwrap_or_else(|| panic!("{subject}: {filed}"));
        let renewed = house.at(case_id(&view), |view| view.slip.iter().flatten().any(|line| line.contains(number)));
        let slip = renewed["slip"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
        let papers = house.papers(&renewed);
        assert_eq!(papers[3], slip.clone() + "\n", "{subject}");
        assert!(papers.iter().all(|paper| paper.contains(number)), "{subject}");
        if let Some(visit) = filed["mdtrt_id"].as_str() {
            assert!(papers.iter().all(|paper| paper.contains(visit)), "{subject}: {slip}");
        }
        assert_eq!(filed["mdtrt_id"].is_string(), subject.scenario == "clinic-registration", "{subject}: {filed}");
        // Whoever comes with the transaction's number later, when the case is gone, gets the centre's: and no name.
        let transaction = renewed["transaction"]["id"].as_str().unwrap();
        for form in ["a4", "80mm", "escpos", "text"] {
            let receipt = house.receipt(&renewed["transaction"], form);
            assert_eq!(receipt.status, 200, "{subject}: {receipt:?}");
            assert!(receipt.body.contains(number) && receipt.body.contains(transaction), "{subject}: {}", receipt.body);
        }
        let receipt = house.receipt(&renewed["transaction"], "text").body;
        assert!(receipt.contains("受理回执") && receipt.contains("中心已受理"), "{subject}: {receipt}");
        assert!(
            !receipt.contains('*') || receipt.matches("***").count() == 2,
            "{subject}: the holder is on it: {receipt}"
        );
        assert!(!receipt.contains("姓名") && !receipt.contains("社会保障号码"), "{subject}: {receipt}");
        let confidential = subject.said.full_form()["confidential"] == true;
        assert_eq!(slip.lines().any(|line| line.starts_with("姓名 ")), !confidential, "{subject}: {slip}");
    });
}
