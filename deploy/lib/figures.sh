# What the workers, together, and Redis say, once a second.

declare -A figure=() # of /metrics, without `clameur_`: by name,label
declare -A total=()  # by name: the sum over its labels
declare -A counter=() # of Redis: by platform,counter
platforms=()         # with events, those with most first
top_lines=()         # `score platform content`, the best first

# probe WORKER PATH: its answer, in $answer. False where it gives none.
probe() {
    # shellcheck disable=SC2016 # the inner shell expands it
    answer=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\n\r\n" "$1" >&3 && cat <&3' \
        "${worker_port[$1]:-0}" "$2" 2>/dev/null) && [[ $answer == HTTP/1.?' '200* ]]
}

# Reads /metrics of all workers. False where one does not answer; the figures then are those of before. The frozen one's are those
# of before, and one that is starting has none.
figures_read() {
    local line name label worker
    local row='^clameur_([a-z_]+)(\{[a-z]+="([^"]*)"\})? ([0-9.e+-]+)$'
    for worker in "${workers[@]}"; do
        [ "$worker" != "$frozen" ] && worker_listens "$worker" || continue
        probe "$worker" /metrics || return 1
        printf '%s\n' "$answer" >"$state/figures.$worker"
    done
    answer=$(figures_sum)
    figure=() total=()
    while IFS= read -r line; do
        [[ $line =~ $row ]] || continue
        name=${BASH_REMATCH[1]} label=${BASH_REMATCH[3]}
        figure[$name,$label]=${BASH_REMATCH[4]}
        total[$name]=$((${total[$name]:-0} + ${BASH_REMATCH[4]%%.*}))
    done < <(printf '%s\n' "$answer" | sed '/_bucket{/d; /^#/d; s/\r$//')
    figures_platforms
}

# Every figure, summed over the workers, those that are gone among them.
figures_sum() {
    cat "$state"/figures.* | awk '
        { sub(/\r$/, "") }
        /^clameur_/ { if (!($1 in sum)) name[++n] = $1; sum[$1] += $2 }
        END { for (i = 1; i <= n; i++) printf "%s %.15g\n", name[i], sum[name[i]] }'
}

# figures_bury WORKER: it was killed. What it had in flight, another reads again.
figures_bury() {
    worker_port[$1]=
    sed '/^clameur_events_\|^clameur_flush_verdicts\|_bucket{/!d; s/^clameur_events_in_flight/clameur_events_replayed_total/' \
        "$state/figures.$1" >>"$state/figures.gone"
    rm "$state/figures.$1"
}

# partitions_of WORKER: how many it owns, as of the last look, in $value.
partitions_of() {
    value=$(sed -n 's/^clameur_kafka_assigned_partitions \([0-9]*\).*/\1/p' "$state/figures.$1" 2>/dev/null)
    value=${value:-0}
}

# What is not read yet, in $lag. Of a partition that has no worker, or whose worker has not heard of its end yet, nobody says how
# much that is. A frozen one reads nothing, and what it said before is not so any more.
lag_tell() {
    local worker files=() known=0 behind=0
    for worker in "${workers[@]}"; do
        [ "$worker" = "$frozen" ] || files+=("$state/figures.$worker")
    done
    read -r known behind < <(cat "${files[@]}" 2>/dev/null |
        awk '/^clameur_kafka_lag_messages{/ { known++; behind += $2 } END { printf "%d %d\n", known, behind }')
    if [ "$known" = 0 ]; then
        lag="lag unknown while the $partitions partitions go to other workers"
        return
    fi
    grouped "$behind"
    lag="lag $grouped"
    [ "$known" -ge "$partitions" ] || lag+=" in $known of $partitions partitions, $((partitions - known)) go to other workers"
}

figures_platforms() {
    mapfile -t platforms < <(for key in "${!figure[@]}"; do
        [[ $key == events_counted_total,?* ]] && printf '%s %s\n' "${figure[$key]}" "${key#*,}"
    done | sort -rn | cut -d' ' -f2)
}

# figure_of NAME [LABEL]: a whole number, 0 where there is none, in $value.
figure_of() {
    if [ $# -gt 1 ]; then value=${figure[$1,$2]:-0}; else value=${total[$1]:-0}; fi
    value=${value%%.*}
}

ask_redis() {
    timeout 5 redis-cli -h 127.0.0.1 -p "$redis_port" "$@" 2>/dev/null
}

# The counters of the platforms and the top content, in one conversation. The answers are told apart by what is echoed between.
counters_read() {
    local platform section='' line score content=''
    [ ${#platforms[@]} -gt 0 ] || return 0
    counter=()
    local found=()
    while IFS= read -r line; do
        case $line in
        '@platforms' | '@top '*) section=$line content= ;;
        '') ;;
        *) counters_take ;;
        esac
    done < <({
        printf 'ECHO "@platforms"\nFCALL_RO clameur_platforms 0'
        printf ' %s' "${platforms[@]}"
        for platform in "${platforms[@]}"; do
            printf '\nECHO "@top %s"\nFCALL_RO clameur_top 0 %s %s %s 5' "$platform" "$account" "$platform" "$(top_hour)"
        done
        echo
    } | ask_redis)
    mapfile -t top_lines < <(printf '%s\n' "${found[@]}" | sort -rn | head -n 5)
}

# A line of a section: the name of something, then its figure.
counters_take() {
    if [ -z "$content" ]; then
        if [ "$section" = '@platforms' ] && is_platform "$line"; then platform=$line; else content=$line; fi
        return
    fi
    if [ "$section" = '@platforms' ]; then
        counter[$platform,$content]=$line
    else
        score=${line%%.*}
        found+=("$score ${section#@top } $content")
    fi
    content=
}

is_platform() {
    [ -n "${figure[events_counted_total,$1]:-}" ]
}

# A second of the hour whose ranking is shown.
top_hour() {
    if [ "$data" != all ]; then echo "$ranked_hour"; else date +%s; fi
}
