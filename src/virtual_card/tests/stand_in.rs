//! The environment with id 02: the 16-byte formulas with what stands in SSF33's place. It shows that card and PSAM find
//! each other by that id, and nothing of SSF33.

use super::*;

const TIME: &str = "20260302093000";

fn psam() -> Talk {
    let mut talk = Talk::with("stand-in/psam");
    talk.fetch("00A404000F7378322E73682EC9E7BBE1B1A3D5CF");
    talk.fetch("00A4040006D15600000590");
    talk
}

/// What the PSAM makes of a block with the process key of a card's key.
fn proof(usage: u8, id: u8, process: &[u8], original: &str) -> String {
    let factors = hex::encode(factors("stand-in/card").for_command(usage >> 5).concat());
    let data = format!("{factors}{}{}", hex::encode(process), "00".repeat(8));
    let mut talk = psam();
    assert_eq!(talk.status(&format!("BFDE{usage:02X}{id:02X}{:02X}{data}", data.len() / 2)), "9000");
    let block = talk.read(&format!("80FA000010{original}{}", "00".repeat(8)));
    hex::encode(cipher::fold(&block.try_into().unwrap()))
}

#[test]
fn card_and_psam_authenticate_each_other_under_id_02() {
    let mut talk = Talk::with("stand-in/card");
    let fci = hex::encode_upper(talk.fetch(SELECT_SSSE));
    assert!(fci.ends_with("9F0C03860102"), "{fci}");
    let answer = talk.fetch(&format!("0088000010{}{}", "11".repeat(8), "22".repeat(8)));
    assert_eq!(hex::encode(answer), proof(0x67, 0x08, &[0x11; 8], &"22".repeat(8)));
    let challenge = talk.read("0084000008");
    let data = proof(0x48, 0x12, &challenge, &"33".repeat(8));
    assert_eq!(talk.status(&format!("0082000410{data}{}", "33".repeat(8))), "9000");
}

#[test]
fn a_purchase_under_id_02_is_agreed_on() {
    let mut talk = Talk::with("stand-in/card");
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("0020000003123456"), "9000");
    talk.fetch("00A4040006D15600000503");
    let amounts = "000000640000000A0000000B";
    let begun = hex::encode(talk.fetch(&format!("B02801011301{amounts}440100000001")));
    assert_eq!(&begun[34..36], "02");
    let (sequence, random) = (&begun[28..32], &begun[36..44]);
    let factors = hex::encode(factors("stand-in/card").for_command(2).concat());
    let mut sam = psam();
    let given = hex::encode(sam.read(&format!("807001002C{random}{sequence}{amounts}32{TIME}0102{factors}")));
    let answer = hex::encode(talk.fetch(&format!("B02C01000F{}{TIME}{}", &given[..8], &given[8..])));
    assert_eq!(sam.status(&format!("8072000004{}", &answer[8..])), "9000");
}
