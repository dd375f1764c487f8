# make demo    the whole walk on virtual cards: real pcscd, daemon, reference centre (ONCE=1 ends by itself)
# make test    every test; brings its own pcscd
# make bench   measures beside bare calls and beside other rule engines, and prints two tables with the machine
# make check   format, lints, the files in udev/, and deny.toml as far as cargo-deny and its database are installed
.PHONY: demo test bench check install

demo: install
	cargo build --locked --bin sbkd
	ONCE=$(ONCE) tools/demo

test: install
	cargo test --locked --workspace

bench: install
	cargo build --locked --release --workspace
	cargo run --locked --release --package sbkd-bench
	cargo run --release --manifest-path bench-peers/Cargo.toml --target-dir target/peers

check: install
	cargo fmt --all --check
	cargo fmt --manifest-path bench-peers/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	tools/check-udev
	tools/check-deny

install:
	@tools/install
