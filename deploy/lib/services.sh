# What runs in a demo: the embedded Kafka, Redis, the worker, and what feeds them.

# The embedded broker keeps 5 MiB a partition and the generator refuses to pass 4. Events of the mix take about 240 bytes there; a
# third is left to partitions with more than their share.
readonly event_bytes=240 partition_bytes=2700000 partitions_least=8 partitions_most=256
readonly past_windows=4 past_events=3000 # windows of two hours ago, which can be sealed while the demo runs, and events of each
readonly rate_usual=10000
workers=(worker-1 worker-2 worker-3)
declare -A worker_port=()

# recording | account | path below $CLAMEUR_RECORDINGS | from | until | hour of the ranking | flags | what is played | where it comes from.
# Times are seconds since 1970; what lies between must fit the embedded broker.
recordings() {
    cat <<'TABLE'
higgs|higgs|higgs-activity/higgs-activity_time.txt.gz|1341381600|1341385200|1341381600||the Higgs boson on Twitter, 2012-07-04 06:00 to 07:00 UTC|SNAP's "Higgs Twitter Dataset": https://snap.stanford.edu/data/higgs-twitter.html, the file higgs-activity_time.txt.gz
online-retail|online-retail|online-retail/online_retail.csv.zst|1322697600|1323475200|1323104400||a gift shop's invoices, 2011-12-01 to 2011-12-09|UCI's "Online Retail", as a CSV (see README.md)
complete-journey|complete-journey|complete-journey|1502150400|1502755200|1502744400||baskets, a campaign's mailing and coupons, 2017-08-08 to 2017-08-14|84.51's "Complete Journey 2.0", a folder of four CSVs (see README.md)
otto-sample|otto|otto-sample/sessions.jsonl.zst|0|99999999999|1659304800|--rate 40|twenty sessions in a shop, August 2022|https://github.com/otto-de/recsys-dataset, the file test/resources/train.jsonl
TABLE
}

# --- Before anything is started

services_plan() {
    case $data in
    all) plan_mix ;;
    *) plan_recording ;;
    esac
}

plan_mix() {
    local past=$((past_windows * past_events)) flow=$((seconds + faults_seconds))
    local most=$((partitions_most * (partition_bytes / event_bytes) - past))
    account=acme
    if [ -z "$rate" ]; then
        rate=$((most / flow < rate_usual ? most / flow : rate_usual))
    elif [ $((rate * flow)) -gt "$most" ]; then
        grouped "$most"
        usage_error "more than $grouped events do not fit into the embedded broker: fewer --seconds or a lower --rate"
    fi
    partitions=$(((rate * flow + past) / (partition_bytes / event_bytes) + 1))
    partitions=$((partitions < partitions_least ? partitions_least : partitions))
}

plan_recording() {
    local below source
    IFS='|' read -r _ account below from until ranked_hour pace played source < <(recordings | grep "^$data|")
    partitions=$partitions_least
    if [ -z "$recording" ] && [ -n "${CLAMEUR_RECORDINGS:-}" ]; then
        recording=$CLAMEUR_RECORDINGS/$below
    fi
    [ -n "$recording" ] && [ -r "$recording" ] && return
    cat >&2 <<TEXT
demo: there is no recording${recording:+ at $recording}. It is $source.
      Then: deploy/demo --data $data=PATH   (or CLAMEUR_RECORDINGS=FOLDER, with $below in it)
TEXT
    exit 66
}

# --- Build

readonly built='clameur-ingest clameur-aggregate clameur-loadtest'

services_build() {
    exec {build_lock}>build/.demo.lock # two demos at once build one after the other
    flock "$build_lock"
    child_start build bash -c 'cmake --preset release && exec cmake --build --preset release \
        --target $0 -- -j "$(nproc)"' "$built"
    while child_runs build; do
        step_says "release, 3 programs   $(build_progress "$state/build.out")"
        sleep 0.2
    done
    child_wait build
    child_forget build
    exec {build_lock}>&-
    [ "$child_code" = 0 ] || build_failed
    step_done 2 "release, 3 programs$(build_steps "$state/build.out")"
}

# From the first error on, where the output names one.
build_failed() {
    cat "$state/build.log" >>"$state/build.out"
    sed -n '/^FAILED: \|error:\|CMake Error/,$p' "$state/build.out" | head -n 30 >"$state/build.log"
    [ -s "$state/build.log" ] || tail -n 30 "$state/build.out" >"$state/build.log"
    cat "$state/build.log" >&"$errors"
    fail 'the build failed'
}

# The last `[n/m]` of ninja, as a bar. Ninja tells what is done: at its end the programs are linked, which takes long.
build_progress() {
    local width=30 bar
    build_read "$1" || return 0
    printf -v bar '%*s' $((width * done_steps / all_steps)) ''
    printf '[%-*s] %s of %s' "$width" "${bar// /#}" "$done_steps" "$all_steps"
    [ $((all_steps - done_steps)) -gt 3 ] || [ "$all_steps" -le 3 ] || printf ', linking'
}

# What there was to do; nothing where all was built before.
build_steps() {
    build_read "$1" && printf ', %s of %s steps' "$done_steps" "$all_steps"
}

# In $done_steps and $all_steps. False where ninja has said nothing yet.
build_read() {
    local last
    last=$(grep -o '^\[[0-9]*/[0-9]*\]' "$1" | tail -n 1)
    [[ $last =~ ^\[([0-9]+)/([1-9][0-9]*)\]$ ]] || return 1
    done_steps=${BASH_REMATCH[1]} all_steps=${BASH_REMATCH[2]}
}

# --- Start

services_start() {
    redis_start
    broker_start
    write_configuration
    "$programs/clameur-ingest" init -c "$state/clameur.yaml" >"$state/init.log" 2>&1 </dev/null ||
        fail 'clameur-ingest init failed' "$state/init.log"
    workers_start
    aggregator_start
    step_done 3 "redis $redis_version :$redis_port · embedded Kafka, $partitions partitions :${broker##*:} · ${#workers[@]} workers · 1 aggregator"
}

# wait_for WHAT SECONDS CHILD COMMAND...: until the command succeeds; the child must go on running.
wait_for() {
    local what=$1 child=$3 deadline=$(($(now_ms) + $2 * 1000))
    shift 3
    until "$@"; do
        children_watch "$child"
        [ "$(now_ms)" -lt "$deadline" ] || fail "$what: not in time" "${child_log[$child]}"
        step_says "waiting: $what"
        sleep 0.1
    done
}

# Debian's redis-tools carries the server, as one program under several names; it looks at the name it is called by.
redis_program() {
    command -v redis-server && return
    ln -s "$(command -v redis-check-rdb)" "$state/redis-server" && echo "$state/redis-server"
}

# A port below those that the kernel gives to connections. Taken after all, Redis ends, and the next one is tried.
redis_start() {
    local program tries
    program=$(redis_program)
    for ((tries = 0; tries < 20; tries++)); do
        redis_port=$((20000 + RANDOM % 12000))
        child_start redis "$program" --port "$redis_port" --bind 127.0.0.1 --dir "$PWD/$state" --save '' --appendonly no \
            --maxmemory-policy noeviction --daemonize no
        until redis_is_ours; do
            child_runs redis || break
            sleep 0.05
        done
        child_runs redis && return
        child_forget redis
        grep -q 'Address already in use' "$state/redis.out" || break
    done
    child_wait redis
    child_ended_badly redis
}

# The answer must come from our own process, not from another that has the port.
redis_is_ours() {
    local answer
    answer=$(ask_redis INFO server | tr -d '\r')
    redis_version=$(sed -n 's/^redis_version://p' <<<"$answer")
    grep -q "^process_id:${child_pid[redis]}$" <<<"$answer"
}

broker_start() {
    child_start broker "$programs/clameur-loadtest" broker --partitions "$partitions" --listen-file "$state/broker.address"
    wait_for 'the embedded Kafka names its address' 60 broker test -s "$state/broker.address"
    broker=$(cat "$state/broker.address")
}

write_configuration() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$state/pseudonym.key"
    echo >>"$state/pseudonym.key"
    cat >"$state/clameur.yaml" <<YAML
kafka.bootstrap.servers: "$broker"
kafka.topic: engagement
kafka.session.timeout: ${session_seconds}s
redis.url: "redis://127.0.0.1:$redis_port"
privacy.key_file: "$PWD/$state/pseudonym.key"
http.listen: "127.0.0.1:0"
store.url: "file://$PWD/$state/store"
aggregate.listen: "127.0.0.1:0"
aggregate.checkpoint: 1s
log.format: text
YAML
    [ "$data" != all ] || return 0
    # Events of years ago: nothing is too old, and no bucket is over before it was filled.
    printf 'rules.file: "%s"\n' "$PWD/$state/rules.yaml" >>"$state/clameur.yaml"
    cat >"$state/rules.yaml" <<'YAML'
- version: 1
  since: 0
  max_past: off
  series.retain: 7300d
  reach.retain: 7300d
YAML
}

# All of them, then each has some of the partitions.
workers_start() {
    local worker
    for worker in "${workers[@]}"; do worker_launch "$worker"; done
    for worker in "${workers[@]}"; do
        wait_for "$worker listens" 60 "$worker" worker_listens "$worker"
    done
    wait_for 'the workers share the partitions' 60 worker-1 workers_share
}

worker_launch() {
    child_start "$1" "$programs/clameur-ingest" run -c "$state/clameur.yaml"
}

worker_listens() {
    [ -z "${worker_port[$1]:-}" ] || return 0
    worker_port[$1]=$(sed -n 's/.*http_listening.*port=\([0-9]*\).*/\1/p' "$state/$1.log" | head -n 1)
    [ -n "${worker_port[$1]}" ]
}

aggregator_start() {
    child_start aggregator "$programs/clameur-aggregate" run -c "$state/clameur.yaml"
    wait_for 'the aggregator listens' 20 aggregator worker_listens aggregator
}

workers_share() {
    figures_read && fault_settled
}

# --- Play

services_feed() {
    local mix=(--mix all --seed 1 --accounts 8 --contents 20000 --actors 200000 --zipf 1.1
        --duplicates 0.015 --late 0.01 --malformed 0.004 --future 0.002)
    [ "$seconds" -lt 30 ] || mix+=(--bursts) # one in 30 s
    if [ "$data" != all ]; then
        [ -n "$pace" ] || pace="--speed $(((until - from) / seconds)).$(((until - from) * 100 / seconds % 100 / 10))"
        [ -z "$rate" ] || pace="--rate $rate"
        # shellcheck disable=SC2086 # a flag and its value
        child_start generator "$programs/clameur-loadtest" replay -c "$state/clameur.yaml" --format "$data" --from "$from" \
            --until "$until" $pace "$recording"
        step_goes_on 4 "$played"
    else
        services_feed_past
        child_start generator "$programs/clameur-loadtest" produce -c "$state/clameur.yaml" --rate "$rate" \
            --seconds $((seconds + faults_seconds)) "${mix[@]}"
        grouped "$rate"
        step_goes_on 4 "$grouped events/s for $seconds s: all platforms, all kinds; 1.5 % twice, 1 % late, 0.6 % broken on purpose"
    fi
}

# What lies two hours back, at once: the windows of now are sealed a quarter of an hour from now.
services_feed_past() {
    local start=$(($(date +%s) / 900 * 900 - 7200)) number
    step_says 'windows of two hours ago'
    for ((number = 1; number <= past_windows; number++)); do
        "$programs/clameur-loadtest" produce -c "$state/clameur.yaml" --events "$past_events" --seed "$((number + 1))" \
            --mix all --accounts 8 --contents 2000 --start-time "$(((start + number * 900 + 60) * 1000))" \
            >"$state/past.$number.out" 2>"$state/past.log" </dev/null || fail 'the past cannot be sent' "$state/past.log"
    done
}

# --- Keep

services_keep() {
    {
        cat <<'SH'
#!/bin/sh
# Ends this demo, and removes its folder.

# end NAME PID START: a pid that has another start time by now is another process.
end() {
    for signal in TERM $(seq 250) KILL; do
        case $(sed 's/.*) //' "/proc/$2/stat" 2>/dev/null | cut -d' ' -f1,20) in
        "Z $3") return ;;
        *" $3") ;;
        *) return ;;
        esac
        case $signal in [A-Z]*) kill -"$signal" "$2" ;; *) sleep 0.1 ;; esac
    done
}

SH
        printf '{\n'
        children_list | tac | sed 's/^/    end /'
        printf '    rm -rf %q\n    rmdir %q 2>/dev/null\n    exit 0\n}\n' "$PWD/$state" "$PWD/.demo"
    } >"$state/stop"
    chmod 700 "$state/stop"
    child_names=()
    trap - EXIT
    say 'It runs on. Read:'
    say "  redis-cli -p $redis_port FCALL_RO clameur_account 0 $account"
    say "  redis-cli -p $redis_port FCALL_RO clameur_platforms 0"
    say "  redis-cli -p $redis_port FCALL_RO clameur_top 0 $account ${platforms[0]} $(top_hour) 10"
    say "  $programs/clameur-ingest counters $account -c $state/clameur.yaml"
    say "  $programs/clameur-aggregate show latest --account $account -c $state/clameur.yaml"
    say "  $programs/clameur-ingest status --worker 127.0.0.1:${worker_port[worker-1]} -c $state/clameur.yaml"
    say "  curl http://127.0.0.1:${worker_port[worker-1]}/metrics"
    say "count it again:  $programs/clameur-loadtest recount [--against snapshots] -c $state/clameur.yaml"
    say "end it:          $state/stop"
}
