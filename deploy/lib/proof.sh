# The end: everything that was sent is counted, and what Redis holds is held against an independent count of the log.

readonly still_seconds=60 # a standstill: however slow the machine, something is counted in that time

proof_give() {
    feed_read
    proof_drain
    figures_of_all
    [ -n "$keep" ] || workers_end
    proof_recount
    proof_windows
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
    local file
    sent=0 records=0
    for file in "$state/generator.out" "$state"/past.*.out; do
        [ -e "$file" ] || continue
        field events "$file" && sent=$((sent + value))
        field acknowledged "$file" && records=$((records + value))
    done
    [ "$sent" -gt 0 ] || fail 'nothing was sent' "${child_log[generator]}"
}

proof_drain() {
    local deadline=0 reached=-1
    declare -A mark_of=()
    until is_drained; do
        children_watch redis broker "${workers[@]}"
        [ "$counted" = "$reached" ] || deadline=$(($(now_ms) + still_seconds * 1000))
        reached=$counted
        [ "$(now_ms)" -lt "$deadline" ] || fail "of $records records $counted are counted, and for $still_seconds s no more"
        step_says 'waiting until everything is counted'
        sleep 0.2
    done
}

# The lowest marks of all partitions together, in $counted, are the records of the log: every shard has acknowledged every one of
# them. Where two workers name a partition, the one that has just lost it is behind; and a worker that is slow to answer stands where
# it was seen last.
is_drained() {
    local worker partition mark
    while read -r partition mark; do
        [ "$mark" -le "${mark_of[$partition]:-0}" ] || mark_of[$partition]=$mark
    done < <(for worker in "${workers[@]}"; do
        probe "$worker" /status && grep -o '{[^{}]*"mark":[0-9]*' <<<"$answer"
    done | sed 's/.*"partition":\([0-9]*\).*"mark":\([0-9]*\)/\1 \2/')
    counted=0
    for mark in "${mark_of[@]}"; do counted=$((counted + mark)); done
    [ "$counted" -ge "$records" ]
}

figures_of_all() {
    local deadline=$(($(now_ms) + still_seconds * 1000))
    until figures_read; do
        [ "$(now_ms)" -lt "$deadline" ] || fail 'a worker does not answer'
    done
}

workers_end() {
    local worker
    for worker in "${workers[@]}"; do
        child_stop "$worker" 250
        [ "$child_code" = 0 ] || child_ended_badly "$worker"
    done
}

proof_recount() {
    local code=0
    step_says 'counting the log again'
    "$programs/clameur-loadtest" recount -c "$state/clameur.yaml" --drained --live --output json \
        --max-differences 1000000 >"$state/recount.out" 2>"$state/recount.log" </dev/null || code=$?
    [ "$code" -le 1 ] || fail "the recount ended with $code" "$state/recount.log"
}

# Every window that can be sealed by now is published, and counted again from the log.
proof_windows() {
    local code=0 deadline=0 reached=-1
    until is_kept; do
        children_watch aggregator
        [ "$kept" = "$reached" ] || deadline=$(($(now_ms) + still_seconds * 1000))
        reached=$kept
        [ "$(now_ms)" -lt "$deadline" ] || fail "of $records records the aggregator has kept $kept, and for $still_seconds s no more"
        step_says 'waiting until the windows are kept'
        sleep 0.2
    done
    step_says 'counting the windows again'
    "$programs/clameur-loadtest" recount --against=snapshots -c "$state/clameur.yaml" --live --output json \
        >"$state/windows.out" 2>"$state/windows.log" </dev/null || code=$?
    [ "$code" -le 1 ] || fail "the recount of the windows ended with $code" "$state/windows.log"
    [ -z "$keep" ] || return 0
    child_stop aggregator 250
    [ "$child_code" = 0 ] || child_ended_badly aggregator
}

# The aggregator has kept each partition up to its end, together, in $kept, the records that were sent.
is_kept() {
    kept=0
    probe aggregator /status || return 1
    kept=$(grep -o '"kept":[0-9]*' <<<"$answer" | awk -F: '{ sum += $2 } END { printf "%d", sum }')
    [ "$kept" -ge "$records" ]
}

# verdict TEXT LEFT RIGHT: a line of the proof, EQUAL or not.
verdict() {
    local word=EQUAL
    [ "$2" = "$3" ] || word="NOT EQUAL ($2, $3)"
    [ "$2" = "$3" ] || unequal=1
    padded "$1" $((columns - 23))
    printf '                %s %s\n' "$padded" "$word"
}

# sum_of NAME...: `name 1,234 + ...` of the recount's figures in $text, their sum in $sum.
sum_of() {
    local name
    text='' sum=0
    for name; do
        field "$name" "$state/recount.out"
        sum=$((sum + value))
        grouped "$value"
        text+="${text:+ + }$name $grouped"
    done
}

# The workers' own balance: what they read twice, because one was killed or slept, they must not have counted twice.
proof_say_balance() {
    local name ours=0 read
    figure_of events_read_total && read=$value
    for name in counted_total rejected_total duplicate_total replayed_total in_flight; do
        figure_of "events_$name"
        ours=$((ours + value))
    done
    grouped "$read"
    verdict "the workers read $grouped = counted + rejected + duplicate + read again + in flight" "$read" "$ours"
}

proof_say_windows() {
    local windows cells
    field windows "$state/windows.out" && grouped "$value" && windows=$grouped
    [ "$value" -gt 0 ] || fail 'no window was published' "$state/windows.log"
    field counters "$state/windows.out" && grouped "$value" && cells=$grouped
    field findings "$state/windows.out"
    verdict "snapshots: $cells counters in $windows published windows, $value findings" "$value" 0
}

proof_say_faults() {
    local fenced
    figure_of flush_verdicts_total fenced && grouped "$value" && fenced=$grouped
    printf '                workers killed %d, zombies woken %d, flushes fenced %s\n' "$killed" "$woken" "$fenced"
    events_off lost
    verdict "events lost $value, by each platform's total of each kind" "$value" 0
    events_off twice
    verdict "events counted twice $value, by the same" "$value" 0
}

# events_off lost|twice: how many events the platforms' totals in Redis lack, or have too many, in $value. An event moves one counter of its
# kind there, mostly by 1. Absent is 0.
events_off() {
    value=$({
        sed -n 's/^KIND([^"]*"[^"]*", "\([a-z0-9_]*\)".*/kind \1/p' schemas/kinds.def
        grep -o '"key":"[^"]*:platform:[^"]*","field":"[^"]*","redis":"[^"]*","recount":"[^"]*"' "$state/recount.out"
    } | awk -F'"' -v what="$1" '
        /^kind / { is_kind[substr($0, 6)] = 1; next }
        $8 in is_kind || $8 ~ /^kind_/ {
            off = ($16 == "absent" ? 0 : $16) - ($12 == "absent" ? 0 : $12)
            sum += what == "lost" && off > 0 ? off : what == "twice" && off < 0 ? -off : 0
        }
        END { printf "%d", sum }')
}

proof_say() {
    local log log_grouped differences counters keys_compared
    unequal=
    field events "$state/recount.out" && log=$value
    grouped "$log" && log_grouped=$grouped
    grouped "$sent"
    verdict "sent $grouped = log $log_grouped" "$sent" "$log"
    sum_of counted rejected duplicates
    verdict "log $log_grouped = $text" "$log" "$sum"
    proof_say_balance
    field keys "$state/recount.out" && grouped "$value" && keys_compared=$grouped
    field counters "$state/recount.out" && grouped "$value" && counters=$grouped
    field differences "$state/recount.out" && differences=$value
    verdict "recount: $counters counters in $keys_compared keys of Redis, $differences differ" "$differences" 0
    proof_say_windows
    proof_say_faults
    grep -q '"faults":\[\]' "$state/recount.out" || fail 'counters could not be applied' "$state/recount.out"
    [ -z "$unequal" ] || fail 'not everything is equal' "$state/recount.out"
    say 'This shows it, on an embedded Kafka. What proves it, on a real one, with crashes, zombies and rollbacks:  ./tests/run'
}
