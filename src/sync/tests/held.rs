//! An online settlement that was in somebody's hand while the delivery looked.

use std::cell::RefCell;

use tokio::time::Instant;

use super::*;
use crate::queue::tests::online;
use crate::queue::{Due, Held, QueueError};
use crate::sync::choose::{Chooser, Chosen, Open, Room};
use crate::sync::note::failed;
use crate::wire::Digest;

/// A journal of which a page is read while a settlement's holder, without an answer of the centre's, goes on and lets it
/// go.
struct Meanwhile<'a> {
    queue: &'a Queue,
    row: &'a Row,
    held: RefCell<Option<Held>>,
}

impl Open for Meanwhile<'_> {
    fn due(&self, after: u64, limit: u32) -> Result<Vec<(Row, Due)>, QueueError> {
        let mut page = self.queue.due(after, limit)?;
        if let Some(held) = self.held.take() {
            for next in [State::Unknown, State::Reversing] {
                self.queue.advance(self.row.id, next, Note::Nothing)?;
            }
            drop(held);
            // This is asked once the rows were read.
            page.iter_mut().for_each(|(_, due)| due.held = false);
        }
        Ok(page)
    }

    fn due_of(&self, holder: Digest, after: u64) -> Result<Option<(Row, Due)>, QueueError> {
        self.queue.due_of(holder, after)
    }
}

#[tokio::test]
async fn one_that_was_let_go_while_it_was_read_is_reversed() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let held = queue.hold("a");
    let row = queue.commit(online("a")).unwrap().row;
    let (mut chooser, mut chosen) = (Chooser::default(), Chosen::default());
    chooser.news();
    let journal = Meanwhile { queue: &queue, row: &row, held: RefCell::new(held) };
    let room = Room { batches: 1, online: 1, again: true };
    chooser.choose(&journal, Instant::now(), room, &mut chosen).unwrap();
    let item = chosen.online.pop().unwrap();
    assert_eq!(item.row.state, State::Sending, "the row from before");
    let reply = Reply {
        infcode: Reply::OK,
        inf_refmsgid: String::new(),
        err_msg: String::new(),
        told_at: None,
        output: Value::Null,
    };
    let uplink = Arc::new(Played { reply: Some(reply), ..Played::default() });
    let way = Arc::new(Way { queue: queue.clone(), uplink });
    let Came::Items(came) = way.resolve(item).await else { panic!("something else came") };
    assert!(matches!(came[0].1, Ok(Back::Done)));
    assert_eq!(queue.get(row.id).unwrap().unwrap().state, State::Reversed);
}

#[tokio::test]
async fn what_somebody_else_moved_is_done_only_where_it_is_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(dir.path());
    let id = queue.commit(online("a")).unwrap().row.id;
    let moved = async |to| {
        queue.advance(id, to, Note::Nothing).unwrap();
        let refused = queue.advance(id, State::Sending, Note::Nothing).unwrap_err();
        failed(&queue, id, refused).await.unwrap()
    };
    for open in [State::Unknown, State::Reversing] {
        assert!(matches!(moved(open).await, Back::Again(None)), "{open}");
    }
    assert!(matches!(moved(State::Reversed).await, Back::Done));
}
