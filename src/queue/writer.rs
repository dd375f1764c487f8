//! The one thread that writes. It takes what waits, carries it out in one SQLite transaction, and answers after the
//! commit is on the disk: callers that come together share one sync.

use std::cell::OnceCell;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::anchoring::Anchoring;
use super::checkpoint::Checkpoints;
use super::entry::one_row;
use super::erase::{self, Place, Step};
use super::faults::{Faults, Point};
use super::files::Files;
use super::journal::{Context, Prepared};
use super::{Committed, Note, QueueError, Row, State};
use crate::wire::ChainHead;

/// The largest commit group.
const GROUP: usize = 512;

/// Called once, from the writer's thread, when it is known how the job ended.
pub(super) type Reply<T> = Box<dyn FnOnce(Result<T, QueueError>) + Send>;

pub(super) enum Job {
    Commit(Box<Prepared>, Reply<Committed>),
    Advance(Uuid, State, Note, Reply<Row>),
    /// Erases what is old among the records after one.
    Erase(Timestamp, Place, Reply<Step>),
    /// Keeps a moment of the centre's, in milliseconds.
    Told(i64, Reply<()>),
    /// Clears the log, outside any transaction.
    Clear(Reply<bool>),
    /// Writes the anchor, whatever is in it.
    Anchor(Reply<()>),
    /// Answers when everything before it is on the disk, and tells whether writing works.
    Barrier(Reply<()>),
    Close(Reply<()>),
}

pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) files: Arc<Files>,
    pub(super) context: Arc<Context>,
    pub(super) anchoring: Anchoring,
    pub(super) checkpoints: Checkpoints,
    pub(super) head: ChainHead,
    pub(super) changes: broadcast::Sender<Row>,
    pub(super) faults: Faults,
}

/// What a job will answer once its group is committed.
enum Done {
    /// With another row that moved by it.
    Committed(Committed, Option<Row>, Reply<Committed>),
    Moved(Row, Option<Row>, Reply<Row>),
    Nothing(Reply<()>),
    /// Whoever asked is told that it is durable, or why it is not.
    Then(Box<dyn FnOnce(Result<(), QueueError>) + Send>),
    Failed(QueueError, Box<dyn FnOnce(QueueError) + Send>),
}

impl Writer {
    pub(super) fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = jobs.try_recv()
            {
                group.push(next);
            }
            let (mut close, mut clear, mut anchor) = (None, Vec::new(), Vec::new());
            group = group
                .into_iter()
                .filter_map(|job| match job {
                    Job::Close(reply) => {
                        close = Some(reply);
                        None
                    }
                    Job::Clear(reply) => {
                        clear.push(reply);
                        None
                    }
                    Job::Anchor(reply) => {
                        anchor.push(reply);
                        None
                    }
                    job => Some(job),
                })
                .collect();
            if !group.is_empty() {
                self.group(group);
            }
            for reply in clear {
                reply(self.files.are_there().and_then(|()| erase::clear(&self.db)));
            }
            for reply in anchor {
                self.anchoring.write(self.head);
                reply(self.anchoring.settled());
            }
            if let Some(reply) = close {
                // Whoever is told may do with the files what they like.
                let Self { db, anchoring, checkpoints, .. } = self;
                drop((checkpoints, anchoring));
                drop(db.close());
                return reply(Ok(()));
            }
        }
    }

    fn group(&mut self, jobs: Vec<Job>) {
        let before = self.head;
        let count = jobs.len();
        let mut done = Vec::with_capacity(jobs.len());
        match self.transaction(jobs, &mut done) {
            Ok(()) => {
                let (asking, done): (Vec<_>, Vec<_>) = done.into_iter().partition(Done::asks);
                // What is durable is told of before the anchor is written, and whatever becomes of that.
                for end in done {
                    end.succeed(&self.changes);
                }
                self.checkpoints.count(count);
                if self.head != before || self.anchoring.has_failed() {
                    self.anchoring.write(self.head);
                }
                for end in asking {
                    match self.anchoring.settled().and_then(|()| self.room()) {
                        Ok(()) => end.succeed(&self.changes),
                        Err(error) => end.fail(error),
                    }
                }
            }
            Err(error) => {
                self.recover(before);
                if matches!(error, QueueError::Replaced(_)) {
                    self.keep_log();
                }
                for end in done {
                    self.tell(&end);
                    end.fail(error.clone());
                }
            }
        }
    }

    /// Carries jobs out in one transaction. A job that the journal refuses changes nothing and does not disturb the
    /// others; one that the storage refuses, or that finds the file damaged, ends the group.
    fn transaction(&mut self, jobs: Vec<Job>, done: &mut Vec<Done>) -> Result<(), QueueError> {
        let mut jobs = jobs.into_iter();
        let result = self.carry_out(&mut jobs, done);
        // Those that were not reached fail with the group.
        done.extend(jobs.map(|job| Done::unreached(job, result.clone().err().unwrap_or(QueueError::Closed))));
        result
    }

    fn carry_out(&mut self, jobs: &mut impl Iterator<Item = Job>, done: &mut Vec<Done>) -> Result<(), QueueError> {
        let begun = self.faults.at(Point::Begin).and_then(|()| Ok(self.db.execute_batch("BEGIN IMMEDIATE")?));
        begun?;
        let mut head = self.head;
        // Asked by the first record that is new: what else is in the group waits for no anchor, and ends what has begun.
        let may_grow = OnceCell::new();
        let may_grow = || may_grow.get_or_init(|| self.anchoring.may_grow()).clone();
        for job in jobs {
            let fatal = self.job(job, &mut head, &may_grow, done);
            fatal?;
        }
        if head != self.head {
            self.faults.at(Point::Sign)?;
            self.context.sign(&self.db, &head)?;
            // One that hangs keeps nobody waiting for ever, and nothing from being rolled back.
            self.anchoring.may_commit()?;
        }
        self.faults.at(Point::Commit)?;
        // Nothing is committed where nobody will find it,
        self.files.are_there()?;
        self.db.execute_batch("COMMIT")?;
        self.faults.at(Point::Committed)?;
        // and nothing is answered as durable that was: once it is on the disk the file is still the one at the path.
        self.files.are_there()?;
        self.head = head;
        Ok(())
    }

    fn job(
        &self,
        job: Job,
        head: &mut ChainHead,
        may_grow: &dyn Fn() -> Result<(), QueueError>,
        done: &mut Vec<Done>,
    ) -> Result<(), QueueError> {
        let (end, fatal) = match job {
            Job::Commit(draft, reply) => {
                let insert = |()| self.context.insert(&self.db, head, &draft, may_grow);
                let result = self.faults.at(Point::Insert).and_then(insert);
                end(result, reply, |(committed, with), reply| Done::Committed(committed, with, reply))
            }
            Job::Advance(id, to, note, reply) => {
                let result =
                    self.faults.at(Point::Advance).and_then(|()| self.context.advance(&self.db, id, to, &note));
                end(result, reply, |(row, with), reply| Done::Moved(row, with, reply))
            }
            Job::Erase(before, after, reply) => {
                let result = self.faults.at(Point::Advance).and_then(|()| self.context.erase(&self.db, before, after));
                end(result, reply, |step, reply| Done::Then(Box::new(move |end| reply(end.map(|()| step)))))
            }
            Job::Told(at, reply) => {
                let result = self.faults.at(Point::Advance).and_then(|()| self.context.told(&self.db, at));
                end(result, reply, |(), reply| Done::Then(reply))
            }
            // Nothing to carry out in a transaction: these were taken out of the group.
            Job::Anchor(reply) => end(Ok(()), reply, |(), reply| Done::Nothing(reply)),
            Job::Clear(reply) => end(Ok(false), reply, |_, reply| Done::Then(Box::new(move |_| reply(Ok(false))))),
            Job::Barrier(reply) | Job::Close(reply) => end(self.touch(), reply, |(), reply| Done::Nothing(reply)),
        };
        done.push(end);
        fatal.map_or(Ok(()), Err)
    }

    /// Writes something that means nothing. SQLite writes no page on which nothing changes.
    fn touch(&self) -> Result<(), QueueError> {
        let sql = "INSERT INTO meta VALUES ('touched', x'00') \
                   ON CONFLICT DO UPDATE SET value = iif(value = x'00', x'01', x'00')";
        // Of no record, but of the file.
        one_row(self.db.prepare_cached(sql)?.execute([])?, 0)
    }

    /// Whether there is room for more than was written: for whoever asks. What still fits is committed all the same.
    fn room(&self) -> Result<(), QueueError> {
        self.faults.at(Point::Room)?;
        super::open::room(self.db.path())
    }

    /// After a failure the database alone knows what was committed.
    fn recover(&mut self, before: ChainHead) {
        if !self.db.is_autocommit() {
            drop(self.db.execute_batch("ROLLBACK"));
        }
        self.head = super::open::head(&self.db).unwrap_or(before);
        if self.head != before {
            // One that hangs is given the newer head all the same.
            drop(self.anchoring.until_taken());
            self.anchoring.write(self.head);
        }
    }

    /// A log that somebody deleted ends with the process: what is in it goes into the database, which may be there still.
    fn keep_log(&self) {
        if let Err(error) = self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::error!(%error, "the log of the journal was not written back");
        }
    }

    /// A group that failed may have been committed all the same: who watches is shown what stands now.
    fn tell(&self, end: &Done) {
        let (Done::Committed(Committed { row, .. }, with, _) | Done::Moved(row, with, _)) = end else { return };
        for row in [Some(row), with.as_ref()].into_iter().flatten() {
            if let Ok(Some(entry)) = self.context.find(&self.db, "id", row.id.as_bytes()) {
                // No receiver is no fault: nobody watches.
                drop(self.changes.send(entry.row));
            }
        }
    }
}

fn end<T, R>(
    result: Result<T, QueueError>,
    reply: Reply<R>,
    done: impl FnOnce(T, Reply<R>) -> Done,
) -> (Done, Option<QueueError>)
where
    R: 'static,
{
    match result {
        Ok(value) => (done(value, reply), None),
        Err(error) => {
            let fatal = is_fatal(&error).then(|| error.clone());
            (Done::Failed(error, Box::new(move |error| reply(Err(error)))), fatal)
        }
    }
}

/// What ends its group: a statement that the storage refused, or that found the file damaged, may be half done. A record
/// for which the anchor is too far behind was not begun.
fn is_fatal(error: &QueueError) -> bool {
    error.is_storage() && !matches!(error, QueueError::Anchor(_))
        || matches!(error, QueueError::Damaged { record: 0, .. })
}

impl Done {
    /// Whether somebody only asks if writing works.
    fn asks(&self) -> bool {
        matches!(self, Self::Nothing(_))
    }

    fn unreached(job: Job, error: QueueError) -> Self {
        match job {
            Job::Commit(_, reply) => Self::Failed(error, Box::new(move |error| reply(Err(error)))),
            Job::Advance(_, _, _, reply) => Self::Failed(error, Box::new(move |error| reply(Err(error)))),
            Job::Erase(_, _, reply) => Self::Failed(error, Box::new(move |error| reply(Err(error)))),
            Job::Told(_, reply) => Self::Failed(error, Box::new(move |error| reply(Err(error)))),
            Job::Clear(reply) => Self::Failed(error, Box::new(move |error| reply(Err(error)))),
            Job::Barrier(reply) | Job::Close(reply) | Job::Anchor(reply) => {
                Self::Failed(error, Box::new(move |error| reply(Err(error))))
            }
        }
    }

    fn succeed(self, changes: &broadcast::Sender<Row>) {
        // No receiver is no fault: nobody watches.
        match self {
            Self::Committed(committed, with, reply) => {
                if !committed.duplicate {
                    drop(changes.send(committed.row.clone()));
                }
                with.into_iter().for_each(|row| drop(changes.send(row)));
                reply(Ok(committed));
            }
            Self::Moved(row, with, reply) => {
                drop(changes.send(row.clone()));
                with.into_iter().for_each(|row| drop(changes.send(row)));
                reply(Ok(row));
            }
            Self::Nothing(reply) => reply(Ok(())),
            Self::Then(reply) => reply(Ok(())),
            Self::Failed(error, reply) => reply(error),
        }
    }

    /// The group failed; a job that was refused for its own reason keeps that reason.
    fn fail(self, error: QueueError) {
        match self {
            Self::Committed(_, _, reply) => reply(Err(error)),
            Self::Moved(_, _, reply) => reply(Err(error)),
            Self::Nothing(reply) => reply(Err(error)),
            Self::Then(reply) => reply(Err(error)),
            Self::Failed(own, reply) => reply(own),
        }
    }
}

/// How long a statement waits for a lock that a reader or a backup holds.
pub(super) const BUSY: Duration = Duration::from_secs(5);
