# The end: everything that was sent is counted, and what Redis holds is held against an independent count of the log.

readonly drain_seconds=60

proof_give() {
    feed_read
    proof_drain
    figures_read || fail 'the worker does not answer' "${child_log[worker]}"
    [ -n "$keep" ] || worker_end
    proof_recount
    step_done 5 'all is counted; then the log was counted again, independently'
    proof_say
}

# The generator is told to end, if it has not, and must have ended well.
feed_end() {
    [ -z "${feed_ended:-}" ] || return 0
    feed_ended=1
    child_runs generator && kill -TERM "${child_pid[generator]}" 2>/dev/null
    local deadline=$(($(now_ms) + 60000))
    while child_runs generator; do
        [ "$(now_ms)" -lt "$deadline" ] || fail 'the generator does not end' "${child_log[generator]}"
        sleep 0.1
    done
    child_wait generator
    child_forget generator
    [ "$child_code" = 0 ] || child_ended_badly generator
}

# field NAME FILE: a number of a line of JSON, in $value.
field() {
    local text
    text=$(cat "$2")
    [[ $text =~ \"$1\":([0-9]+) ]] || fail "no \"$1\" in $2" "$2"
    value=${BASH_REMATCH[1]}
}

feed_read() {
    field events "$state/generator.out" && sent=$value
    field acknowledged "$state/generator.out" && records=$value
    [ "$sent" -gt 0 ] || fail 'nothing was sent' "${child_log[generator]}"
}

proof_drain() {
    local deadline=$(($(now_ms) + drain_seconds * 1000))
    until is_drained; do
        children_watch redis broker worker
        [ "$(now_ms)" -lt "$deadline" ] || fail "the worker has not counted all $sent events after $drain_seconds s" \
            "${child_log[worker]}"
        step_says 'waiting until everything is counted'
        sleep 0.2
    done
}

# The lowest marks of all partitions together are the records of the log: every shard has acknowledged every one of them.
is_drained() {
    local marks=0 mark
    probe /status || return 1
    while read -r mark; do
        marks=$((marks + mark))
    done < <(grep -o '"mark":[0-9]*' <<<"$answer" | cut -d: -f2)
    [ "$marks" -ge "$records" ]
}

worker_end() {
    child_stop worker 250
    [ "$child_code" = 0 ] || child_ended_badly worker
}

proof_recount() {
    local code=0
    step_says 'counting the log again'
    "$programs/clameur-loadtest" recount -c "$state/clameur.yaml" --drained --live --output json >"$state/recount.out" \
        2>"$state/recount.log" </dev/null || code=$?
    [ "$code" -le 1 ] || fail "the recount ended with $code" "$state/recount.log"
}

# verdict TEXT LEFT RIGHT: a line of the proof, EQUAL or not.
verdict() {
    local word=EQUAL
    [ "$2" = "$3" ] || word="NOT EQUAL ($2, $3)"
    [ "$2" = "$3" ] || unequal=1
    padded "$1" $((columns - 23))
    printf '                %s %s\n' "$padded" "$word"
}

# sum_of NAME...: `name 1,234 + ...` of the worker's figures in $text, their sum in $sum.
sum_of() {
    local name
    text='' sum=0
    for name; do
        if [ "$name" = in_flight ]; then figure_of events_in_flight; else figure_of "events_${name}_total"; fi
        sum=$((sum + value))
        grouped "$value"
        text+="${text:+ + }${name//_/ } $grouped"
    done
}

proof_say() {
    local log log_grouped differences counters keys_compared rejected name
    unequal=
    field events "$state/recount.out" && log=$value
    grouped "$log" && log_grouped=$grouped
    grouped "$sent"
    verdict "sent $grouped = log $log_grouped" "$sent" "$log"
    sum_of counted rejected duplicate in_flight
    verdict "log $log_grouped = $text" "$log" "$sum"
    proof_say_parts
    field keys "$state/recount.out" && grouped "$value" && keys_compared=$grouped
    field counters "$state/recount.out" && grouped "$value" && counters=$grouped
    field differences "$state/recount.out" && differences=$value
    verdict "recount: $counters counters in $keys_compared keys of Redis, $differences differ" "$differences" 0
    grep -q '"faults":\[\]' "$state/recount.out" || fail 'counters could not be applied' "$state/recount.out"
    [ -z "$unequal" ] || fail 'not everything is equal' "$state/recount.out"
    say 'This shows it, on an embedded Kafka. What proves it, on a real one, with crashes, zombies and rollbacks:  ./tests/run'
}

# The same three figures, of the worker and of the recount.
proof_say_parts() {
    local pair theirs ours text_worker text_recount worker='' recount=''
    for pair in counted:counted rejected:rejected duplicate:duplicates; do
        figure_of "events_${pair%:*}_total" && ours=$value
        field "${pair#*:}" "$state/recount.out" && theirs=$value
        worker+=" $ours" recount+=" $theirs"
    done
    verdict "each of them, counted by the worker and by the recount" "$worker" "$recount"
}
