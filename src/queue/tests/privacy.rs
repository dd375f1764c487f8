//! Nothing of a person stands in the journal's files.

use super::*;

fn found(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(needle.len()).any(|window| window == needle) {
            out.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    out
}

#[test]
fn nothing_personal_is_in_the_files() {
    let (dir, queue) = fresh();
    let person = Draft {
        idempotency: "11010519491231002X/2015-08".into(),
        payload: json!({"certno": "11010519491231002X", "psn_name": "张三"}),
        ..draft("a")
    };
    let row = queue.commit(person).unwrap().row;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    let refused = Outcome::Refused { code: "E-9".into(), text: "张三 已领取".into() };
    queue.advance(row.id, State::Refused, receipt(&row, refused).into()).unwrap();
    queue.verify().unwrap();

    let plain_hash = ring::digest::digest(&ring::digest::SHA256, b"11010519491231002X");
    let gbk = encoding_rs::GBK.encode("张三").0;
    let needles: [&[u8]; 5] =
        ["11010519491231002X".as_bytes(), "张三".as_bytes(), &gbk, plain_hash.as_ref(), b"3131303130353139"];
    for needle in needles {
        assert_eq!(found(dir.path(), needle), Vec::<String>::new());
    }
    // The search does find what is there: in the write-ahead log, since nothing was checkpointed yet.
    assert_eq!(found(dir.path(), b"unemployment-sign-in"), ["queue.db-wal"]);
    assert_eq!(format!("{:?}", draft("秘密")).find("秘密"), None);
    queue.close();
    drop(queue);
    for needle in needles {
        assert_eq!(found(dir.path(), needle), Vec::<String>::new());
    }
    assert!(found(dir.path(), b"unemployment-sign-in").contains(&"queue.db".to_owned()));
}
