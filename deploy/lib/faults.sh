# What goes wrong on purpose while events flow: at one moment a worker is killed, and another is frozen past its session. When the
# third has all partitions, the frozen one wakes as a zombie and the killed one is started again: not before, for the embedded
# Kafka may make a dead member the group's leader, and then waits for it.

readonly session_seconds=3 # of the workers: a shorter one is lost on a busy machine without a fault
readonly faults_seconds=30 # the flow goes on for as long at most until they are through
readonly fault_kill=worker-2 fault_freeze=worker-3
fault_next=kill fault_until=0 frozen='' killed=0 woken=0 fenced_before=0

# Once a second. A fault that has begun is brought to its end; what is not reached in time is not counted.
faults_turn() {
    case $fault_next in
    kill)
        [ "$second" -lt 2 ] || {
            fault_freeze_it
            fault_kill_it
        }
        ;;
    settle) ! fault_settled || fault_freeze_it ;;
    moved) ! fault_moved || fault_wake_it ;;
    fenced) fault_look ;;
    esac
}

faults_over() {
    [ "$fault_next" = none ] || [ "$second" -ge $((seconds + faults_seconds)) ]
}

fault_kill_it() {
    kill -KILL "${child_pid[$fault_kill]}"
    child_wait "$fault_kill"
    child_forget "$fault_kill"
    killed=$((killed + 1))
    figures_bury "$fault_kill"
    workers=(worker-1 "$fault_freeze")
    say_fault "kill -9 $fault_kill: the marks in Redis say where others go on"
}

fault_revive() {
    [ "${#workers[@]}" = 2 ] || return 0
    workers+=("$fault_kill")
    worker_launch "$fault_kill"
    say_fault "$fault_kill is started again"
}

# All partitions are owned, and everybody has some.
fault_settled() {
    local worker all=0
    for worker in "${workers[@]}"; do
        partitions_of "$worker"
        [ "$value" -gt 0 ] || return 1
        all=$((all + value))
    done
    [ "$all" = "$partitions" ]
}

fault_freeze_it() {
    figure_of flush_verdicts_total fenced
    fenced_before=$value
    frozen=$fault_freeze
    kill -STOP "${child_pid[$frozen]}"
    sed -i '/^clameur_kafka_lag/d' "$state/figures.$frozen"
    fault_until=$(($(now_ms) + session_seconds * 1000))
    say_fault "SIGSTOP $frozen, until its session of $session_seconds s is over and others have its partitions"
    fault_next=moved
}

fault_moved() {
    local worker all=0
    [ "$(now_ms)" -ge "$fault_until" ] || return 1
    for worker in "${workers[@]}"; do
        [ "$worker" = "$frozen" ] && continue
        partitions_of "$worker"
        all=$((all + value))
    done
    [ "$all" = "$partitions" ]
}

fault_wake_it() {
    woken=$((woken + 1))
    fault_until=$(($(now_ms) + 5000))
    say_fault "SIGCONT $frozen: a zombie, whose partitions have other owners now; what it still sends must not count"
    fault_thaw
    fault_revive
    fault_next=fenced
}

# The frozen one goes on. Nothing where none is frozen.
fault_thaw() {
    [ -z "$frozen" ] || kill -CONT "${child_pid[$frozen]}"
    frozen=
}

# Its flushes are due when it wakes, so it sends them before it hears that its session is gone. Where it heard of it first, once more.
fault_look() {
    figure_of flush_verdicts_total fenced
    if [ "$value" -gt "$fenced_before" ]; then
        grouped $((value - fenced_before))
        say_fault "$fault_freeze: Redis fenced what it sent ($grouped), nothing of that was counted"
        fault_next=none
    elif [ "$(now_ms)" -ge "$fault_until" ]; then
        say_fault "$fault_freeze: it saw its session gone before it flushed, so nothing was fenced"
        fault_next=settle
    fi
}

# A line that stays: on a terminal the table is drawn anew below it.
say_fault() {
    local text
    clock "$second"
    text="$clock   $1"
    if [ -z "$terminal" ] || [ "$lines_drawn" = 0 ]; then
        say "$text"
        return
    fi
    printf '\033[%dA\r\033[J                %s\n' "$lines_drawn" "${text:0:columns-17}"
    lines_drawn=0
}
