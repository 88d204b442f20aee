#!/usr/bin/env bash
# Annotations on standard output, the findings in the job's summary, SARIF only when a file is named; the exit code is that of rot.
set -euo pipefail
list="${RUNNER_TEMP:-/tmp}/rot-findings.txt"
arguments=(check --report github --report "concise=$list" --fail-on "$ROT_FAIL_ON")
[ -z "${ROT_SARIF:-}" ] || arguments+=(--report "sarif=$ROT_SARIF")
read -r -a paths <<<"$ROT_PATHS"
code=0
rot "${arguments[@]}" -- "${paths[@]}" || code=$?
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    echo "### rot check"
    echo
    if [ -s "$list" ]; then
      echo '```'
      head -c 60000 "$list"
      echo '```'
    elif [ "$code" = 0 ]; then
      echo "Nothing was found."
    fi
  } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$code"
