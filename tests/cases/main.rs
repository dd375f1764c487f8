//! Cases from end to end in one process: virtual readers and chips, the real walk, a real journal, a real centre over
//! HTTP.

mod account;
mod alarm;
mod alone;
mod away;
mod blacklist;
mod card;
mod centre;
mod counter;
mod doors;
mod earlier;
mod hung;
mod keys;
mod notices;
mod programs;
mod reconcile;
mod settlement;
mod shift;
mod showing;
mod sign_in;
mod untold;
