# The live table: redrawn once a second on a terminal, a line every five seconds elsewhere.

readonly platform_counters=(views impressions likes comments shares clicks orders)
readonly twitter_counters=(reposts mentions replies) shop_counters=(clicks carts orders refunds units redemptions messages_sent)
readonly top_rows=5 line_seconds=5
lines_drawn=0 last_line=0

# Until the generator has ended, or Ctrl-C.
table_show() {
    local began second=0 silent=0
    began=$(now_ms)
    rate_begin "$began"
    while child_runs generator && [ -z "$stop_asked" ]; do
        sleep_until $((began + (second + 1) * 1000))
        [ -z "$stop_asked" ] || break
        second=$((($(now_ms) - began) / 1000))
        children_watch redis broker "${workers[@]}"
        if figures_read; then silent=0; else silent=$((silent + 1)); fi
        [ "$silent" -lt 12 ] || fail 'a worker has not answered for a minute'
        faults_turn
        table_turn
        [ "$second" -lt "$seconds" ] || ! faults_over || feed_end
    done
    fault_thaw
    feed_end
}

sleep_until() {
    local left=$(($1 - $(now_ms)))
    [ "$left" -le 0 ] || sleep "$((left / 1000)).$(printf '%03d' $((left % 1000)))"
}

table_turn() {
    rate_take "$(now_ms)"
    if [ -n "$terminal" ]; then
        counters_read
        table_draw
    elif [ $((second / line_seconds)) != $((last_line / line_seconds)) ]; then
        table_line
        last_line=$second
    fi
}

# --- The rate: of what the figures beside it grow by, over the last five seconds. Not of what is read: that has what is read
# again, and what waits for Redis' answer; and not over one second, in which workers may answer twice or not at all.

rate_begin() {
    events_settled
    settled_ms=("$1") settled_then=("$settled") per_second=0
}

rate_take() {
    local took
    events_settled
    settled_ms+=("$1") settled_then+=("$settled")
    while [ ${#settled_ms[@]} -gt 2 ] && [ $(($1 - settled_ms[1])) -ge $((line_seconds * 1000)) ]; do
        settled_ms=("${settled_ms[@]:1}") settled_then=("${settled_then[@]:1}")
    done
    took=$(($1 - settled_ms[0]))
    [ "$took" -le 0 ] || per_second=$(((settled - settled_then[0]) * 1000 / took))
}

# Events of which it is decided what becomes of them, in $settled.
events_settled() {
    local name
    settled=0
    for name in counted rejected duplicate; do
        figure_of "events_${name}_total"
        settled=$((settled + value))
    done
}

# --- Elsewhere than on a terminal

table_line() {
    local line
    clock "$second"
    line="$clock"
    grouped "$per_second"
    line+="   $grouped events/s"
    local name
    for name in counted rejected duplicate; do
        figure_of "events_${name}_total"
        grouped "$value"
        line+="   $name $grouped"
    done
    lag_tell
    say "$line   $lag"
}

# --- On a terminal

# cell WIDTH TEXT: adds it to the row, at the right of its width.
cell() {
    printf -v row '%s%*s' "$row" "$1" "$2"
}

cell_number() {
    grouped "$2"
    cell "$1" "$grouped"
}

row_end() {
    rows+=("$row")
    row=
}

table_draw() {
    local rows=() row='' height width
    read -r height width < <(stty size </dev/tty 2>/dev/null)
    [ "${height:-0}" -gt 1 ] && [ "${width:-0}" -gt 1 ] || height=24 width=80
    row_of_totals
    row_of_balance
    row_end
    rows_of_platforms
    row_end
    rows_of_top
    row_end
    row_of_rejects
    [ -n "$stop_asked" ] || table_put # Ctrl-C also ends what was being asked for the rows
}

row_of_totals() {
    clock $((second < seconds ? second : seconds))
    row="$clock of "
    clock "$seconds"
    row+="$clock"
    grouped "$per_second"
    row+="   $grouped events/s"
    lag_tell
    row+="   $lag   in Redis within $(slowest) for 99 of 100"
    row_end
}

# The bound below which 99 % of the flushes went from their oldest event to Redis' answer.
slowest() {
    printf '%s\n' "$answer" | sed 's/\r$//' | awk -F'["} ]+' '
        /^clameur_event_to_counter_seconds_bucket/ { bound[++n] = $2; count[n] = $NF }
        END {
            for (i = 1; i <= n; i++) if (count[i] >= 0.99 * count[n]) break
            printf n == 0 || count[n] == 0 ? "-" : bound[i] == "+Inf" ? "more than " bound[i - 1] " s" : bound[i] " s"
        }'
}

row_of_balance() {
    local name
    figure_of events_read_total
    grouped "$value"
    row="read $grouped ="
    for name in events_counted_total events_rejected_total events_duplicate_total events_replayed_total events_in_flight; do
        figure_of "$name"
        grouped "$value"
        name=${name#events_}
        name=${name%_total}
        row+=" ${name//_/ } $grouped +"
    done
    row=${row% +}
    row_end
}

# As many platforms and counters as there is room for, the platforms with most events first.
rows_of_platforms() {
    local platform name columns=("${platform_counters[@]}") most=$((height - 9 - top_rows)) shown=0 rest=0
    case $data in
    all) ;;
    higgs) columns=("${twitter_counters[@]}") ;;
    *) columns=("${shop_counters[@]}") ;;
    esac
    columns=("${columns[@]:0:(width - 30) / 13}")
    printf -v row '%-17s%11s' platform events
    for name in "${columns[@]}"; do cell 13 "$name"; done
    row_end
    for platform in "${platforms[@]}"; do
        figure_of events_counted_total "$platform"
        shown=$((shown + 1))
        if [ "$shown" -lt "$most" ] || [ "$most" -ge ${#platforms[@]} ]; then
            row_of_platform
        else
            rest=$((rest + value))
        fi
    done
    [ "$rest" != 0 ] || return 0
    printf -v row '%-17s' "$((shown - most + 1)) more"
    cell_number 11 "$rest"
    row_end
}

# Platforms that the registry does not name are one line; their counters stand under their numbers.
row_of_platform() {
    printf -v row '%-17.16s' "$platform"
    cell_number 11 "$value"
    for name in "${columns[@]}"; do
        if [ "$platform" = other ]; then cell 13 -; else cell_number 13 "${counter[$platform,$name]:-0}"; fi
    done
    row_end
}

rows_of_top() {
    local i score platform content
    row="top content of $account this hour, by weighted interactions"
    [ "$data" = all ] || row="top content of $account in one hour of the recording, by weighted interactions"
    row_end
    for ((i = 0; i < top_rows; i++)); do
        read -r score platform content <<<"${top_lines[i]:-}"
        grouped "${score:-0}"
        [ -z "$score" ] || printf -v row '%10s  %-16s %s' "$grouped" "$platform" "$content"
        row_end
    done
}

row_of_rejects() {
    local key text=
    for key in "${!figure[@]}"; do
        [[ $key == events_rejected_total,* && ${figure[$key]} != 0 ]] && text+="${figure[$key]} ${key#*,}"$'\n'
    done
    text=$(sort -rn <<<"$text" | sed '/^$/d' | tr '\n' ',' | sed 's/,$//; s/,/, /g')
    row="rejected, to the dead-letter topic: ${text:-none}"
    row_end
}

# Over what was drawn before; no row longer than the terminal is wide, nor more rows than it is high.
table_put() {
    local i out=
    [ "${#rows[@]}" -lt "$height" ] || rows=("${rows[@]:0:height-1}")
    [ "$lines_drawn" = 0 ] || out=$'\033['"${lines_drawn}A"
    for ((i = 0; i < ${#rows[@]}; i++)); do
        out+=$'\r'"${rows[i]:0:width-1}"$'\033[K\n'
    done
    printf '%s\033[J' "$out"
    lines_drawn=${#rows[@]}
}
