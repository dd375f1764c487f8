//! What is read, and what is refused where.

use proptest::prelude::*;

use super::{library, mistakes};
use crate::script::{Library, Recording};

/// The examples on the page of the grammar: a script, and a recording.
fn page() -> [String; 2] {
    let page = include_str!("../../../apdu-scripts/README.md");
    let block = |n| page.split("```").nth(n).expect("the page has two examples").to_owned();
    [block(1), block(3)]
}

#[test]
fn the_examples_of_the_page_are_sound() {
    let [script, recording] = page();
    assert!(Recording::is_one(&recording) && !Recording::is_one(&script));
    assert_eq!(Recording::parse("page", &recording).unwrap().exchanges(), 1);
    let library = library(&script);
    let flow = library.flow("t", "read-record").unwrap();
    assert_eq!(flow.inputs().collect::<Vec<_>>(), ["tag", "length"]);
    assert_eq!(flow.outputs().collect::<Vec<_>>(), ["record"]);
    assert_eq!(library.scripts().map(|(_, flows)| flows.count()).sum::<usize>(), 5);
}

#[test]
fn each_mistake_is_named_where_it_is() {
    let long = "00".repeat(256);
    for (text, wanted) in [
        ("> 00840000\n", "1:1: a command or an answer before the first flow"),
        ("send 00\n", "1:1: a line begins with flow, > or <"),
        ("flow\n", "1:6: the flow has no name"),
        ("flow A\n", "1:6: \"A\" is no name: lower-case letters, digits, hyphens, a letter first"),
        ("flow a x\n", "1:8: x has no length: write x:8, x:2..8 or x:*"),
        ("flow a x:9..8\n", "1:10: 9..8 is no length: 1 to 255 bytes"),
        ("flow a x:+8\n", "1:10: \"+8\" is no number of bytes"),
        ("flow a\n", "1:1: the flow a has no command"),
        ("flow a\n< 9000\n", "2:1: an answer before any command"),
        ("flow a\n> 008400\n< 9000\n", "2:9: a command has four bytes of header, here are 3"),
        ("flow a\n> 0084000\n< 9000\n", "2:3: 0084000 has an odd number of digits: half a byte is missing"),
        ("flow a\n> 00 84 0G 00\n< 9000\n", "2:10: 0G is not hex"),
        (
            "flow a\n> 00A40000023F00\n< 9000\n",
            "2:13: behind the header stands Le, one byte; data stands in [ ], without its length",
        ),
        (
            "flow a\n> 00A4000002 [3F00]\n< 9000\n",
            "2:11: behind the header stands Le, one byte; data stands in [ ], without its length",
        ),
        ("flow a\n> 00A40000 [3F00\n< 9000\n", "2:12: [ without ] after it"),
        ("flow a\n> 00A40000 []\n< 9000\n", "2:12: [ ] holds no data: leave it out"),
        ("flow a\n> 00A40000 [{x]\n< 9000\n", "2:13: { without } after it"),
        ("flow a\n> 00840000\n", "2:1: no answer follows this command: write < 9000"),
        ("flow a\n> 00840000 08\n< *\n", "3:3: \"*\" is no status word: four hex digits, x for any"),
        (
            "flow a\n> 00840000 08\n< 11229000\n",
            "3:3: \"11229000\" is no status word: four hex digits, x for any; data is set apart from it by a space",
        ),
        ("flow a\n> 00840000 08\n< 9000|63Cz\n", "3:8: \"63Cz\" is no status word: four hex digits, x for any"),
        ("flow a\n> 00840000 08\n< {_:*} 00 9000\n", "3:9: nothing can follow what takes all that is left"),
        ("flow a\n> 00840000 08\n< {_:0} 9000\n", "3:6: no bytes are nothing to keep"),
        ("flow a\n> 00840000 08\n< {x} 9000\n", "3:4: x has no length: write {x:8} or {x:*}"),
        ("flow a\n> 00840000 {x}\n< 9000\n", "2:13: x is neither given nor kept before"),
        ("flow a x:8\n> 00840000\n< 9000\n", "1:8: x is never used"),
        ("flow a x:8\n> 008400{x}\n< 9000\n", "2:10: x is not one byte long, as a value must be here"),
        ("flow a -> x\n> 00840000\n< 9000\n", "1:11: nothing keeps x"),
        ("flow a\n> 00840000 08\n< {x:8} 9000\n", "3:4: x is never used"),
        ("flow a -> x\n> 00840000 04\n< {x:8} 9000\n", "3:1: 8 bytes, where the command asks for 4 at most"),
        ("flow a -> x\n> 00840000\n< {x:8} 9000\n", "3:1: the command asks for no data: it has no Le"),
        ("flow a -> x\n> 00840000 00\n< {x:257} 9000\n", "3:1: 257 bytes, where the command asks for 256 at most"),
        ("flow a\n> 00840000\n< 9000|6Axx\n< 6A83\n", "4:1: 6A83 is accepted before already"),
        ("flow a x:8 -> x\n> 008400 00 [{x}] 08\n< {x:8} 9000\n", "3:4: x has a value since line 1"),
        (
            "flow a\n> 00840000 08\n< 9000\n< {x:1} 6283\n> 00840000 [{x}]\n< 9000\n",
            "5:14: x is kept only where the flow ends",
        ),
        ("flow a\n> 00840000\n< 9000\nflow a\n> 00840000\n< 9000\n", "4:6: there is a flow a in line 1 already"),
        (&format!("flow a\n> 00D60000 [{long}]\n< 9000\n"), "2:1: at least 256 bytes of data, where 255 fit"),
        ("recording\n", "1:1: this is a recording, where a script is wanted"),
    ] {
        assert_eq!(mistakes(text), [wanted], "{text}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_found_and_none_that_only_follows() {
    let text = "flow a x:zz -> r\n> 00840000 {x}\n< {r:8} 9000\nflow b\n> 0084\n< {s:8} 9000\n> 00840000 [{s}]\n\
                < 9OOO\nflow c\n> 00840000 {u}\n< 9000\n";
    assert_eq!(
        mistakes(text),
        [
            "1:10: \"zz\" is no number of bytes",
            "5:7: a command has four bytes of header, here are 2",
            "8:3: \"9OOO\" is no status word: four hex digits, x for any",
            "10:13: u is neither given nor kept before",
        ]
    );
}

#[test]
fn two_files_of_one_name_are_refused() {
    let file = |name: &str| (name.to_owned(), String::new());
    let found = Library::load(&[file("a/ssc.apdu"), file("b/ssc.apdu")]).unwrap_err();
    assert_eq!(found[0].to_string(), "b/ssc.apdu:1:1: there is a script ssc already");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = mistakes(&text);
    }

    #[test]
    fn anything_like_a_script_is_read_or_refused(
        lines in proptest::collection::vec("(flow a|> 00840000|<|>) ?[-a0-9 {}:*.\\[\\]|x>#\"]{0,24}", 0..12)
    ) {
        let text = lines.join("\n");
        for mistake in mistakes(&text) {
            let line: usize = mistake.split(':').next().unwrap().parse().unwrap();
            prop_assert!((1..=lines.len()).contains(&line), "{}", mistake);
        }
    }
}
