//! The functions as C sees them (`include/SSCardDriver.h`).

use std::ffi::{c_char, c_int, c_long};
use std::panic::{AssertUnwindSafe, catch_unwind};

use zeroize::Zeroizing;

use crate::call::{self, Given};
use crate::code::{PARAMETER, Refused, UNKNOWN};
use crate::function::{Function, LONGEST};
use crate::memory;
use crate::settings::Settings;

/// A parameter as C passes it.
#[derive(Clone, Copy)]
enum Passed {
    Int(c_int),
    Text(*const c_char),
}

macro_rules! passed {
    (int) => { c_int };
    (text) => { *mut c_char };
    (int $value:ident) => { Passed::Int($value) };
    (text $value:ident) => { Passed::Text($value) };
}

macro_rules! functions {
    ($($name:ident($($parameter:ident: $kind:ident),*);)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` of the national driver interface.")]
            ///
            /// # Safety
            /// Each text is NULL or ends with a NUL; `pOutInfo` is NULL or has room for the greatest output of the function.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $name($($parameter: passed!($kind),)* pOutInfo: *mut c_char) -> c_long {
                // SAFETY: what this function asks of its caller is what that one does.
                unsafe { enter(stringify!($name), &[$(passed!($kind $parameter)),*], pOutInfo) }
            }
        )*

        /// What is exported, with the parameters' names.
        #[cfg(test)]
        const EXPORTED: &[(&str, &[(&str, &str)])] =
            &[$((stringify!($name), &[$((stringify!($parameter), stringify!($kind))),*])),*];
    };
}

functions! {
    iReadCardBas(iType: int);
    iReadCard(iType: int, iAuthType: int, pCardInfo: text, pFileAddr: text);
    iWriteCard(iType: int, pCardInfo: text, pFileAddr: text, pWriteData: text);
    iVerifyPIN(iType: int);
    iChangePIN(iType: int);
    iReloadPIN(iType: int, pCardInfo: text);
    iUnblockPIN(iType: int, pCardInfo: text);
    iDoDebit(iType: int, pCardInfo: text, pPayInfo: text);
    iReadDebitRecord(iType: int);
    iReadCardBas_HSM_Step1(iType: int);
    iReadCardBas_HSM_Step2(pKey: text);
    iReadCard_HSM_Step1(iType: int, pCardInfo: text, pFileAddr: text);
    iReadCard_HSM_Step2(pKey: text);
    iWriteCard_HSM_Step1(iType: int, pCardInfo: text, pFileAddr: text);
    iWriteCard_HSM_Step2(pKey: text, pWriteData: text);
    iReloadPIN_HSM_Step1(iType: int, pCardInfo: text);
    iReloadPIN_HSM_Step2(pKey: text);
    iReloadPIN_HSM_Step3(pKey: text);
    iUnblockPIN_HSM_Step1(iType: int, pCardInfo: text);
    iUnblockPIN_HSM_Step2(pKey: text);
    iUnblockPIN_HSM_Step3(pKey: text);
    iDoDebit_HSM_Step1(iType: int, pCardInfo: text, pPayInfo: text);
    iDoDebit_HSM_Step2(pKey: text);
    PKI_SignData(pUserPin: text, pInData: text, iType: int);
    PKI_VerifySign(pUserPin: text, pCert: text, pClearText: text, pSignature: text, iType: int);
}

/// What every function does: takes a copy of what was handed in, has it carried out, and writes what came of it.
///
/// # Safety
/// As of the functions above.
unsafe fn enter(name: &str, passed: &[Passed], out: *mut c_char) -> c_long {
    if out.is_null() {
        return c_long::from(PARAMETER);
    }
    let given = passed.iter().map(|passed| match *passed {
        Passed::Int(number) => Given::Number(number),
        Passed::Text(text) if text.is_null() => Given::Null,
        // SAFETY: it is not NULL, and the caller says that it ends with a NUL.
        Passed::Text(text) => Given::Text(unsafe { memory::bytes(text, LONGEST) }),
    });
    let given = given.collect();
    // No panic may pass into C. What it leaves behind is this call's alone.
    let result = catch_unwind(AssertUnwindSafe(|| match Function::named(name) {
        Some(function) => call::carry_out(function, given),
        None => call::described(&Settings::default(), Refused::new(UNKNOWN, "内部错误")),
    }));
    let (code, bytes) = result.map_or((UNKNOWN, Zeroizing::default()), |result| (result.code, result.bytes));
    // SAFETY: it is not NULL, and the caller says that it has room for the greatest output, which `call` keeps to.
    unsafe { memory::write(out, &bytes) };
    c_long::from(code)
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;
    use crate::function::FUNCTIONS;

    #[test]
    fn what_is_exported_is_the_table() {
        let kind = |number: bool| if number { "int" } else { "text" };
        let table: Vec<(&str, Vec<(&str, &str)>)> = FUNCTIONS
            .iter()
            .map(|f| (f.name, f.parameters.iter().map(|p| (p.name(), kind(p.is_number()))).collect()))
            .collect();
        let exported: Vec<(&str, Vec<(&str, &str)>)> =
            EXPORTED.iter().map(|(name, parameters)| (*name, parameters.to_vec())).collect();
        assert_eq!(exported, table);
    }

    #[test]
    fn the_header_declares_each_function() {
        let header = include_str!("../include/SSCardDriver.h");
        let declared: Vec<&str> = header.lines().filter(|line| line.starts_with("long SSCARD_CALL")).collect();
        let wanted: Vec<String> = FUNCTIONS.iter().map(Function::declaration).collect();
        assert_eq!(declared, wanted);
    }

    #[test]
    fn a_null_is_a_bad_parameter_and_nothing_is_written_there() {
        let mut out = [7 as c_char; 1024];
        // SAFETY: a NULL is allowed in any place, and `out` has room.
        unsafe {
            assert_eq!(iReadCardBas(1, null_mut()), -14);
            assert_eq!(iReadCardBas_HSM_Step2(null_mut(), out.as_mut_ptr()), -14);
        }
        assert!(out.contains(&0), "a description was written");
    }
}
