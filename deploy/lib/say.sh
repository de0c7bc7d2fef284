# What the demo says: numbered steps, lines below them, and on a terminal a last line that is redrawn.

exec {errors}>&2 # bash itself reports killed children on 2
terminal=
[ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && terminal=1
columns=120
[ -z "$terminal" ] || read -r _ columns < <(stty size </dev/tty 2>/dev/null)
[ "${columns:-0}" -gt 0 ] || columns=80
drawn= # the cursor stands behind a line that is not ended

# step N NAME: begins a step; what is said next ends its line.
step() {
    step_name=$2
    step_began=$(now_ms)
    printf '[%s/5] %-9s ' "$1" "$2"
    drawn=1
}

# step_says TEXT: redraws the step's line on a terminal; elsewhere a line every five seconds, where it is another than before.
step_says() {
    if [ -n "$terminal" ]; then
        printf '\r\033[K      %-9s %s' "$step_name" "$1"
        drawn=1
    elif [ "$1" != "${step_text:-}" ] && [ $(($(now_ms) - ${step_said:-$step_began})) -ge 5000 ]; then
        say_end
        say "$1"
        step_said=$(now_ms) step_text=$1
    fi
}

# step_goes_on NUMBER TEXT [END]: what the step does from now on.
step_goes_on() {
    [ -n "$terminal" ] && printf '\r\033[K'
    if [ -n "$terminal" ] || [ -z "$drawn" ]; then
        printf '[%s/5] %-9s ' "$1" "$step_name"
    fi
    printf '%s%s\n' "$2" "${3:-}"
    drawn='' step_said='' step_text=''
}

# step_done NUMBER TEXT: how the step ended, and how long it took.
step_done() {
    local took=$(($(now_ms) - step_began)) end
    padded "$2" $((columns - 24))
    printf -v end ' %3d.%d s' $((took / 1000)) $((took % 1000 / 100))
    step_goes_on "$1" "$padded" "$end"
}

say_end() {
    [ -z "$drawn" ] || printf '\n'
    drawn=
}

say() {
    say_end
    printf '                %s\n' "$1"
}

# padded TEXT WIDTH: in $padded, to a width that is no more than is good to read.
padded() {
    local width=$(($2 > 96 ? 96 : $2))
    printf -v padded '%-*s' $((width > 0 ? width : 0)) "$1"
}

# fail TEXT [LOG]: ends the demo, with the last lines of the log that explains it.
fail() {
    say_end
    printf 'demo: %s\n' "$1" >&"$errors"
    if [ $# -gt 1 ] && [ -s "$2" ]; then
        printf 'demo: the end of %s:\n' "$2" >&"$errors"
        tail -n 20 "$2" >&"$errors"
    fi
    exit 1
}

now_ms() {
    local micros=${EPOCHREALTIME/./}
    echo $((micros / 1000))
}

# grouped N: 1234567 as 1,234,567, in $grouped (a subshell for every figure of a table would be slow).
grouped() {
    grouped=$1
    while [[ $grouped =~ ^(-?[0-9]+)([0-9]{3}.*)$ ]]; do
        grouped=${BASH_REMATCH[1]},${BASH_REMATCH[2]}
    done
}

# clock SECONDS: 75 as 01:15, in $clock.
clock() {
    printf -v clock '%02d:%02d' $(($1 / 60)) $(($1 % 60))
}
