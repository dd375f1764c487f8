//! The states of a case and the moves between them.

use super::view::CaseState::{
    self, Cancelled, Committing, Deciding, Done, Failed, Proving, ProvisionalDone, Reading, Referred, Refused,
    WaitingCard, WaitingConfirmation, WaitingInput,
};

/// Every allowed move. Nothing leaves a final state; nothing but `Committing` leads to a commit, and it cannot be
/// cancelled.
pub(super) const MOVES: &[(CaseState, CaseState)] = &[
    (WaitingCard, Reading),
    (WaitingCard, Refused),
    (WaitingCard, Cancelled),
    (WaitingCard, Failed),
    (Reading, WaitingInput),
    (Reading, Deciding),
    (Reading, Refused),
    (Reading, Cancelled),
    (Reading, Failed),
    (WaitingInput, Deciding),
    (WaitingInput, Cancelled),
    (WaitingInput, Failed),
    (Deciding, WaitingInput),
    (Deciding, WaitingConfirmation),
    (Deciding, Referred),
    (Deciding, Refused),
    (Deciding, Cancelled),
    (Deciding, Failed),
    (WaitingConfirmation, Committing),
    (WaitingConfirmation, Proving),
    (WaitingConfirmation, Cancelled),
    (WaitingConfirmation, Failed),
    (Proving, WaitingConfirmation),
    (Proving, Committing),
    (Proving, Referred),
    (Proving, Refused),
    (Proving, Cancelled),
    (Proving, Failed),
    (Committing, Done),
    (Committing, ProvisionalDone),
    (Committing, Refused),
    (Committing, Failed),
];

impl CaseState {
    /// Whether a case may go from `self` to `to`.
    pub(super) fn may_become(self, to: Self) -> bool {
        MOVES.contains(&(self, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [CaseState; 13] = [
        WaitingCard,
        Reading,
        WaitingInput,
        Deciding,
        WaitingConfirmation,
        Proving,
        Committing,
        Done,
        ProvisionalDone,
        Referred,
        Refused,
        Cancelled,
        Failed,
    ];

    #[test]
    fn a_case_commits_only_after_someone_agreed_and_ends_for_good() {
        for state in ALL {
            let next: Vec<CaseState> = ALL.into_iter().filter(|to| state.may_become(*to)).collect();
            assert_eq!(state.is_final(), next.is_empty(), "{state:?}");
            assert_eq!(state == Committing, next.contains(&Done), "{state:?}");
            assert_eq!(state == Committing, next.contains(&ProvisionalDone), "{state:?}");
            assert_eq!(matches!(state, WaitingConfirmation | Proving), next.contains(&Committing), "{state:?}");
            // Until it is being committed it can be given up.
            assert_eq!(!state.is_final() && state != Committing, next.contains(&Cancelled), "{state:?}");
        }
    }
}
