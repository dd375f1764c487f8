//! From TOML to a profile.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::access::{byte, role};
use super::{
    Access, ByGeneration, Directory, File, Form, Grade, Item, Key, PinOf, Profile, Repeats, Revision, Sam, Structure,
    Writing,
};
use crate::cipher::Formulas;
use crate::failure::{Diagnostic, place};

/// The file names, as mistakes show them, and the texts that the program carries.
const KEYS: (&str, &str) = ("config/card/keys.toml", include_str!("../../config/card/keys.toml"));
const FILES: (&str, &str) = ("config/card/files.toml", include_str!("../../config/card/files.toml"));
const ACCOUNT: (&str, &str) = ("config/card/account.toml", include_str!("../../config/card/account.toml"));
/// The names of the three.
const NAMES: [&str; 3] = ["keys.toml", "files.toml", "account.toml"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    key: Vec<Spanned<KeyTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    role: String,
    name: Option<String>,
    directory: String,
    reference: Option<String>,
    usage: Option<String>,
    id: Option<String>,
    grade: Grade,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilesFile {
    writing: Writing,
    directory: Vec<Spanned<DirectoryTable>>,
    file: Vec<Spanned<FileTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectoryTable {
    name: String,
    label: String,
    fid: String,
    aid: Option<String>,
    messaging: Option<String>,
    #[serde(default)]
    pin: PinOf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTable {
    name: String,
    label: String,
    #[serde(default)]
    structure: StructureName,
    size: Option<u16>,
    records: Option<u8>,
    length: Option<u8>,
    read: AccessTable,
    write: AccessTable,
    writing: Option<Writing>,
    #[serde(default)]
    items: Vec<ItemTable>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StructureName {
    #[default]
    Linear,
    Fixed,
    Cyclic,
    Transparent,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AccessTable {
    Always(String),
    From(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemTable {
    tag: Option<String>,
    form: Option<Form>,
    length: u8,
    name: Option<String>,
    count: Option<u8>,
    #[serde(default)]
    parts: Vec<ItemTable>,
    since: Option<u8>,
    #[serde(default)]
    remade: bool,
    follows: Option<String>,
}

impl Profile {
    /// The profile that the program carries.
    ///
    /// # Panics
    /// Never: a test loads it.
    pub fn builtin() -> Self {
        // Invariant: both are part of this program, and a test loads them.
        Self::load([None; 3]).unwrap_or_else(|mistakes| unreachable!("the built-in profile has mistakes: {mistakes:?}"))
    }

    /// The built-in profile with these files, each a name to show in mistakes and a text, in place of the one of its
    /// name: `keys.toml`, `files.toml`, `account.toml`.
    ///
    /// # Errors
    /// Every mistake of the files; a file of another name would be read and never used.
    pub fn over_builtin(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let named = |name: &str| {
            let own = files.iter().find(|(file, _)| last(file) == name);
            own.map(|(file, text)| (file.as_str(), text.as_str()))
        };
        let unknown = files.iter().filter(|(file, _)| !NAMES.contains(&last(file)));
        let message = || "the card's profile is keys.toml, files.toml and account.toml, and no other".to_owned();
        let unknown: Vec<_> = unknown
            .map(|(file, _)| Diagnostic { file: file.clone(), line: 1, column: 1, message: message() })
            .collect();
        if unknown.is_empty() { Self::load(NAMES.map(named)) } else { Err(unknown) }
    }

    /// The profile of these texts, keys, files and account, each with the name that mistakes call it; the built-in one's
    /// where there is none.
    ///
    /// # Errors
    /// Every mistake of all of them.
    pub fn load([keys, files, account]: [Option<(&str, &str)>; 3]) -> Result<Self, Vec<Diagnostic>> {
        let (file, text) = account.unwrap_or(ACCOUNT);
        let account = Formulas::parse(text).map_err(|error| {
            let (line, column) = place(text, error.at);
            vec![Diagnostic { file: file.to_owned(), line, column, message: error.message }]
        })?;
        let mut profile = Self { keys: Vec::new(), directories: Vec::new(), files: Vec::new(), account };
        let mut check = Check { file: "", text: "", mistakes: Vec::new() };
        check.files(files.unwrap_or(FILES), &mut profile);
        check.keys(keys.unwrap_or(KEYS), &mut profile);
        check.roles(files.unwrap_or(FILES).0, &profile);
        if check.mistakes.is_empty() { Ok(profile) } else { Err(check.mistakes) }
    }
}

fn last(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// What is wrong so far, and where.
struct Check<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: Vec<Diagnostic>,
}

/// What is wrong with one row.
type Row<T> = Result<T, String>;

impl<'a> Check<'a> {
    fn tell(&mut self, at: usize, message: String) {
        let (line, column) = place(self.text, at);
        self.mistakes.push(Diagnostic { file: self.file.to_owned(), line, column, message });
    }

    fn parsed<T: for<'de> Deserialize<'de>>(&mut self, (file, text): (&'a str, &'a str)) -> Option<T> {
        (self.file, self.text) = (file, text);
        toml::from_str(text)
            .map_err(|error: toml::de::Error| {
                self.tell(error.span().map_or(0, |span| span.start), error.message().to_owned());
            })
            .ok()
    }

    fn keys(&mut self, source: (&'a str, &'a str), profile: &mut Profile) {
        let Some(KeysFile { key }) = self.parsed(source) else { return };
        for row in key {
            let at = row.span().start;
            match key_of(row.into_inner()) {
                Ok(key) if profile.key(&key.role).is_some() => self.tell(at, format!("{} is there already", key.role)),
                Ok(key) if profile.directory(&key.directory).is_none() => {
                    self.tell(at, format!("there is no directory {}", key.directory));
                }
                Ok(key) => profile.keys.push(key),
                Err(message) => self.tell(at, message),
            }
        }
    }

    fn files(&mut self, source: (&'a str, &'a str), profile: &mut Profile) {
        let Some(FilesFile { writing, directory, file }) = self.parsed(source) else { return };
        for row in directory {
            let at = row.span().start;
            match directory_of(row.into_inner()) {
                Ok(found) if profile.directory(&found.name).is_some() => {
                    self.tell(at, format!("{} is there already", found.name));
                }
                Ok(found) => profile.directories.push(found),
                Err(message) => self.tell(at, message),
            }
        }
        for row in file {
            let at = row.span().start;
            match file_of(row.into_inner(), writing) {
                Ok(found) if profile.file(&found.name).is_some() => {
                    self.tell(at, format!("{} is there already", found.name));
                }
                Ok(found) if profile.directory(found.name.directory()).is_none() => {
                    self.tell(at, format!("there is no directory {}", found.name.directory()));
                }
                Ok(found) => profile.files.push(found),
                Err(message) => self.tell(at, message),
            }
        }
    }

    /// A condition names a key of the file's own directory or of the environment: no other can be proven there.
    fn roles(&mut self, file: &str, profile: &Profile) {
        let mut wrong = Vec::new();
        for found in &profile.files {
            let conditions = found.read.all().chain(found.write.all());
            for role in conditions.filter_map(|(_, access)| access.key()) {
                let directory = profile.key(role).map(|key| key.directory.as_str());
                if directory != Some(found.name.directory()) {
                    wrong.push(format!("{} names {role}, which is no key of {}", found.name, found.name.directory()));
                }
            }
        }
        for directory in &profile.directories {
            let unknown = directory.messaging.as_ref().filter(|role| profile.key(role).is_none());
            wrong.extend(unknown.map(|role| format!("{} names {role}, which is no key", directory.name)));
        }
        let told = wrong.into_iter().map(|message| Diagnostic { file: file.to_owned(), line: 1, column: 1, message });
        self.mistakes.extend(told);
    }
}

fn key_of(table: KeyTable) -> Row<Key> {
    let sam = match (table.usage, table.id) {
        (Some(usage), Some(id)) => {
            let usage = two(&usage, "usage")?;
            let levels = usage >> 5;
            if !(1..=3).contains(&levels) {
                return Err(format!("usage {usage:02X} says {levels} levels: there are one to three"));
            }
            Some(Sam { kind: usage & 0x1F, levels, id: two(&id, "id")? })
        }
        (Some(_), None) => return Err("a usage without an id names no key".to_owned()),
        (None, _) => None,
    };
    Ok(Key {
        role: role(&table.role).ok_or_else(|| format!("{:?} is no name of a key", table.role))?,
        label: table.name,
        directory: table.directory,
        reference: table.reference.map(|reference| two(&reference, "reference")).transpose()?,
        sam,
        grade: table.grade,
    })
}

fn directory_of(table: DirectoryTable) -> Row<Directory> {
    let mut fid = [0; 2];
    hex::decode_to_slice(&table.fid, &mut fid).map_err(|_| "fid is four hexadecimal digits".to_owned())?;
    let aid = table.aid.map(|aid| hex::decode(aid).ok().filter(|aid| (5..=16).contains(&aid.len())));
    let messaging = table.messaging.map(|name| role(&name).ok_or_else(|| format!("{name:?} is no name of a key")));
    Ok(Directory {
        name: table.name,
        label: table.label,
        fid,
        aid: aid.map(|aid| aid.ok_or("aid is 5 to 16 bytes in hexadecimal")).transpose()?,
        messaging: messaging.transpose()?,
        pin: table.pin,
    })
}

fn file_of(table: FileTable, writing: Writing) -> Row<File> {
    let structure = structure(&table)?;
    let items: Vec<Item> = table.items.into_iter().map(item).collect::<Row<_>>()?;
    if let Structure::Fixed(repeats) | Structure::Cyclic(repeats) = structure {
        let length: usize =
            items.iter().map(|item| usize::from(item.length) + 2 * usize::from(item.tag.is_some())).sum();
        if length != usize::from(repeats.length) {
            return Err(format!("the items are {length} bytes, the record is {}", repeats.length));
        }
    } else if let Some(item) = items.iter().find(|item| item.tag.is_none()) {
        return Err(format!("an item of {} bytes has no tag", item.length));
    }
    let mut tags: Vec<u8> = items.iter().filter_map(|item| item.tag).collect();
    tags.sort_unstable();
    if let Some(twice) = tags.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("tag {:02X} is there twice: write count", twice[0]));
    }
    Ok(File {
        name: table.name.parse().map_err(|error: super::NameError| error.to_string())?,
        label: table.label,
        structure,
        read: access(table.read)?,
        write: access(table.write)?,
        writing: table.writing.unwrap_or(writing),
        items,
    })
}

fn structure(table: &FileTable) -> Row<Structure> {
    let repeats = table.records.zip(table.length).map(|(records, length)| Repeats { records, length });
    match (table.structure, table.size, repeats) {
        (StructureName::Linear, None, None) if table.records.is_none() && table.length.is_none() => {
            Ok(Structure::Linear)
        }
        (StructureName::Fixed, None, Some(repeats)) => Ok(Structure::Fixed(repeats)),
        (StructureName::Cyclic, None, Some(repeats)) => Ok(Structure::Cyclic(repeats)),
        (StructureName::Transparent, Some(size), None) if table.items.is_empty() => Ok(Structure::Transparent { size }),
        _ => {
            Err("linear has neither size nor records; fixed and cyclic have records and length; transparent has size \
                  and no items"
                .to_owned())
        }
    }
}

fn access(table: AccessTable) -> Row<ByGeneration<Access>> {
    let one = |text: &str| Access::parse(text).ok_or_else(|| format!("{text:?} is no access condition"));
    match table {
        AccessTable::Always(text) => Ok(ByGeneration(vec![(1, one(&text)?)])),
        AccessTable::From(table) if table.is_empty() => Err("a condition by generation names one at least".to_owned()),
        AccessTable::From(table) => {
            let rows = table.iter().map(|(first, text)| match first.as_bytes() {
                [digit @ b'1'..=b'9'] => Ok((digit - b'0', one(text)?)),
                _ => Err(format!("{first:?} is no generation: 1 to 9")),
            });
            rows.collect::<Row<_>>().map(ByGeneration)
        }
    }
}

fn item(table: ItemTable) -> Row<Item> {
    let tag = table.tag.map(|tag| two(&tag, "tag")).transpose()?;
    if matches!(tag, Some(0x00 | 0xFF)) {
        return Err("00 and FF are no tags".to_owned());
    }
    let parts: Vec<Item> = table.parts.into_iter().map(item).collect::<Row<_>>()?;
    let inner: usize = parts.iter().map(|part| usize::from(part.length) + 2).sum();
    if !parts.is_empty() && (inner != usize::from(table.length) || parts.iter().any(|part| part.tag.is_none())) {
        return Err(format!("the parts are {inner} bytes with their tags, the item is {}", table.length));
    }
    let revision = match (table.remade, table.follows) {
        (false, None) => None,
        (true, None) => Some(Revision::Marked),
        (false, Some(tag)) => Some(Revision::Follows(two(&tag, "follows")?)),
        (true, Some(_)) => return Err("an item is remade, or follows another".to_owned()),
    };
    let form = match (table.form, parts.is_empty()) {
        (Some(form), true) => form,
        (None, false) => Form::B,
        _ => return Err("an item has a form, or parts".to_owned()),
    };
    Ok(Item {
        tag,
        name: table.name,
        form,
        length: table.length,
        count: table.count.unwrap_or(1),
        parts,
        since: table.since.unwrap_or(1),
        revision,
    })
}

fn two(text: &str, what: &str) -> Row<u8> {
    byte(text).ok_or_else(|| format!("{what} {text:?} is not two hexadecimal digits in capitals"))
}
