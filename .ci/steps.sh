# Steps of .ci/run: each is announced, timed and counted; a run of tests counts each of its assertions too.
# Sourced; sets `passed`, `failed` and `failures`, a line for whatever failed, to be told once more at the end.

passed=0
failed=0
failures=()

# step NAME COMMAND...: runs the command without standard input; false when it failed.
step() {
  local name=$1 began=$SECONDS code=0
  shift
  printf '\n==> %s\n' "$name"
  "$@" </dev/null || code=$?
  if ((code == 0)); then
    passed=$((passed + 1))
    printf '    passed: %s (%d s)\n' "$name" $((SECONDS - began))
  else
    failed=$((failed + 1))
    failures+=("step: $name, exit code $code")
    printf '    FAILED: %s, exit code %d (%d s)\n' "$name" "$code" $((SECONDS - began))
  fi
  return "$code"
}

# counted_tests COMMAND...: runs tap, whose closing comment is `# { total: 9, pass: 7, fail: 1, skip: 1 }` with the zeros
# left out. What was skipped or put off has not been tested: it counts as failed.
counted_tests() {
  local log=$scratch/tap.log code=0 summary fail missed
  "$@" >"$log" 2>&1 || code=$?
  grep -E '^(ok|not ok|# left out:) ' "$log" || true
  summary=$(grep -E '^# \{ total: ' "$log" | tail -n 1) || true
  fail=$(number_of fail "$summary")
  missed=$(($(number_of skip "$summary") + $(number_of todo "$summary")))
  passed=$((passed + $(number_of pass "$summary")))
  failed=$((failed + fail + missed))
  echo "    ${summary:-no summary: the runner did not come to its end}"
  if ((missed > 0)); then
    echo '    skipped, which CI does not forgive:'
    grep -E '# (SKIP|TODO)' "$log" || true
  fi
  if ((code == 0 && fail == 0 && missed == 0 && $(number_of pass "$summary") > 0)); then return 0; fi
  mapfile -t -O ${#failures[@]} failures < <(failed_assertions "$log")
  echo '    all that it printed:'
  cat "$log"
  return 1
}

# failed_assertions LOG: where tap says that something failed or was skipped, each with the file and the tests that it
# is in, but not those once more for having failed.
failed_assertions() {
  awk '
    match($0, /^ *# Subtest: /) { depth = index($0, "#"); name[depth] = substr($0, RLENGTH + 1); told[depth] = 0 }
    /^ *not ok |^ *ok .*# (SKIP|TODO)/ {
      match($0, /^ */)
      depth = RLENGTH + 1
      if (!told[depth]) {
        path = ""
        for (outer = 1; outer < depth; outer += 4) path = path name[outer] " > "
        print substr(path substr($0, depth), 1, 300)
      }
      told[depth] = 0
      for (outer = 1; outer < depth; outer += 4) told[outer] = 1
    }
  ' "$1"
}

# number_of NAME SUMMARY: the number in it, or 0.
number_of() {
  local found
  found=$(sed -n "s/.*[{ ]$1: \([0-9]*\).*/\1/p" <<<"$2")
  echo "${found:-0}"
}
