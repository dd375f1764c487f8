//! How data, certificates and signatures are written in the parameters of the PKI functions.

use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::{Code, Refused};
use crate::card::pki::Signed;
use crate::cipher::{Certificate, Sm2Signature};

/// `[driver.pki]`: the first three must be said, since none of them is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkiStrings {
    /// What the text of `pInData` and `pClearText` stands for.
    pub data: DataForm,
    /// How certificates and signatures are written.
    pub encoding: Encoding,
    /// What is written of a signature.
    pub signature: SignatureForm,
    /// What `PKI_SignData` writes, a bar after each; the signature and nothing else where there are none.
    pub sign_fields: Vec<SignField>,
}

/// One field of what `PKI_SignData` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignField {
    /// The signature.
    Signature,
    /// The signer's certificate, in DER.
    Certificate,
}

/// What a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataForm {
    /// For bytes, in hexadecimal.
    Hex,
    /// For bytes, in base64.
    Base64,
    /// For itself, in GB18030, of which GBK is a part.
    Gbk,
    /// For itself, in UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// In hexadecimal, of either case.
    Hex,
    /// In base64, in lines or without.
    Base64,
}

/// The bytes of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureForm {
    /// `SEQUENCE { r, s }` (GM/T 0009).
    Der,
    /// `r ‖ s`, 64 bytes.
    Raw,
}

impl PkiStrings {
    /// The bytes that are signed.
    ///
    /// # Errors
    /// [`Code::ILLEGAL_INPUT`] for a text of another form.
    pub fn data(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, Code> {
        match self.data {
            DataForm::Hex => Encoding::Hex.read(text),
            DataForm::Base64 => Encoding::Base64.read(text),
            DataForm::Utf8 => Ok(Zeroizing::new(text.as_bytes().to_vec())),
            DataForm::Gbk => {
                let (bytes, _, unmappable) = encoding_rs::GB18030.encode(text);
                let bytes = Zeroizing::new(bytes.into_owned());
                if unmappable { Err(Code::ILLEGAL_INPUT) } else { Ok(bytes) }
            }
        }
    }

    /// `pCert`.
    ///
    /// # Errors
    /// [`Code::ILLEGAL_INPUT`] for a text of another form, or what is no certificate of an SM2 key.
    pub fn certificate(&self, text: &str) -> Result<Certificate, Refused> {
        let der = self.encoding.read(text)?;
        Certificate::from_der(&der).map_err(|error| Refused::from(&error))
    }

    /// `pSignature`.
    ///
    /// # Errors
    /// [`Code::ILLEGAL_INPUT`] for a text of another form, or what is no signature.
    pub fn signature(&self, text: &str) -> Result<Sm2Signature, Refused> {
        let bytes = self.encoding.read(text)?;
        let signature = match self.signature {
            SignatureForm::Der => Sm2Signature::from_der(&bytes),
            SignatureForm::Raw => Sm2Signature::from_raw(&bytes),
        };
        signature.map_err(|error| Refused::from(&error))
    }

    /// What `PKI_SignData` writes.
    pub fn signed(&self, signed: &Signed) -> Zeroizing<String> {
        let field = |field: SignField| match (field, self.signature) {
            (SignField::Certificate, _) => self.encoding.write(&signed.certificate),
            (SignField::Signature, SignatureForm::Der) => self.encoding.write(&signed.signature.to_der()),
            (SignField::Signature, SignatureForm::Raw) => self.encoding.write(&signed.signature.to_raw()),
        };
        if self.sign_fields.is_empty() {
            return field(SignField::Signature);
        }
        let fields: Vec<Zeroizing<String>> = self.sign_fields.iter().map(|name| field(*name)).collect();
        // All of it at once: growing would leave a copy behind that nobody wipes.
        let mut text = Zeroizing::new(String::with_capacity(fields.iter().map(|field| field.len() + 1).sum()));
        for field in &fields {
            text.push_str(field);
            text.push('|');
        }
        text
    }
}

impl Encoding {
    fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Hex => hex::encode_upper(bytes),
            Self::Base64 => BASE64.encode(bytes),
        })
    }

    fn read(self, text: &str) -> Result<Zeroizing<Vec<u8>>, Code> {
        let bytes = match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => {
                let mut lines = Zeroizing::new(text.as_bytes().to_vec());
                lines.retain(|byte| !matches!(byte, b'\r' | b'\n'));
                BASE64.decode(&lines).ok()
            }
        };
        bytes.map(Zeroizing::new).ok_or(Code::ILLEGAL_INPUT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRINGS: PkiStrings = PkiStrings {
        data: DataForm::Hex,
        encoding: Encoding::Base64,
        signature: SignatureForm::Der,
        sign_fields: Vec::new(),
    };

    #[test]
    fn data_is_what_the_setting_says() {
        for (data, text, bytes) in [
            (DataForm::Hex, "0aFF", Some(&[0x0A, 0xFF][..])),
            (DataForm::Hex, "0aF", None),
            (DataForm::Hex, "", Some(&[])),
            (DataForm::Base64, "Cv8=", Some(&[0x0A, 0xFF])),
            (DataForm::Base64, "C\r\nv8=\n", Some(&[0x0A, 0xFF])),
            (DataForm::Base64, "Cv8", None),
            (DataForm::Base64, "Cv9=", None),
            (DataForm::Gbk, "王1", Some(&[0xCD, 0xF5, 0x31])),
            (DataForm::Utf8, "王1", Some("王1".as_bytes())),
        ] {
            let read = PkiStrings { data, ..STRINGS }.data(text);
            assert_eq!(read.ok().as_deref().map(Vec::as_slice), bytes, "{data:?} {text}");
        }
    }

    #[test]
    fn a_signature_is_taken_in_the_form_that_is_set_alone() {
        let raw = [[&[0; 31][..], &[1]].concat(), [&[0; 31][..], &[2]].concat()].concat();
        let of = |signature, encoding| PkiStrings { signature, encoding, ..STRINGS };
        let (der, raw) = ("3006020101020102", hex::encode(raw));
        let as_der = of(SignatureForm::Der, Encoding::Hex).signature(der).unwrap();
        assert_eq!(of(SignatureForm::Raw, Encoding::Hex).signature(&raw), Ok(as_der));
        assert_eq!(of(SignatureForm::Der, Encoding::Base64).signature("MAYCAQECAQI="), Ok(as_der));
        for (form, encoding, text) in [
            (SignatureForm::Raw, Encoding::Hex, der),
            (SignatureForm::Der, Encoding::Hex, &*raw),
            (SignatureForm::Der, Encoding::Base64, der),
            (SignatureForm::Der, Encoding::Hex, ""),
        ] {
            assert_eq!(of(form, encoding).signature(text).unwrap_err().code, Code::ILLEGAL_INPUT, "{form:?} {text}");
        }
        let none = of(SignatureForm::Der, Encoding::Hex).certificate(der).unwrap_err();
        assert!(none.code == Code::ILLEGAL_INPUT && none.text.contains("E-CIPHER-CERTIFICATE"), "{none:?}");
    }

    #[test]
    fn what_is_signed_is_written_in_the_fields_that_are_set() {
        let signature = Sm2Signature::from_der(&[0x30, 6, 2, 1, 1, 2, 1, 2]).unwrap();
        let signed = Signed { signature, certificate: Zeroizing::new(vec![0x30, 0xAB]) };
        let raw = [&"0".repeat(63), "1", &"0".repeat(63), "2"].concat();
        let both = vec![SignField::Certificate, SignField::Signature];
        for (encoding, signature, sign_fields, wanted) in [
            (Encoding::Hex, SignatureForm::Der, vec![], "3006020101020102"),
            (Encoding::Base64, SignatureForm::Der, vec![], "MAYCAQECAQI="),
            (Encoding::Hex, SignatureForm::Raw, vec![], &*raw),
            (Encoding::Hex, SignatureForm::Der, both, "30AB|3006020101020102|"),
            (Encoding::Base64, SignatureForm::Der, vec![SignField::Signature], "MAYCAQECAQI=|"),
        ] {
            let strings = PkiStrings { encoding, signature, sign_fields, ..STRINGS };
            assert_eq!(*strings.signed(&signed), wanted, "{strings:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", near in "[0-9A-Fa-f=\n+/]{0,200}") {
            for data in [DataForm::Hex, DataForm::Base64, DataForm::Gbk, DataForm::Utf8] {
                for encoding in [Encoding::Hex, Encoding::Base64] {
                    let strings = PkiStrings { data, encoding, ..STRINGS };
                    for text in [&text, &near] {
                        let _ = (strings.data(text).is_ok(), strings.signature(text).is_ok());
                        let _ = strings.certificate(text).is_ok();
                    }
                }
            }
        }
    }
}
