use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::organisation::credit_check;
use super::*;
use crate::value::{check_character, check_digit};

const TODAY: Date = date(2015, 8, 3);

fn canonical(check: Check, text: &str) -> Result<String, CheckMistake> {
    check.canonical(text, TODAY)
}

#[track_caller]
fn pass(check: Check, texts: &[(&str, &str)]) {
    for (text, form) in texts {
        assert_eq!(canonical(check, text).as_deref(), Ok(*form), "{check:?} {text}");
    }
}

#[track_caller]
fn fail(check: Check, texts: &[&str], mistake: CheckMistake) {
    for text in texts {
        assert_eq!(canonical(check, text), Err(mistake), "{check:?} {text}");
    }
}

fn form(check: Check) -> CheckMistake {
    CheckMistake::Form(check)
}

/// Seventeen digits with their check digit.
fn checked(body: &str) -> String {
    format!("{body}{}", char::from(check_digit(body.as_bytes()).unwrap()))
}

#[test]
fn a_name_names_one_check_here_and_in_files() {
    for check in Check::ALL {
        assert_eq!(Check::named(check.name()), Some(check));
        assert_eq!(serde_json::json!(check), check.name());
        assert_eq!(serde_json::from_value::<Check>(check.name().into()).unwrap(), check);
    }
    assert_eq!(Check::named("number"), None);
}

#[test]
fn the_page_of_scenarios_names_each_check() {
    let page = include_str!("../../../docs/scenarios.md");
    let named = page.lines().find(|line| line.starts_with("Checks: ")).unwrap();
    for check in Check::ALL {
        assert!(named.contains(&format!("`{}`", check.name())), "{check:?}");
    }
}

#[test]
fn a_mistake_says_what_is_wanted_in_both_languages() {
    let said = CheckMistake::Form(Check::Postcode).to_string();
    assert_eq!(said, "应为六位邮政编码 must be a postcode of six digits");
}

#[test]
fn the_published_numbers_pass() {
    let citizens = ["11010519491231002X", "440524188001010014", "440308199901101512"];
    let permits = ["810000199408230021", "830000199201300022"];
    for number in citizens.iter().chain(&permits) {
        // The oldest of the samples was born in 1880: more than 130 years before the demonstration's day.
        let today = if number.contains("1880") { date(2010, 1, 1) } else { TODAY };
        for check in [Check::CitizenNumber, Check::SocialSecurityNumber, Check::CertificateNumber] {
            assert_eq!(check.canonical(number, today).as_deref(), Ok(*number));
        }
    }
    pass(Check::CitizenNumber, &[("11010519491231002x", "11010519491231002X")]);
    pass(Check::CitizenNumber, &[("610104620927690", "610104196209276908")]);
    let codes = ["91350100M000100Y43", "91110000101623741K", "911101066976941872"];
    for code in codes {
        pass(Check::CreditCode, &[(code, code), (&code.to_lowercase(), code)]);
        pass(Check::EmployerCode, &[(code, code)]);
        // The organisation code inside.
        pass(Check::OrganisationCode, &[(&code[8..17], &code[8..17])]);
    }
    pass(Check::CardNumber, &[("D2143569X", "D2143569X"), ("d2143569x", "D2143569X"), ("A10000031", "A10000031")]);
}

#[test]
fn a_citizen_number_has_a_birth_date_that_can_be() {
    let check = Check::CitizenNumber;
    let born = |birth: &str| checked(&format!("440103{birth}002"));
    for birth in ["20150803", "18850803", "20120229"] {
        assert!(canonical(check, &born(birth)).is_ok(), "{birth}");
    }
    for birth in ["20150804", "18850802", "20150229", "20151301"] {
        fail(check, &[&born(birth)], CheckMistake::Birth);
    }
    fail(check, &["610104620927996", "610104620927999", "610104620931690"], CheckMistake::Birth);
    fail(check, &["110105194912310021"], CheckMistake::Digit);
    for text in
        ["", "1101051949123100", "11010519491231002Y", "A1234567", "11010519491231002X\0", "11010519491231002X "]
    {
        fail(check, &[text], form(check));
    }
}

#[test]
fn an_area_that_no_list_has_is_no_mistake() {
    for area in ["440116", "440183", "440184", "999999", "120000"] {
        let number = checked(&format!("{area}19880612002"));
        let check = if area.starts_with('9') { Check::ForeignResidenceCard } else { Check::CitizenNumber };
        assert!(canonical(check, &number).is_ok(), "{number}");
    }
}

#[test]
fn a_foreign_permanent_residents_card_has_two_forms() {
    let check = Check::ForeignResidenceCard;
    let new = checked("91100019900101001");
    pass(check, &[(&new, &new), ("CAN110108750503", "CAN110108750503"), ("can110108750503", "CAN110108750503")]);
    fail(check, &["11010519491231002X", "CA1110108750503", "610104620927690", "91100019900101"], form(check));
    let wrong = format!("{}{}", &new[..17], if new.ends_with('0') { '1' } else { '0' });
    fail(check, &[&wrong], CheckMistake::Digit);
    fail(Check::CitizenNumber, &[&new, "CAN110108750503"], form(Check::CitizenNumber));
}

#[test]
fn people_without_a_citizen_number_have_another() {
    pass(Check::SocialSecurityNumber, &[("A1234567", "A1234567"), ("h12345678", "H12345678")]);
    fail(
        Check::SocialSecurityNumber,
        &["A1234", "A1234567890123456789", "A12-4567"],
        form(Check::SocialSecurityNumber),
    );
}

#[test]
fn a_certificate_is_held_to_what_its_form_says() {
    let check = Check::CertificateNumber;
    pass(
        check,
        &[
            ("E12345678", "E12345678"),
            ("H1234567890", "H1234567890"),
            ("M12345678", "M12345678"),
            ("12345678", "12345678"),
            ("440100123456", "440100123456"),
            ("军字第2001988号", "军字第2001988号"),
            ("A1234567890123456789", "A1234567890123456789"),
        ],
    );
    fail(check, &["440103198806120022"], CheckMistake::Digit);
    fail(
        check,
        &["", "12345", "PASSPORT", "A12345678901234567890", "字第2001988号", "王小雅", "12 345678"],
        form(check),
    );
}

#[test]
fn a_slip_in_a_citizen_number_does_not_pass_as_another_certificate() {
    let slips = [
        // A digit too few, too many, two of them; the check character X of one that is too short or too long.
        "4401031988061200",
        "44010319880612002",
        "4401031988061200211",
        "44010319880612002111",
        "110105194912310X",
        "1101051949123100X",
        "110105194912310002X",
        // O for 0, I and l for 1, in a number of 18 and in one of 15.
        "44O103198806120021",
        "44o103198806120021",
        "44010319880612002I",
        "44010319880612002l",
        "6lO104620927690",
        // Fifteen characters with an X are neither a number of before nor one of today.
        "44010398806120X",
    ];
    fail(Check::CertificateNumber, &slips, form(Check::CitizenNumber));
    pass(
        Check::CertificateNumber,
        &[
            ("440103198806120021", "440103198806120021"),
            ("610104620927690", "610104196209276908"),
            ("CAN110108750503", "CAN110108750503"),
            ("H1234567890", "H1234567890"),
            ("44010012345678", "44010012345678"),
        ],
    );
}

#[test]
fn names_are_letters_of_any_script() {
    let check = Check::PersonName;
    pass(
        check,
        &[
            ("王小雅", "王小雅"),
            ("阿卜杜热合曼·买买提", "阿卜杜热合曼·买买提"),
            ("O'Brien-Smith,  J. (Jo)", "O'Brien-Smith, J. (Jo)"),
            (" 王㐂𠮷 ", "王㐂𠮷"),
            ("王\u{E863}", "王\u{E863}"),
        ],
    );
    fail(check, &["", " ", "-", "王3", "王５", "<b>王</b>", "王\u{200B}小雅", "王\u{7}"], form(check));
}

#[test]
fn telephones_go_by_their_format() {
    let fixed =
        ["83330000", "8333000", "020-83330000", "0757-83330000", "02083330000", "020-83330000-801", "4008100000"];
    let mobile = ["13800138000", "19912345678"];
    for text in fixed.into_iter().chain(mobile).chain(["+85223456789"]) {
        pass(Check::Phone, &[(text, text)]);
    }
    for text in mobile {
        pass(Check::Mobile, &[(text, text), (&format!("+86{text}"), text)]);
    }
    for text in [
        "",
        "12",
        "110",
        "1380013800",
        "138001380000",
        "020-",
        "-83330000",
        "020-1234567",
        "0208333",
        "１３８００１３８０００",
    ] {
        fail(Check::Phone, &[text], form(Check::Phone));
    }
    fail(Check::Mobile, &["83330000", "12345678901", "+8513800138000"], form(Check::Mobile));
}

#[test]
fn codes_of_employers_name_what_is_wrong() {
    fail(Check::CreditCode, &["91350100M000100Y44", "91350100M000200Y43"], CheckMistake::Digit);
    fail(
        Check::CreditCode,
        &["", "91350100M000100Y4", "91350100M000100Y4I", "913501O0M000100Y43", "９1350100M000100"],
        form(Check::CreditCode),
    );
    pass(
        Check::OrganisationCode,
        &[("10162374-1", "101623741"), ("M000100Y4", "M000100Y4"), ("m000100y-4", "M000100Y4")],
    );
    fail(Check::OrganisationCode, &["101623742"], CheckMistake::Digit);
    fail(
        Check::OrganisationCode,
        &["", "10162374", "10162374--1", "1016237411", "1016237广", "广州市某某公司"],
        form(Check::OrganisationCode),
    );
    pass(Check::EmployerCode, &[("10162374-1", "101623741")]);
    fail(Check::EmployerCode, &["", "1016237", "91350100M000100Y4"], form(Check::EmployerCode));
    fail(Check::EmployerCode, &["101623742", "91350100M000100Y44"], CheckMistake::Digit);
}

/// The rest of the sum may be 0, for which the check character is 0.
#[test]
fn a_sum_without_a_rest_is_checked_by_nought() {
    let body = (0..31u8)
        .map(|last| [b"9135010010000000".as_slice(), &[b"0123456789ABCDEFGHJKLMNPQRTUWXY"[last as usize]]].concat());
    let nought: Vec<Vec<u8>> = body.filter(|body| credit_check(body) == Some(b'0')).collect();
    assert_eq!(nought.len(), 1);
    let code = format!("{}0", String::from_utf8(nought[0].clone()).unwrap());
    pass(Check::CreditCode, &[(&code, &code)]);
}

#[test]
fn days_and_months_stand_beside_today() {
    pass(Check::Past, &[("2015-08-03", "2015-08-03"), ("2015-08", "2015-08"), ("1999-12-31", "1999-12-31")]);
    fail(Check::Past, &["2015-08-04", "2015-09"], CheckMistake::Future);
    pass(Check::NotPast, &[("2015-08-03", "2015-08-03"), ("2015-08", "2015-08"), ("2016-01-01", "2016-01-01")]);
    fail(Check::NotPast, &["2015-08-02", "2015-07"], CheckMistake::Past);
    for check in [Check::Past, Check::NotPast] {
        fail(check, &["", "2015-8-3", "2015-02-30", "20150803", "2015-13", "八月"], form(check));
    }
}

#[test]
fn the_rest_goes_by_length_and_digits() {
    pass(Check::Postcode, &[("510000", "510000")]);
    fail(Check::Postcode, &["", "51000", "5100000", "51000a", "５10000"], form(Check::Postcode));
    // One that was abolished, and one that nobody knows.
    pass(Check::Region, &[("440100", "440100"), ("440183", "440183"), ("999999", "999999")]);
    fail(Check::Region, &["", "4401", "44010", "4401001", "44010A", "４40100", "440 00"], form(Check::Region));
    pass(Check::BankAccount, &[("6222 0200 0000 0000 000", "6222020000000000000"), ("12345678", "12345678")]);
    fail(
        Check::BankAccount,
        &["", "1234567", "1234567890123456789012345678901", "6222-0200"],
        form(Check::BankAccount),
    );
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    pass(Check::Sha256, &[(hash, &hash.to_uppercase())]);
    fail(Check::Sha256, &["", &hash[1..], &hash.replace('e', "g")], form(Check::Sha256));
    let numbers = [("s1", "S00000000001"), ("S00000000001", "S00000000001"), ("W20150715001", "W20150715001")];
    pass(Check::SettlementNumber, &numbers);
    fail(Check::CardNumber, &["", "D2143569", "D2143569X0", "D2143569广", "D21435 9X"], form(Check::CardNumber));
    fail(Check::CardNumber, &["D21435690"], CheckMistake::Digit);
}

/// A number of each scheme with a check digit, and the digits of it that may be mistaken for another.
fn schemes() -> impl Strategy<Value = (Check, String)> {
    let citizen =
        ("[1-8][0-9]{5}", 1900i16..2015, 1i8..=12, 1i8..=28, "[0-9]{3}").prop_map(|(area, year, month, day, order)| {
            (Check::CitizenNumber, checked(&format!("{area}{year:04}{month:02}{day:02}{order}")))
        });
    let foreign = "9[0-9]{16}".prop_map(|body| (Check::ForeignResidenceCard, checked(&body)));
    let credit = "[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{9}".prop_map(|body| {
        let check = credit_check(body.as_bytes()).unwrap();
        (Check::CreditCode, format!("{body}{}", char::from(check)))
    });
    let eight = |check: Check| {
        "[0-9]{8}"
            .prop_map(move |body| (check, format!("{body}{}", char::from(check_character(body.as_bytes()).unwrap()))))
    };
    prop_oneof![citizen, foreign, credit, eight(Check::OrganisationCode), eight(Check::CardNumber)]
}

proptest! {
    #[test]
    fn a_check_digit_catches_each_digit_that_is_another((check, number) in schemes()) {
        prop_assert_eq!(canonical(check, &number), Ok(number.clone()));
        for at in 0..number.len() {
            for digit in b'0'..=b'9' {
                let mut other = number.clone().into_bytes();
                other[at] = digit;
                let other = String::from_utf8(other).unwrap();
                prop_assert_eq!(canonical(check, &other).is_ok(), other == number, "{} {}", number, other);
            }
        }
    }

    #[test]
    fn a_check_digit_catches_two_neighbours_in_each_others_place((check, number) in schemes()) {
        // An X behind eight characters counts 10, among them 33: there the scheme does not tell the two apart.
        let letter = number.len() == 9 && number.ends_with('X');
        for at in 1..number.len() - usize::from(letter) {
            let mut other = number.clone().into_bytes();
            other.swap(at - 1, at);
            let other = String::from_utf8(other).unwrap();
            prop_assert_eq!(canonical(check, &other).is_ok(), other == number, "{} {}", number, other);
        }
    }

    #[test]
    fn what_passes_is_canonical((_, number) in schemes(), text in "[0-9A-Za-zX +-]{0,20}", any in "\\PC{0,20}", name in "[王小雅·A-Za-z ,.]{1,12}") {
        for check in Check::ALL {
            for text in [&number, &number.to_lowercase(), &text, &any, &name] {
                if let Ok(form) = canonical(check, text) {
                    prop_assert_eq!(canonical(check, &form), Ok(form.clone()), "{:?} {}", check, text);
                }
            }
        }
    }

    #[test]
    fn fifteen_digits_are_told_as_eighteen(area in "[1-8][0-9]{5}", year in 0u8..=99, month in 1u8..=12, day in 1u8..=28, order in 0u16..996) {
        let (old, new) = (format!("{area}{year:02}{month:02}{day:02}{order:03}"), format!("{area}19{year:02}{month:02}{day:02}{order:03}"));
        prop_assert_eq!(canonical(Check::CitizenNumber, &old), Ok(checked(&new)));
    }

    #[test]
    fn any_text_passes_or_is_refused(text in any::<String>(), year in -9999i16..=9999) {
        for check in Check::ALL {
            let _ = check.canonical(&text, date(year, 1, 1));
        }
    }
}
