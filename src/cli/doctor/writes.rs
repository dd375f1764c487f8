//! What was begun on cards and not seen to end.

use super::finding::Finding;
use crate::cli::direct::{own_store, store_of};
use crate::config::Config;
use crate::failure::{Explain as _, Failure};
use crate::store::{OpenCount, errors};

/// Nothing where there is none, or the store is not this user's to read.
pub(super) fn open(config: &Config) -> Option<Finding> {
    let file = store_of(config);
    if !file.exists() {
        return None;
    }
    let count = own_store(&file).ok()?.count_writes();
    count.map_or_else(|error| Some(Finding::of_failure("cards", &error.failure())), told)
}

fn told(OpenCount { open, lost }: OpenCount) -> Option<Finding> {
    if lost > 0 {
        return Some(Finding::of_failure("cards", &Failure::with(&errors::LOST_WRITES, lost.to_string())));
    }
    let zh = format!("{open} 项写卡或卡上交易未见结果");
    let en = format!("{open} writes or transactions on cards were not seen to end");
    let remedy = (
        "请该卡再次插入时执行 sbkd card mend 或 sbkd card account settle",
        "when the card is put in again, run sbkd card mend or sbkd card account settle",
    );
    (open > 0).then(|| Finding::warning("cards", (&zh, &en), remedy))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn what_is_open_is_told_of_and_what_nobody_finds_any_more_is_a_failure() {
        assert_eq!(told(OpenCount { open: 0, lost: 0 }), None);
        let open = told(OpenCount { open: 2, lost: 0 }).unwrap();
        assert!(open.status == Status::Warning && open.text().contains("2 writes"));
        let lost = told(OpenCount { open: 2, lost: 1 }).unwrap();
        assert!(lost.status == Status::Failed && lost.text().contains("not known any more (1)"), "{}", lost.text());
    }
}
