//! The packs that ship with the product, as they stand in the tree.

use super::sign::Source;

/// Name and text of each pack named.
macro_rules! texts {
    ($($file:literal)*) => { &[$(($file, include_str!(concat!("../../config/policy/", $file)))),*] };
}

/// Name and text of each pack that ships with the product.
const BUILTIN: &[(&str, &str)] = texts! {
    "guangzhou-2015/benefit-record.toml"
    "guangzhou-2015/contribution-certificate.toml"
    "guangzhou-2015/critical-illness.toml"
    "guangzhou-2015/employee-chronic.toml"
    "guangzhou-2015/employee-outpatient.toml"
    "guangzhou-2015/employment-assistance.toml"
    "guangzhou-2015/employment-certificate.toml"
    "guangzhou-2015/employment-collection.toml"
    "guangzhou-2015/employment-query.toml"
    "guangzhou-2015/employment-registration.toml"
    "guangzhou-2015/employment-service.toml"
    "guangzhou-2015/employment-support.toml"
    "guangzhou-2015/enrolment-query.toml"
    "guangzhou-2015/exam-payment.toml"
    "guangzhou-2015/fund-report.toml"
    "guangzhou-2015/fund-reward.toml"
    "guangzhou-2015/graduate-registration.toml"
    "guangzhou-2015/insurance-transfer.toml"
    "guangzhou-2015/job-fair.toml"
    "guangzhou-2015/job-seeking.toml"
    "guangzhou-2015/labour-case-query.toml"
    "guangzhou-2015/labour-complaint.toml"
    "guangzhou-2015/labour-report.toml"
    "guangzhou-2015/maternity-admission.toml"
    "guangzhou-2015/maternity-collection.toml"
    "guangzhou-2015/maternity-confirmation.toml"
    "guangzhou-2015/maternity-records.toml"
    "guangzhou-2015/maternity.toml"
    "guangzhou-2015/medical-admission.toml"
    "guangzhou-2015/medical-assistance.toml"
    "guangzhou-2015/medical-designated-change.toml"
    "guangzhou-2015/medical-outpatient-pooling.toml"
    "guangzhou-2015/medical-query.toml"
    "guangzhou-2015/medical-registration.toml"
    "guangzhou-2015/medical-reimbursement-collection.toml"
    "guangzhou-2015/medical-reimbursement.toml"
    "guangzhou-2015/medical-remote-care.toml"
    "guangzhou-2015/medical-settlement.toml"
    "guangzhou-2015/medical-special-treatment.toml"
    "guangzhou-2015/medical-visit.toml"
    "guangzhou-2015/one-stop-employee.toml"
    "guangzhou-2015/one-stop-resident.toml"
    "guangzhou-2015/out-of-pocket.toml"
    "guangzhou-2015/pension-application.toml"
    "guangzhou-2015/pension-certification.toml"
    "guangzhou-2015/pension-collection.toml"
    "guangzhou-2015/pension-query.toml"
    "guangzhou-2015/personnel-agency-payment.toml"
    "guangzhou-2015/personnel-agency.toml"
    "guangzhou-2015/personnel-query.toml"
    "guangzhou-2015/pharmacy.toml"
    "guangzhou-2015/resident-chronic.toml"
    "guangzhou-2015/resident-contribution.toml"
    "guangzhou-2015/resident-inpatient.toml"
    "guangzhou-2015/resident-medical-contribution.toml"
    "guangzhou-2015/resident-outpatient.toml"
    "guangzhou-2015/retiree-mutual-aid.toml"
    "guangzhou-2015/retiree-query.toml"
    "guangzhou-2015/retiree-registration.toml"
    "guangzhou-2015/retirement-review.toml"
    "guangzhou-2015/skill-appraisal.toml"
    "guangzhou-2015/training-subsidy.toml"
    "guangzhou-2015/unemployment-application.toml"
    "guangzhou-2015/unemployment-collection.toml"
    "guangzhou-2015/unemployment-extras.toml"
    "guangzhou-2015/unemployment-query.toml"
    "guangzhou-2015/unemployment-registration.toml"
    "guangzhou-2015/unemployment-sign-in.toml"
    "guangzhou-2015/work-injury-admission.toml"
    "guangzhou-2015/work-injury-application.toml"
    "guangzhou-2015/work-injury-appraisal.toml"
    "guangzhou-2015/work-injury-benefits.toml"
    "guangzhou-2015/work-injury-records.toml"
    "guangzhou-2015/work-injury-rehabilitation.toml"
    "guangzhou-2015/work-injury.toml"
};

/// The packs that ship, as they stand.
pub(super) fn builtin() -> Vec<Source> {
    let source =
        |(file, text): &(&str, &str)| Source { file: (*file).to_owned(), text: (*text).to_owned(), signature: None };
    BUILTIN.iter().map(source).collect()
}
