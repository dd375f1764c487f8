//! Secure messaging.

use super::*;

#[test]
fn the_macs_of_commands_are_as_known() {
    for case in ciphers() {
        for one in case["secure"].as_array().unwrap() {
            let header = bytes(one, "header").try_into().unwrap();
            let made = command_mac(&session(&case), header, &bytes(one, "data"));
            assert_eq!(made.unwrap().to_vec(), bytes(one, "mac"), "{one}");
        }
    }
}

#[test]
fn enciphered_data_is_as_known_and_comes_back() {
    for case in ciphers() {
        for one in case["secure"].as_array().unwrap() {
            let (session, plain, enciphered) = (session(&case), bytes(one, "data"), bytes(one, "enciphered"));
            assert_eq!(*encipher(&session, &plain).unwrap(), enciphered, "{one}");
            assert_eq!(*decipher(&session, &enciphered).unwrap(), plain, "{one}");
        }
    }
}

#[test]
fn pin_blocks_are_as_known() {
    for case in known("pin_block") {
        let block = case["block"].as_u64().unwrap() as usize;
        assert_eq!(*pin_block(&bytes(&case, "pin"), block).unwrap(), bytes(&case, "padded"));
    }
    assert_eq!(pin_block(&[0x12; 8], 8), None, "16 digits are more than a block of 8 bytes");
    assert_eq!(pin_block(&[0x12; 8], 16).unwrap().len(), 16);
}

#[test]
fn what_lc_or_the_length_byte_cannot_count_is_refused() {
    for suite in [Suite::of(Algorithm::TripleDes).unwrap(), Suite::of(Algorithm::Sm4).unwrap()] {
        let session = suite.session(&Key16::new([1; 16]), [2; 8]);
        assert!(command_mac(&session, [0x04, 0xD6, 0, 0], &[0; 251]).is_ok());
        assert_eq!(command_mac(&session, [0x04, 0xD6, 0, 0], &[0; 252]), Err(TooLong));
        assert!(encipher(&session, &[0; 255]).is_ok());
        assert_eq!(encipher(&session, &[0; 256]), Err(TooLong));
    }
}

#[test]
fn what_was_not_enciphered_here_is_not_deciphered() {
    for suite in [Suite::of(Algorithm::TripleDes).unwrap(), Suite::of(Algorithm::Sm4).unwrap()] {
        let session = suite.session(&Key16::new([1; 16]), [2; 8]);
        let block = suite.block();
        assert_eq!(decipher(&session, &[]), None);
        assert_eq!(decipher(&session, &vec![0; block - 1]), None);
        let clear = |first: &[u8]| {
            let mut clear = first.to_vec();
            clear.resize(block, 0);
            session.encrypt(&clear)
        };
        assert!(decipher(&session, &clear(&[2, 9, 9, 0x80])).is_some());
        for wrong in [[2, 9, 9, 0x00].as_slice(), &[2, 9, 9, 0x80, 1], &[0xFF], &[2, 9, 9, 0x81]] {
            assert_eq!(decipher(&session, &clear(wrong)), None, "{wrong:02X?}");
        }
        // A block more than the length says.
        let twice = [clear(&[2, 9, 9, 0x80]).to_vec(), clear(&[0]).to_vec()].concat();
        assert_eq!(decipher(&session, &twice), None);
    }
}

proptest! {
    #[test]
    fn any_data_comes_back(key: [u8; 16], process: [u8; 8], plain in proptest::collection::vec(any::<u8>(), 0..255)) {
        for algorithm in [Algorithm::TripleDes, Algorithm::Ssf33, Algorithm::Sm4] {
            let session = Suite::simulated(algorithm).session(&Key16::new(key), process);
            let enciphered = encipher(&session, &plain).unwrap();
            prop_assert_eq!(enciphered.len() % session.block(), 0);
            prop_assert_eq!(decipher(&session, &enciphered).unwrap().to_vec(), plain.clone());
        }
    }

    #[test]
    fn any_bytes_are_deciphered_or_refused(data in proptest::collection::vec(any::<u8>(), 0..80)) {
        for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
            let session = Suite::simulated(algorithm).session(&Key16::new([1; 16]), [2; 8]);
            if let Some(plain) = decipher(&session, &data) {
                prop_assert_eq!(encipher(&session, &plain).unwrap().to_vec(), data.clone());
            }
        }
    }

    #[test]
    fn a_flipped_bit_changes_the_mac(data in proptest::collection::vec(any::<u8>(), 1..60), at: usize, bit in 0u8..8) {
        for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
            let session = Suite::simulated(algorithm).session(&Key16::new([1; 16]), [2; 8]);
            let mut flipped = data.clone();
            let at = at % data.len();
            flipped[at] ^= 1 << bit;
            let header = [0x04, 0xDC, 0x05, 0x2C];
            prop_assert_ne!(command_mac(&session, header, &data), command_mac(&session, header, &flipped));
        }
    }
}
