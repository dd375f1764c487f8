use super::*;

fn access(file: &str, generation: u8) -> (Access, Access) {
    let profile = Profile::builtin();
    let file = profile.file(&file.parse().unwrap()).unwrap();
    (file.read.at(generation).clone(), file.write.at(generation).clone())
}

#[test]
fn the_built_in_profile_has_the_facts_files_and_keys() {
    let profile = Profile::builtin();
    // card-facts §1.3 to §1.6, and §2.2 with those that are known by name alone.
    assert_eq!((profile.directories().len(), profile.files().len(), profile.keys().len()), (8, 38, 58));
    for (role, reference, kind, levels, id) in [
        (KeyRole::IRK, 0x00, 7, 3, 0x08),
        (KeyRole::RKSSSE, 0x0A, 7, 2, 0x0A),
        (KeyRole::PUK, 0x06, 8, 2, 0x10),
        (KeyRole::named("UK1DF04"), 0x85, 8, 2, 0x49),
        (KeyRole::named("STKDF04"), 0x82, 6, 1, 0x23),
    ] {
        let key = profile.key(&role).unwrap();
        assert_eq!((key.reference, key.sam), (Some(reference), Some(Sam { kind, levels, id })), "{role}");
        assert_eq!(profile.key_by_reference(&key.directory, reference), Some(key));
    }
    let unknown = profile.key(&KeyRole::named("RK1DF01")).unwrap();
    assert_eq!((unknown.reference, unknown.sam), (None, None));
    assert_eq!(Sam { kind: 7, levels: 2, id: 0x0A }.usage(3), 0x67);
}

#[test]
fn conditions_are_those_of_the_generation() {
    let key = |name: &str| KeyRole::named(name);
    assert_eq!(access("SSSE/EF06", 2), (Access::Free, Access::Key(KeyRole::UKSSSE)));
    assert_eq!(access("SSSE/EF06", 3).0, Access::Key(KeyRole::RKSSSE));
    assert_eq!(access("SSSE/EF06", 9).0, Access::Key(KeyRole::RKSSSE));
    assert_eq!(access("DF03/EF05", 1).0, Access::PinAndKey(key("RK2DF03")));
    assert_eq!(access("DF03/EF05", 2).0, Access::PinOrKey(key("RK2DF03")));
    assert_eq!(access("DF04/EF06", 2).0, Access::PinAndKey(key("RK1DF04")));
    assert_eq!(access("DF04/EF08", 2), (Access::Pin, Access::Never));
}

#[test]
fn names_are_read_as_they_are_printed() {
    for text in ["DF04/EF05", "SSSE/EF0D", "DF0A/EF0C"] {
        assert_eq!(text.parse::<FileName>().unwrap().to_string(), text);
        let item = format!("{text}/8A");
        assert_eq!(item.parse::<ItemName>().unwrap().to_string(), item);
    }
    for text in ["", "DF04", "/EF05", "DF04/", "DF04/05", "DF04/EF5", "DF04/EFef", "df04/EF05", "DF04/EF05/81/1"] {
        assert!(text.parse::<ItemName>().is_err(), "{text}");
    }
    assert_eq!("DF04/EF15".parse::<FileName>().unwrap().sfi(), Some(0x15));
    assert_eq!(FileName::new("DF04", 0x1F).sfi(), None);
}

#[test]
fn items_have_the_lengths_of_their_parts_and_records() {
    let profile = Profile::builtin();
    let file = profile.file(&"DF02/EF05".parse().unwrap()).unwrap();
    let repeated = file.item(0x43).unwrap();
    assert_eq!((repeated.count, repeated.length, repeated.parts.len()), (2, 0x6C, 5));
    let name = profile.file(&"SSSE/EF06".parse().unwrap()).unwrap();
    assert_eq!((name.items_of(1).count(), name.items_of(2).count()), (6, 7));
    let marked = profile.file(&"DF01/EF0A".parse().unwrap()).unwrap();
    assert_eq!(marked.item(0x38).unwrap().revision, Some(Revision::Marked));
    assert_eq!(marked.item(0x39).unwrap().revision, Some(Revision::Follows(0x38)));
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let keys = "[[key]]\nrole = \"IRK\"\ndirectory = \"SSSE\"\ngrade = \"A\"\n";
    let files = |rows: &str| {
        format!("writing = \"mac\"\n[[directory]]\nname = \"SSSE\"\nlabel = \"x\"\nfid = \"DDF1\"\n{rows}")
    };
    let file = |rest: &str| files(&format!("[[file]]\nname = \"SSSE/EF05\"\nlabel = \"x\"\nwrite = \"never\"\n{rest}"));
    let told = |keys: &str, files: &str| {
        let mistakes = Profile::load([Some(("k", keys)), Some(("f", files)), None]).unwrap_err();
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(Profile::load([Some(("k", keys)), Some(("f", &file("read = \"IRK\"\n"))), None]).is_ok());
    for (rest, expected) in [
        ("read = \"PIN or UK9DF09\"\n", "f:1:1: SSSE/EF05 names UK9DF09, which is no key of SSSE"),
        ("read = \"pin\"\n", "\"pin\" is no access condition"),
        ("read = {}\n", "names one at least"),
        ("read = { 0 = \"free\" }\n", "\"0\" is no generation"),
        ("read = \"free\"\nsize = 3\n", "linear has neither size nor records"),
        ("read = \"free\"\nstructure = \"fixed\"\nrecords = 1\n", "fixed and cyclic have records and length"),
        ("read = \"free\"\nitems = [{ form = \"an\", length = 1 }]\n", "an item of 1 bytes has no tag"),
        ("read = \"free\"\nitems = [{ tag = \"00\", form = \"an\", length = 1 }]\n", "00 and FF are no tags"),
        ("read = \"free\"\nitems = [{ tag = \"1\", form = \"an\", length = 1 }]\n", "tag \"1\" is not two"),
        ("read = \"free\"\nitems = [{ tag = \"10\", length = 1 }]\n", "an item has a form, or parts"),
        (
            "read = \"free\"\nitems = [{ tag = \"10\", length = 4, parts = [{ tag = \"11\", form = \"b\", length = 1 }] }]\n",
            "the parts are 3 bytes with their tags, the item is 4",
        ),
        (
            "read = \"free\"\nstructure = \"cyclic\"\nrecords = 2\nlength = 3\nitems = [{ form = \"b\", length = 2 }]\n",
            "the items are 2 bytes, the record is 3",
        ),
    ] {
        let told = told(keys, &file(rest));
        assert!(told.contains(expected), "{rest}: {told}");
    }
    assert!(told("[[key]]\nrole = \"A\"\n", &files("file = []\n")).contains("k:1:"));
    let key = |rest: &str| format!("{keys}[[key]]\nrole = \"{rest}\ngrade = \"A\"\n");
    for (rest, expected) in [
        ("IRK\"\ndirectory = \"SSSE\"", "k:5:1: IRK is there already"),
        ("XK\"\ndirectory = \"DF99\"", "there is no directory DF99"),
        ("xk\"\ndirectory = \"SSSE\"", "\"xk\" is no name of a key"),
        ("XK\"\ndirectory = \"SSSE\"\nusage = \"07\"\nid = \"01\"", "usage 07 says 0 levels"),
        ("XK\"\ndirectory = \"SSSE\"\nusage = \"67\"", "a usage without an id"),
        ("XK\"\ndirectory = \"SSSE\"\nreference = \"1\"", "reference \"1\" is not two"),
    ] {
        let told = told(&key(rest), &file("read = \"free\"\n"));
        assert!(told.contains(expected), "{rest}: {told}");
    }
}

#[test]
fn a_deployments_own_file_takes_the_place_of_the_one_of_its_name() {
    let keys = include_str!("../../config/card/keys.toml").replacen("reference = \"0A\"", "reference = \"0B\"", 1);
    let own = Profile::over_builtin(&[("etc/card/keys.toml".to_owned(), keys)]).unwrap();
    assert_eq!(own.key(&KeyRole::RKSSSE).unwrap().reference, Some(0x0B));
    assert_eq!(own.files(), Profile::builtin().files());
    let account = "[load]\ntype = 300\n".to_owned();
    let wrong = Profile::over_builtin(&[("etc/card/account.toml".to_owned(), account)]).unwrap_err();
    assert!(wrong[0].to_string().starts_with("etc/card/account.toml:2:8:"), "{}", wrong[0]);
    let unknown = Profile::over_builtin(&[("etc/card/key.toml".to_owned(), String::new())]).unwrap_err();
    assert!(unknown[0].to_string().starts_with("etc/card/key.toml:1:1:"));
}
