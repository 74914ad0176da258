# Runs the steps of .ci/run: prints the name and time of each step, and counts steps and assertions of tests.
# Sourced; sets `passed`, `failed` and `failures`, which has one line for each failure.

passed=0
failed=0
failures=()

# step NAME COMMAND...: runs the command without standard input; false when it failed.
step() {
  local name=$1 began=$SECONDS code=0
  shift
  printf '\n==> %s\n' "$name"
  "$@" </dev/null || code=$?
  count_step "$name" "$code" $((SECONDS - began))
}

# count_step NAME EXIT_CODE SECONDS
count_step() {
  if (($2 == 0)); then
    passed=$((passed + 1))
    printf '    passed: %s (%d s)\n' "$1" "$3"
  else
    failed=$((failed + 1))
    failures+=("step: $1, exit code $2")
    printf '    FAILED: %s, exit code %d (%d s)\n' "$1" "$2" "$3"
  fi
  return "$2"
}

# begin_step NAME COMMAND...: runs a step in the background until finish_steps. The step must not depend on other steps.
begun=()
begin_step() {
  local name=$1 output=$scratch/step.${#begun[@]}
  shift
  (
    code=0
    "$@" </dev/null >"$output" 2>&1 || code=$?
    echo "$SECONDS" >"$output.end"
    exit "$code"
  ) &
  begun+=("$! $SECONDS $output $name")
}

# finish_steps: waits for the steps in the background, and prints and counts them in the order of their start.
finish_steps() {
  local one pid began output name code
  for one in "${begun[@]}"; do
    read -r pid began output name <<<"$one"
    code=0
    wait "$pid" || code=$?
    printf '\n==> %s\n' "$name"
    cat "$output"
    count_step "$name" "$code" $(($(cat "$output.end") - began)) || true
  done
  begun=()
}

# counted_tests COMMAND...: runs a command that runs scripts/test.js, and counts its assertions and failures. Its last line is
# `N passed, N failed`; before that, a line `failed:` may begin the list of failures.
counted_tests() {
  local log=$scratch/tests.log code=0 summary
  "$@" 2>&1 | tee "$log" || code=$?
  # npm may print more lines after the summary.
  summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1) || true
  if [[ ! $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    echo '    no summary: scripts/test.js ended early'
    return 1
  fi
  passed=$((passed + BASH_REMATCH[1]))
  failed=$((failed + BASH_REMATCH[2]))
  mapfile -t -O ${#failures[@]} failures < <(sed -n '/^failed:$/,/^$/s/^    //p' "$log")
  return "$code"
}
