# make demo    the whole walk on virtual cards: real pcscd, daemon, reference centre (ONCE=1 ends by itself)
# make test    every test; brings its own pcscd
# make bench   measures beside bare calls and beside other rule engines, and prints tables with the machine
# make fuzz    every fuzz target for SBKD_FUZZ_SECONDS (600); needs nightly and cargo-fuzz, see fuzz/README.md
# make check   format, lints, the files in udev/, and deny.toml as far as cargo-deny and its database are installed
.PHONY: demo test bench fuzz check install install-tests

demo: install
	cargo build --locked --bin sbkd
	ONCE=$(ONCE) tools/demo

# Twice as many at a time as there are processors: most of them wait for a card service, a centre or a disk.
test: install-tests
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))} cargo test --locked --workspace

bench: install-tests
	cargo build --locked --release --workspace
	cargo run --locked --release --package sbkd-bench
	cargo run --release --manifest-path bench-peers/Cargo.toml --target-dir target/peers

fuzz: install
	tools/fuzz

check: install
	cargo fmt --all --check
	cargo fmt --manifest-path bench-peers/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	tools/check-udev
	tools/check-deny

install:
	@tools/install

install-tests:
	@tools/install tests
