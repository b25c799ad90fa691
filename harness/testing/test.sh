#!/usr/bin/env bash
# The tests: types, lint, format, then every *.test.ts. What was skipped, by reason, and the last line: `N passed, N failed`.
# With arguments: only these test files.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
passed=0
failed=0

check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "not ok: $name"
  fi
}

if [ $# -eq 0 ]; then
  check 'types' npm run --silent typecheck
  check 'lint' npm run --silent lint
  check 'format' npm run --silent format:check
  check 'suites' ./segproof lint
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
npx tap --reporter=tap "$@" >"$log"
code=$?
sed -n '/^ *not ok/,/^ *\.\.\./p' "$log"
# Leaf points only: a point that ends a subtest counts its subtests.
counted=$(node dist/harness/testing/count-tap.js <"$log")
read -r ok bad <<<"$counted"
passed=$((passed + ok))
failed=$((failed + bad))
if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
  tail -n 40 "$log"
  failed=$((failed + 1))
fi
sed 1d <<<"$counted"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
