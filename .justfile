# Recipes for those who work on rot; `just --list` shows them.

# What CI runs: formatting, lints as errors, all tests.
ci:
    .ci/run

# The tests, or those whose name holds FILTER.
test *FILTER:
    cargo test {{FILTER}}

# Write the snapshots anew; look at the difference before you commit it.
bless *FILTER:
    INSTA_UPDATE=always cargo test --test it -- {{FILTER}}
    git diff --stat -- '*.snap'

# The benches, or those whose name holds FILTER; docs/performance.md says how to read them.
bench *FILTER:
    cargo bench --bench rot -- {{FILTER}}

# Fuzz one target for SECONDS.
fuzz TARGET SECONDS='60':
    cargo +nightly fuzz run {{TARGET}} -- -max_total_time={{SECONDS}}

# The long tests that kill, cut, lie and fill disks; docs/how-it-is-tested.md says how long they take.
torture *FILTER:
    cargo test --release --test it torture::{{FILTER}} -- --ignored --nocapture --test-threads 1

# A new rule of the checker from an old one: its file, with the page as its doc comment.
new-rule NAME FROM='unused_secret':
    test ! -e src/check/rules/{{NAME}}.rs
    cp src/check/rules/{{FROM}}.rs src/check/rules/{{NAME}}.rs
    @echo "now: a row in src/diagnostic/code.rs, a line in src/check/rules/mod.rs, the page in the new file, cases in tests/it/check"
