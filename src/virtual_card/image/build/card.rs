//! A card's content: its directories, files and keys, as the profile lays them out and the image fills them.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Tables;
use super::{Flaw, PROFILE, account, bank, files, holder, need, root, roots};
use crate::cipher::{Factors, Key16};
use crate::profile::{Access, FileName, KeyRole, Profile};
use crate::reader::Interface;
use crate::virtual_card::image::content::FileTable;
use crate::virtual_card::image::fields::{Named, Role};
use crate::virtual_card::image::file::{Application, Dir, File, HashedBy};
use crate::virtual_card::image::{CardImage, CardKey, Directory, FileImage, Quirks};
use crate::virtual_card::memory::Content;
use crate::virtual_card::messaging::Messaging;
use crate::virtual_card::pin::Pin;
use crate::virtual_card::powered::{ENVIRONMENT, ROOT};
use crate::virtual_card::rights::Condition;
use crate::virtual_card::select::DIR;
use crate::virtual_card::signing::Signing;

/// Tries where an image says nothing.
const TRIES: u8 = 3;
/// The environment in the profile.
const SSSE: &str = "SSSE";

pub(super) fn card(file: File, historical: [u8; 13]) -> Result<CardImage, Flaw> {
    let there = file.files.0.iter().filter(|(_, table)| table.absent != Some(true));
    let tables: Tables = there.map(|(name, table)| (&name.0, table)).collect();
    let mut tree = Tree::new(&PROFILE, &file, &tables)?;
    let keys = Keys::new(&file, historical)?;
    let irk = keys.of(&KeyRole::IRK)?.ok_or(Flaw::Missing("the root key irk"))?;
    tree.add_keys(&file, &keys)?;
    let generation = holder::generation(&file.card)?;
    tree.add_files(&file, &tables, generation)?;
    for application in file.applications.iter().flatten() {
        tree.add_application(application);
    }
    let cipher = *need(&file.card.algorithm, "card.algorithm")?;
    let (algorithm, suite) = (cipher.algorithm(), cipher.suite()?);
    let place = account::Place { directory: tree.places.get("DF04").copied(), files: &tree.files, algorithm, suite };
    let account = account::account(&file.account, &place, |role| keys.of(role))?;
    let bank = bank::bank(&file.bank)?;
    let locked = file.faults.application_locked == Some(true);
    let pin_tries = file.pin.tries.map_or(TRIES, |tries| tries.0);
    Ok(CardImage {
        algorithm,
        suite,
        interface: file.interface.map_or(Interface::Contact, Interface::from),
        irk,
        puk: tree.key(&KeyRole::PUK),
        directories: tree.directories,
        files: tree.files,
        keys: tree.keys,
        key_tries: file.card.key_tries.map_or(TRIES, |tries| tries.0),
        pin: Pin::new(file.pin.digits.as_ref().map(|pin| pin.0.clone()), pin_tries),
        locked: BTreeSet::from_iter(locked.then_some(ENVIRONMENT)),
        quirks: Quirks {
            exact_le: file.quirks.wrong_le == Some(true),
            no_whole_file: file.quirks.no_whole_file == Some(true),
            no_algorithm_in_fci: file.quirks.no_algorithm_in_fci == Some(true),
            pin_per_directory: file.quirks.pin_per_directory == Some(true),
            dir: file.quirks.dir.unwrap_or_default(),
            blocked: file.faults.blocked == Some(true),
        },
        account,
        bank,
    })
}

/// The keys of one card.
struct Keys<'a> {
    file: &'a File,
    factors: Factors,
}

impl<'a> Keys<'a> {
    fn new(file: &'a File, historical: [u8; 13]) -> Result<Self, Flaw> {
        let identifier = need(&file.card.identifier, "card.identifier")?;
        let mut card_factor = [0; 8];
        card_factor.copy_from_slice(&historical[5..13]);
        let factors = Factors::new([identifier.0[0], identifier.0[1], identifier.0[2]], card_factor);
        Ok(Self { file, factors })
    }

    /// The card's own key of a role, if there is a root.
    fn of(&self, role: &KeyRole) -> Result<Option<Key16>, Flaw> {
        let cipher = *need(&self.file.card.algorithm, "card.algorithm")?;
        let Some(root) = root(roots(self.file, cipher)?, role) else { return Ok(None) };
        let path = self.factors.descending();
        // A forger has the card's data but not the issuer's root: one diversification too few.
        let path = if self.file.faults.forged == Some(true) { &path[..2] } else { &path[..] };
        Ok(Some(cipher.suite()?.diversify_by(root, path)))
    }
}

/// What a card is made of, in the making.
struct Tree<'a> {
    profile: &'a Profile,
    directories: Vec<Directory>,
    /// Where the profile's directories are.
    places: BTreeMap<&'a str, usize>,
    files: Vec<FileImage>,
    keys: Vec<CardKey>,
}

impl<'a> Tree<'a> {
    /// The MF, the environment, and each directory that is listed or has a file.
    fn new(profile: &'a Profile, file: &File, tables: &Tables) -> Result<Self, Flaw> {
        let listed = file.directories.as_deref().unwrap_or_default();
        if let Some(name) = tables.keys().find(|name| profile.file(name).is_none()) {
            return Err(Flaw::Wrong(format!("files.{:?}", name.to_string()), "the profile has no such file"));
        }
        if let Some(name) = listed.iter().find(|name| profile.directory(name).is_none()) {
            return Err(Flaw::Wrong(format!("directories {name:?}"), "the profile has no such directory"));
        }
        let root = Directory {
            fid: Some([0x3F, 0x00]),
            aid: Vec::new(),
            parent: None,
            messaging: None,
            lock: None,
            signing: None,
        };
        let mut tree =
            Self { profile, directories: vec![root], places: BTreeMap::new(), files: Vec::new(), keys: Vec::new() };
        // The environment is the first of the profile's directories to be placed, whatever its order.
        let environment = profile.directories().iter().filter(|directory| directory.name == SSSE);
        let others = profile.directories().iter().filter(|directory| directory.name != SSSE);
        for directory in environment.chain(others) {
            let name = directory.name.as_str();
            let there = name == SSSE
                || listed.iter().any(|listed| listed == name)
                || tables.keys().any(|file| file.directory() == name);
            if there {
                tree.places.insert(name, tree.directories.len());
                tree.directories.push(Directory {
                    fid: Some(directory.fid),
                    aid: directory.aid.clone().unwrap_or_default(),
                    parent: Some(if name == SSSE { ROOT } else { ENVIRONMENT }),
                    messaging: None,
                    lock: None,
                    signing: None,
                });
            }
        }
        Ok(tree)
    }

    fn key(&self, role: &KeyRole) -> Option<usize> {
        self.keys.iter().position(|key| key.role == *role)
    }

    /// Every key of the profile whose directory and root are there.
    fn add_keys(&mut self, file: &File, keys: &Keys) -> Result<(), Flaw> {
        let named = file.references.keys().chain(file.keys.des.keys()).chain(file.keys.sm4.keys());
        if let Some(Role(role)) = named.into_iter().find(|role| self.profile.key(&role.0).is_none()) {
            return Err(Flaw::Wrong(role.name().to_ascii_lowercase(), "the profile has no such key"));
        }
        let messaging = |role: &KeyRole| self.profile.directories().iter().any(|d| d.messaging.as_ref() == Some(role));
        for key in self.profile.keys() {
            let Some(directory) = self.places.get(key.directory.as_str()).copied() else { continue };
            let Some(own) = keys.of(&key.role)? else { continue };
            let set = file.references.get(&Role(key.role.clone())).map(|byte| byte.0);
            let reference = key.reference.or(set);
            let proves = reference.filter(|_| key.role != KeyRole::IRK && !messaging(&key.role));
            self.keys.push(CardKey { role: key.role.clone(), directory, proves, key: own });
        }
        for directory in self.profile.directories() {
            let Some(place) = self.places.get(directory.name.as_str()).copied() else { continue };
            let lock = if place == ENVIRONMENT { "BK".to_owned() } else { format!("LK{}", directory.name) };
            let messaging = directory.messaging.as_ref().and_then(|role| self.key(role));
            let lock = self.key(&KeyRole::named(lock));
            self.directories[place].messaging = messaging;
            self.directories[place].lock = lock;
        }
        Ok(())
    }

    /// The environment's own files, and every file that the image speaks of.
    fn add_files(&mut self, file: &File, tables: &Tables, generation: u8) -> Result<(), Flaw> {
        let digit = generation.wrapping_sub(b'0');
        let none = FileTable::default();
        let absent =
            |name: &FileName| file.files.0.get(&Named(name.clone())).is_some_and(|table| table.absent == Some(true));
        for known in self.profile.files() {
            let own = match (known.name.directory(), known.name.ef()) {
                _ if absent(&known.name) => None,
                (SSSE, 0x05) => Some(holder::ef05(file)?),
                (SSSE, 0x06) => Some(holder::ef06(file)?),
                _ => None,
            };
            let table = tables.get(&known.name).copied();
            if own.is_none() && table.is_none() {
                continue;
            }
            let table = table.unwrap_or(&none);
            let content = files::content(known, digit, table, own)?;
            self.files.push(FileImage {
                directory: self.places[known.name.directory()],
                fid: known.name.fid(),
                read: self.condition(known.read.at(digit)),
                write: self.condition(known.write.at(digit)),
                messaging: table.messaging.unwrap_or_default(),
                content,
            });
        }
        let records = match file.quirks.dir.unwrap_or_default() {
            Dir::Absent => return Ok(()),
            Dir::Empty => Vec::new(),
            Dir::Listed => {
                let there = |directory: &&crate::profile::Directory| {
                    self.places.get(directory.name.as_str()).is_some_and(|place| *place != ENVIRONMENT)
                };
                files::dir(self.profile.directories().iter().filter(there))
            }
        };
        self.files.push(FileImage {
            directory: ENVIRONMENT,
            fid: FileName::new(SSSE, DIR).fid(),
            read: Condition::Free,
            write: Condition::Never,
            messaging: Messaging::Plain,
            content: Content::Linear { records, capacity: 0 },
        });
        Ok(())
    }

    /// A key that cannot be named proves nothing: what asks for it alone cannot be had.
    fn condition(&self, access: &Access) -> Condition {
        let key = access.key().and_then(|role| self.key(role)).filter(|key| self.keys[*key].proves.is_some());
        match (access, key) {
            (Access::Free, _) => Condition::Free,
            (Access::Pin, _) | (Access::PinOrKey(_), None) => Condition::Pin,
            (Access::Key(_), Some(key)) => Condition::Key(key),
            (Access::PinOrKey(_), Some(key)) => Condition::PinOrKey(key),
            (Access::PinAndKey(_), Some(key)) => Condition::PinAndKey(key),
            (Access::Never | Access::Key(_) | Access::PinAndKey(_), _) => Condition::Never,
        }
    }

    fn add_application(&mut self, application: &Application) {
        let directory = self.directories.len();
        let aid = application.name.0.to_vec();
        let hashes = application.hash == Some(HashedBy::Card);
        let signing = application.signing_key.as_ref().map(|key| Signing { key: key.0.clone(), hashes });
        self.directories.push(Directory { fid: None, aid, parent: Some(ROOT), messaging: None, lock: None, signing });
        for (fid, bytes) in &application.files {
            self.files.push(FileImage {
                directory,
                fid: fid.0,
                read: Condition::Free,
                write: Condition::Never,
                messaging: Messaging::Plain,
                content: Content::Transparent(bytes.0.clone()),
            });
        }
    }
}
