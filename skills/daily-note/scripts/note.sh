#!/bin/sh
# note add TEXT… | note show [DAY] | note list: a journal of one Markdown file a day.
set -eu
folder=journal
today=$(date +%Y-%m-%d)

fail() {
    printf 'note: %s\n' "$1" >&2
    exit 2
}

command=${1-}
[ $# -eq 0 ] || shift
case $command in
add)
    # One line, whatever was given: an entry must not look like two.
    text=$(printf '%s' "$*" | tr '\n\r\t' '   ' | sed 's/^ *//; s/ *$//')
    [ -n "$text" ] || fail 'add: a text is expected'
    mkdir -p "$folder"
    file=$folder/$today.md
    [ -e "$file" ] || printf '# %s\n\n' "$today" > "$file"
    printf -- '- %s %s\n' "$(date +%H:%M)" "$text" >> "$file"
    printf '%s\n' "$file"
    ;;
show)
    day=${1:-$today}
    case $day in
    [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]) ;;
    *) fail "show: a day is YYYY-MM-DD, not $day" ;;
    esac
    [ -e "$folder/$day.md" ] || fail "there is no note for $day"
    cat "$folder/$day.md"
    ;;
list)
    for file in "$folder"/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].md; do
        [ -e "$file" ] || continue
        name=${file##*/}
        printf '%s\n' "${name%.md}"
    done | sort -r
    ;;
*) fail "add, show or list is expected, not ${command:-nothing}" ;;
esac
