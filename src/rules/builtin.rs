//! The packs that ship with the product, as they stand in the tree.

use super::sign::Source;

/// Name and text of each pack named.
macro_rules! texts {
    ($($file:literal)*) => { &[$(($file, include_str!(concat!("../../config/policy/", $file)))),*] };
}

/// Name and text of each pack that ships with the product.
const BUILTIN: &[(&str, &str)] = texts! {
    "guangzhou-2015/critical-illness.toml"
    "guangzhou-2015/employee-chronic.toml"
    "guangzhou-2015/employee-outpatient.toml"
    "guangzhou-2015/maternity.toml"
    "guangzhou-2015/medical-assistance.toml"
    "guangzhou-2015/medical-settlement.toml"
    "guangzhou-2015/one-stop-employee.toml"
    "guangzhou-2015/one-stop-resident.toml"
    "guangzhou-2015/out-of-pocket.toml"
    "guangzhou-2015/pension-certification.toml"
    "guangzhou-2015/pharmacy.toml"
    "guangzhou-2015/resident-chronic.toml"
    "guangzhou-2015/resident-contribution.toml"
    "guangzhou-2015/resident-inpatient.toml"
    "guangzhou-2015/resident-medical-contribution.toml"
    "guangzhou-2015/resident-outpatient.toml"
    "guangzhou-2015/unemployment-application.toml"
    "guangzhou-2015/unemployment-collection.toml"
    "guangzhou-2015/unemployment-extras.toml"
    "guangzhou-2015/unemployment-sign-in.toml"
    "guangzhou-2015/work-injury.toml"
    "guangzhou-2015/work-injury-benefits.toml"
};

/// The packs that ship, as they stand.
pub(super) fn builtin() -> Vec<Source> {
    let source =
        |(file, text): &(&str, &str)| Source { file: (*file).to_owned(), text: (*text).to_owned(), signature: None };
    BUILTIN.iter().map(source).collect()
}
