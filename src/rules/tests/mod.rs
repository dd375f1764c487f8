//! Tests of the engine and of the packs that ship, by what they are about.

mod shipped;
