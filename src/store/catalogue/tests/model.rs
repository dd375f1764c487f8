//! What is looked up is what a simple model says, and any text is read or refused.

use proptest::prelude::*;

use super::*;

/// Where a new row begins, by day of the year, and what it says.
type Cuts<T> = Vec<(u16, T)>;

/// Days of 2015, as a model keeps them: a class, a share and a highest price for each.
#[derive(Debug, Clone)]
struct Modelled {
    classes: Cuts<u8>,
    shares: Cuts<u16>,
    /// By insurance; those for all kinds stand alone.
    prices: Vec<(Option<&'static str>, Cuts<Option<u32>>)>,
}

fn cuts<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Cuts<T>> {
    prop::collection::btree_map(2_u16..=365, value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn modelled() -> impl Strategy<Value = Modelled> {
    let all = (cuts(prop::option::of(0_u32..1000)), prop::option::of(0_u32..1000));
    let whole = |(mut rest, first): (Cuts<Option<u32>>, Option<u32>)| {
        rest.insert(0, (1, first));
        rest
    };
    let one = all.prop_map(whole);
    let classes = (cuts(1_u8..=3), 1_u8..=3).prop_map(|(mut rest, first)| {
        rest.insert(0, (1, first));
        rest
    });
    let shares = (cuts(0_u16..=10_000), prop::option::of(0_u16..=10_000)).prop_map(|(mut rest, first)| match first {
        Some(first) => {
            rest.insert(0, (1, first));
            rest
        }
        None => Vec::new(),
    });
    (classes, shares, prop::collection::vec(one, 2), any::<bool>(), any::<bool>()).prop_map(
        |(classes, shares, mut prices, apart, some)| {
            let other = prices.remove(1);
            let prices = match (apart, some) {
                (true, _) => vec![(Some("310"), prices.remove(0)), (Some("390"), other)],
                (false, true) => vec![(None, other)],
                (false, false) => Vec::new(),
            };
            Modelled { classes, shares, prices }
        },
    )
}

/// The rows that say this, each from its day to the day before the next.
fn rows<T>(cuts: &[(u16, T)], row: impl Fn(&str, &str, &T) -> String) -> Vec<String> {
    let day = |nth: u16| date(2015, 1, 1).checked_add(jiff::Span::new().days(nth - 1)).unwrap();
    let each = cuts.iter().enumerate().map(|(at, (from, value))| {
        let end = cuts.get(at + 1).map_or(date(2015, 12, 31), |(next, _)| day(next - 1));
        row(&day(*from).to_string(), &end.to_string(), value)
    });
    each.collect()
}

/// What holds on a day.
fn at<T: Clone>(cuts: &[(u16, T)], day: u16) -> Option<T> {
    cuts.iter().rev().find(|(from, _)| *from <= day).map(|(_, value)| value.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_looked_up_is_what_a_model_says(goods in prop::collection::vec(modelled(), 1..5), days in prop::collection::vec(1_u16..=365, 8)) {
        let place = Place::new();
        let (mut items, mut prices, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, good) in goods.iter().enumerate() {
            items.extend(rows(&good.classes, |from, to, class| format!("item,C{nth},药,101,0{class},0,{from},{to}")));
            for (insutype, most) in &good.prices {
                let insutype = insutype.unwrap_or_default();
                prices.extend(rows(most, |from, to, most| {
                    let most = most.map_or(String::new(), |most| Price(i64::from(most)).to_string());
                    format!("price,C{nth},{insutype},{from},{to},{most}")
                }));
            }
            shares.extend(rows(&good.shares, |from, to, share| {
                format!("rate,C{nth},,{from},{to},{}", Price(i64::from(*share)))
            }));
        }
        let all: Vec<String> = items.into_iter().chain(prices).chain(shares).collect();
        place.take(&text(1, &all.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        let catalogue = place.open();
        for (nth, good) in goods.iter().enumerate() {
            for day in &days {
                for insutype in ["310", "390", "340"] {
                    let on = date(2015, 1, 1).checked_add(jiff::Span::new().days(*day - 1)).unwrap();
                    let class = at(&good.classes, *day).unwrap();
                    let unstated = if class == 1 { "0%" } else { "-" };
                    let share = at(&good.shares, *day).map_or(unstated.to_owned(), |share| Rate(i64::from(share) * 100).to_string());
                    let most = good.prices.iter().find(|(of, _)| of.is_none_or(|of| of == insutype));
                    let most = most.and_then(|(_, most)| at(most, *day).flatten());
                    let most = most.map_or("-".to_owned(), |most| Price(i64::from(most)).to_string());
                    let found = told(&catalogue, &format!("C{nth}"), on, insutype);
                    prop_assert_eq!(found, Some(format!("0{class} {share} {most}")));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_by_its_place(at in 0_usize..400, byte: u8, other in 0_usize..400, quoted: bool) {
        let rows = ["item,A1,\"床,位\"\"费\",201,01,0,2015-01-01,", "price,A1,310,2015-01-01,,5", "rate,A1,,2015-01-01,,0.5"];
        let mut bytes = text(1, &rows).into_bytes();
        let (at, other) = (at % bytes.len(), other % bytes.len());
        bytes[at] = byte;
        bytes[other] = if quoted { b'"' } else { b',' };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo.csv");
        fs::write(&path, &bytes).unwrap();
        let mut list = ListFile { name: "demo.csv".to_owned(), file: File::open(&path).unwrap(), signature: None };
        match Catalogue::check(&mut list) {
            Ok(checked) => prop_assert_eq!(checked.sha256, sha256(&bytes)),
            Err(error) => {
                prop_assert!(!error.diagnostics().is_empty(), "{}", error);
                for found in error.diagnostics() {
                    prop_assert!((1..=12).contains(&found.line) && found.column > 0, "{}", found);
                }
            }
        }
    }
}
