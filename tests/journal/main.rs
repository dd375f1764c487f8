//! The proofs of the journal, on real files: what was answered is there after the power was cut, after a death at any
//! write, on a disk that is full, read only or damaged, and whatever the clock does.
//!
//! What takes long is sampled here; `SBKD_FULL=1` takes all of it.

mod clock;
mod crash;
mod damage;
mod disk;
mod new_keys;
mod power_cut;
mod storage;
mod trace;
mod unsynced;
mod world;
