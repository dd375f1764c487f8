//! The states of a transaction and the moves between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::{Kind, Protocol};

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = TransactionState)]
pub enum State {
    /// Committed, not yet sent (待上传).
    Pending,
    /// It may have reached the centre; no answer yet (已发送).
    Sending,
    /// Stored on the way; the centre has not answered yet.
    HandedOver,
    /// The centre accepted it (已接收).
    Acked,
    /// The centre refused it (已拒收); for the operator's list.
    Refused,
    /// Online only: sent, and whether the centre settled it is not known (结果未知).
    Unknown,
    /// Online only: a reversal is being asked for until it is answered (冲正中).
    Reversing,
    /// The centre took it back (已冲正).
    Reversed,
    /// It never reached the centre, or the centre never knew it (作废).
    Void,
    /// A cancellation of a settled transaction is under way (撤销中).
    Cancelling,
    /// Cancelled by a transaction of its own (已撤销).
    Cancelled,
    /// A draft that was never confirmed. Nothing that is committed ever becomes this.
    Expired,
}

use State::{
    Acked, Cancelled, Cancelling, Expired, HandedOver, Pending, Refused, Reversed, Reversing, Sending, Unknown, Void,
};

/// Every allowed move, with the protocols that may make it. The database holds the same pairs and refuses any other.
/// A state that may follow itself counts another attempt.
pub const MOVES: &[(State, State, By)] = &[
    (Pending, Sending, By::Either),
    (Sending, Sending, By::StoreAndForward),
    (Sending, HandedOver, By::StoreAndForward),
    (Sending, Acked, By::Either),
    (Sending, Refused, By::Either),
    (Sending, Unknown, By::Online),
    (Sending, Void, By::Online),
    (HandedOver, Sending, By::StoreAndForward),
    (HandedOver, Acked, By::StoreAndForward),
    (HandedOver, Refused, By::StoreAndForward),
    (Unknown, Acked, By::Online),
    (Unknown, Reversing, By::Online),
    (Reversing, Reversing, By::Online),
    (Reversing, Reversed, By::Online),
    (Reversing, Void, By::Online),
    (Acked, Cancelling, By::Either),
    (Cancelling, Cancelling, By::Either),
    (Cancelling, Cancelled, By::Either),
    (Cancelling, Acked, By::Either),
];

/// Which protocol a move belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Both.
    Either,
    /// Only what is sent again until answered.
    StoreAndForward,
    /// Only what is queried and reversed.
    Online,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Pending, Sending, HandedOver, Acked, Refused, Unknown, Reversing, Reversed, Void, Cancelling, Cancelled,
        Expired,
    ];

    /// Its name in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            Sending => "sending",
            HandedOver => "handed-over",
            Acked => "acked",
            Refused => "refused",
            Unknown => "unknown",
            Reversing => "reversing",
            Reversed => "reversed",
            Void => "void",
            Cancelling => "cancelling",
            Cancelled => "cancelled",
            Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether a transaction of this protocol may go from `self` to `to`.
    pub fn may_become(self, to: Self, protocol: Protocol) -> bool {
        MOVES.iter().any(|&(from, next, by)| {
            from == self
                && next == to
                && match by {
                    By::Either => true,
                    By::StoreAndForward => protocol == Protocol::StoreAndForward,
                    By::Online => protocol == Protocol::Online,
                }
        })
    }

    /// Whether the centre is still to be told, or has not answered for the first time.
    pub fn is_on_its_way(self) -> bool {
        matches!(self, Pending | Sending | HandedOver)
    }

    /// Whether the centre accepted it, and it stands in the accounts: what was cancelled since is still in those of its
    /// own day, and its cancellation is in them beside it.
    pub fn was_accepted(self) -> bool {
        matches!(self, Acked | Cancelling | Cancelled)
    }

    /// Whether the centre's answer is still owed, to it or to what cancels it.
    pub fn is_open(self) -> bool {
        matches!(self, Pending | Sending | HandedOver | Unknown | Reversing | Cancelling)
    }

    /// Whether there is anything to do for the delivery: what is being cancelled moves with what cancels it, and by nothing
    /// that is said of itself.
    pub fn is_due(self) -> bool {
        self.is_open() && self != Cancelling
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a transaction goes upstream: a provisional settlement is store and forward, whatever its kind
/// (settlement-facts §3.4).
pub fn protocol(kind: Kind, provisional: bool) -> Protocol {
    if provisional { Protocol::StoreAndForward } else { kind.protocol() }
}
