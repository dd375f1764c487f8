//! The APDU script language: what is sent, what is expected, what is captured.
