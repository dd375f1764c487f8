//! Measures the daemon beside bare calls to the libraries it stands on.
#![forbid(unsafe_code)]

#[allow(dead_code)]
mod machine;
#[allow(dead_code)] // used as the measurements come
mod numbers;

fn main() {
    println!("{}", machine::describe());
}
