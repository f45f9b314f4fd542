#!/usr/bin/env bash
# Runs the tests on every Node version that is supported, and says what ran.
# Arguments are passed on: npm run test:nodes -- test/jobs/jobs.test.ts
# The npm package `node` brings the executable of each version.
set -uo pipefail
cd "$(dirname "$0")/.."

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
summary=()
failed=0

for major in ${NODES:-20 22 24 26}; do
  report="$reports/$major.json"
  on_node=(npm exec --yes "--package=node@$major" -- node)
  "${on_node[@]}" node_modules/vitest/vitest.mjs run --reporter=default --reporter=json --outputFile.json="$report" "$@" || failed=1
  version=$("${on_node[@]}" --version) || version="node@$major could not be run"
  counts=$(node -p "const r = JSON.parse(require('node:fs').readFileSync('$report', 'utf8')); r.numPassedTests + ' passed, ' + r.numFailedTests + ' failed'") || { counts='no report'; failed=1; }
  summary+=("$version: $counts")
done

printf '%s\n' "${summary[@]}"
exit "$failed"
