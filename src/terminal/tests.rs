//! Cases from end to end.
