//! What a process did to the files of a folder, read from what strace wrote down of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What is watched: every call by which a file of the journal could change. A call that this file does not know how to
/// read ends the test.
const CALLS: &str = "trace=openat,?creat,?open,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,\
                     ftruncate,?truncate,fallocate,?rename,renameat,renameat2,?unlink,unlinkat,?link,linkat";

/// One thing that happened, in the order in which it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file is there that was not.
    Create(String),
    /// A file's name is gone.
    Remove(String),
    /// Bytes were written at a place.
    Write(String, u64, Vec<u8>),
    /// The file was made so long.
    Truncate(String, u64),
    /// A sync was asked for by a thread; what is written from now on it may miss. The folder's own name is empty.
    SyncBegins(u32, String),
    /// The sync of that thread is over.
    SyncEnds(u32, String),
    /// The process told somebody: a line of the file `answers`.
    Answers(String),
}

/// `command`, watched; what it does is written to `log`.
pub fn watched(command: &Command, log: &Path) -> Command {
    let mut strace = Command::new("strace");
    // Everything as hexadecimal digits, whole, with the paths of descriptors.
    strace.args(["-f", "-xx", "-y", "-s", "1048576", "-e", CALLS, "-e", "signal=none", "-o"]).arg(log);
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.expect("a value"));
    }
    strace
}

/// The events of the files directly in `dir`.
pub fn read(log: &str, dir: &Path) -> Vec<Event> {
    let mut reader = Reader { dir: dir.to_str().expect("a path in UTF-8"), begun: BTreeMap::new(), events: Vec::new() };
    for line in log.lines() {
        reader.line(line);
    }
    reader.events
}

struct Reader<'a> {
    dir: &'a str,
    /// The beginnings of calls during which another thread was heard.
    begun: BTreeMap<u32, &'a str>,
    events: Vec<Event>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        let (thread, rest) = line.split_once(' ').expect("a thread");
        let (thread, rest) = (thread.parse().expect("a thread's number"), rest.trim_start());
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            self.begins(thread, begun);
            self.begun.insert(thread, begun);
        } else if let Some(rest) = rest.strip_prefix("<... ") {
            let begun = self.begun.remove(&thread).expect("what is resumed was begun");
            let (_, end) = rest.split_once(" resumed>").expect("what is resumed");
            self.ends(thread, &format!("{begun}{end}"));
        } else if !rest.starts_with("+++") && !rest.starts_with("---") {
            self.begins(thread, rest);
            self.ends(thread, rest);
        }
    }

    /// What counts from its beginning: a sync takes in what was written before it, and who is told knows at once.
    fn begins(&mut self, thread: u32, call: &str) {
        let (name, rest) = call.split_once('(').expect("a call");
        match (name, self.descriptor(rest)) {
            ("fsync" | "fdatasync", Some(path)) => self.events.push(Event::SyncBegins(thread, path)),
            ("write", Some(path)) if path == "answers" => {
                let text = String::from_utf8(quoted(rest)).expect("an answer in UTF-8");
                self.events.push(Event::Answers(text.trim_end().to_owned()));
            }
            _ => {}
        }
    }

    /// What counts from its end.
    fn ends(&mut self, thread: u32, call: &str) {
        let (name, rest) = call.split_once('(').expect("a call");
        // A call that the process did not live to see the end of.
        let Some((args, result)) = rest.rsplit_once(" = ") else { return };
        let Some(result) = number(result) else { return };
        let args = args.trim_end().strip_suffix(')').expect("the end of a call");
        let by_name = || self.named(&quoted(args));
        let event = match name {
            "openat" | "open" => by_name().filter(|path| !path.is_empty()).and_then(|path| {
                assert!(!args.contains("O_TRUNC") || path == "answers", "{call}");
                args.contains("O_CREAT").then_some(Event::Create(path))
            }),
            "unlink" | "unlinkat" => by_name().map(Event::Remove),
            "fsync" | "fdatasync" => self.descriptor(args).map(|path| Event::SyncEnds(thread, path)),
            "ftruncate" => self.descriptor(args).map(|path| Event::Truncate(path, last(args))),
            "pwrite64" => self.descriptor(args).map(|path| {
                let bytes = quoted(args);
                assert_eq!(bytes.len() as u64, result, "a write that was not whole: {call}");
                Event::Write(path, last(args), bytes)
            }),
            "write" => None.or_else(|| {
                let path = self.descriptor(args)?;
                assert_eq!(path, "answers", "a write without a place: {call}");
                None
            }),
            _ => {
                let touched = self.descriptor(args).or_else(by_name);
                assert!(touched.is_none(), "a call that nobody knows how to read: {call}");
                None
            }
        };
        self.events.extend(event);
    }

    /// The file of the first argument, a descriptor with its path.
    fn descriptor(&self, args: &str) -> Option<String> {
        let (number, rest) = args.split_once('<')?;
        number.parse::<u32>().ok()?;
        self.named(&unhex(rest.split('>').next()?))
    }

    /// A file of the folder by its path; the folder itself is the empty name.
    fn named(&self, path: &[u8]) -> Option<String> {
        let inside = std::str::from_utf8(path).ok()?.strip_prefix(self.dir)?;
        let name = inside.trim_start_matches('/');
        // What the wal-index holds is made anew from the log; the lock holds nothing.
        let kept = !name.contains('/') && !name.ends_with("-shm") && !name.ends_with(".lock");
        kept.then(|| name.to_owned())
    }
}

/// The first text of the arguments.
fn quoted(args: &str) -> Vec<u8> {
    unhex(args.split('"').nth(1).unwrap_or_default())
}

/// `\x2f\x74` as bytes.
fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.replace("\\x", "")).unwrap_or_default()
}

/// The last argument.
fn last(args: &str) -> u64 {
    args.rsplit(", ").next().and_then(number).expect("a number at the end")
}

/// The number at the beginning; `None` when there is none, or it is an error's.
fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[test]
fn calls_of_several_threads_are_put_together() {
    let hex = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (db, wal, answers) = (hex("/d/queue.db"), hex("/d/queue.db-wal"), hex("/d/answers"));
    let log = format!(
        "7 openat(AT_FDCWD<{cwd}>, \"{db}\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3<{db}>\n\
         7 openat(AT_FDCWD<{cwd}>, \"{db}\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
         7 pwrite64(3<{db}>, \"\\x01\\x02\", 2, 4096) = 2\n\
         7 fdatasync(3<{db}> <unfinished ...>\n\
         8 write(4<{answers}>, \"{said}\", 5) = 5\n\
         8 ftruncate(5<{wal}>, 0 <unfinished ...>\n\
         7 <... fdatasync resumed>) = 0\n\
         8 <... ftruncate resumed>) = 0\n\
         7 unlink(\"{wal}\") = 0\n\
         7 fsync(6<{dir}>) = 0\n\
         7 pwrite64(9<{elsewhere}>, \"\\x01\", 1, 0) = 1\n\
         7 +++ exited with 0 +++\n",
        cwd = hex("/d"),
        said = hex("c a\r\n"),
        dir = hex("/d"),
        elsewhere = hex("/d/queue.db-shm"),
    );
    let wanted = [
        Event::Create("queue.db".into()),
        Event::Write("queue.db".into(), 4096, vec![1, 2]),
        Event::SyncBegins(7, "queue.db".into()),
        Event::Answers("c a".into()),
        Event::SyncEnds(7, "queue.db".into()),
        Event::Truncate("queue.db-wal".into(), 0),
        Event::Remove("queue.db-wal".into()),
        Event::SyncBegins(7, String::new()),
        Event::SyncEnds(7, String::new()),
    ];
    assert_eq!(read(&log, Path::new("/d")), wanted);
}
