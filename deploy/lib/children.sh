# The processes of a demo. Each has a session of its own, so that Ctrl-C reaches the demo alone, which then ends them in order;
# and should the demo itself be killed, the kernel ends them (unless they are to be kept).

declare -A child_pid=() child_log=()
child_names=() # in the order they were started

# child_start NAME COMMAND...: in the background, its output in $state/NAME.log, its standard output also in NAME.out where that is
# a summary to be read.
child_start() {
    local name=$1 bound=(setpriv --pdeathsig KILL)
    shift
    [ -z "$keep" ] || bound=()
    child_log[$name]=$state/$name.log
    setsid "${bound[@]}" "$@" >"$state/$name.out" 2>"$state/$name.log" </dev/null &
    child_pid[$name]=$!
    child_names+=("$name")
}

child_runs() {
    kill -0 "${child_pid[$1]}" 2>/dev/null
}

# child_wait NAME: its exit code, in $child_code. It has ended, or is about to.
child_wait() {
    child_code=0
    wait "${child_pid[$1]}" 2>/dev/null || child_code=$?
}

# child_ended_badly NAME: ends the demo, saying how the child ended (child_wait was called).
child_ended_badly() {
    local how="ended with $child_code"
    [ "$child_code" -gt 128 ] && how="was killed by signal $((child_code - 128))"
    cat "$state/$1.out" >>"${child_log[$1]}"
    fail "$1 $how" "${child_log[$1]}"
}

# children_watch NAME...: none of them may end by itself.
children_watch() {
    local name
    for name; do
        child_runs "$name" || {
            child_wait "$name"
            child_ended_badly "$name"
        }
    done
}

# child_stop NAME TENTHS: SIGTERM, so many tenths of a second, then SIGKILL; its exit code in $child_code.
child_stop() {
    local left=$2
    kill -TERM -- "-${child_pid[$1]}" 2>/dev/null # its session: a build has children of its own
    kill -CONT -- "-${child_pid[$1]}" 2>/dev/null # frozen, it would not hear of it
    while child_runs "$1" && [ "$left" -gt 0 ]; do
        sleep 0.1
        left=$((left - 1))
    done
    child_runs "$1" && kill -KILL -- "-${child_pid[$1]}" 2>/dev/null
    child_wait "$1"
    child_forget "$1"
}

child_forget() {
    local name kept=()
    for name in "${child_names[@]}"; do
        [ "$name" = "$1" ] || kept+=("$name")
    done
    child_names=("${kept[@]}")
}

# The last one started is the first to end: what writes goes before what it writes to.
children_stop_all() {
    local i
    for ((i = ${#child_names[@]} - 1; i >= 0; i--)); do
        child_stop "${child_names[i]}" 50
    done
}

# Prints each that runs as `NAME PID START`: pids are given anew, pid and start time are not.
children_list() {
    local name
    for name in "${child_names[@]}"; do
        printf '%s %s %s\n' "$name" "${child_pid[$name]}" "$(child_began "${child_pid[$name]}")"
    done
}

child_began() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
}
