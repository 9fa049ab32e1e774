# What people do with this house. `just` lists it.

_list:
    @just --list --unsorted

# Format all code.
fmt:
    cargo fmt

# Every lint as an error.
lint:
    cargo clippy --all-targets --locked -- -D warnings

# All tests; no network, no model, no database server.
test:
    cargo test --locked

# The documentation of the code, with no broken link.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# All that must hold before a change goes in.
ci: && lint test doc
    cargo fmt --check

# The prison experiment without a model, in a database of its own.
demo:
    mkdir -p target/demo
    cargo run --quiet --locked -- run experiments/prison --offline --store sqlite:target/demo/convoke.db
    cargo run --quiet --locked -- list prison --store sqlite:target/demo/convoke.db
