#!/usr/bin/env bash
# Completions of bash, zsh and fish: every option that --help names, and every choice, in the shells themselves.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=../../scripts/lib.sh
(. "$top/scripts/lib.sh" && need_packages packaging) || exit 1

folder=$top/packaging/completions
export SES_COLLECTOR
"$top/scripts/completions" --list >options || exit 1

check "they are what the program's help says" "$top/scripts/completions" --check

# Told by another eye than the generator's: every word with two dashes at the begin of a line of --help.
# normalize is two: with a configuration it has other options.
long_options() { # COMMAND [SUBCOMMAND]
    {
        "$SES_COLLECTOR" "$@" --help
        [[ $1 != normalize ]] || "$SES_COLLECTOR" "$@" --config.file=x --help
    } | grep -E '^  --' | sed 's/   .*//' | grep -oE -- '--[a-z][a-z0-9.-]*' | sort -u
}

commands() {
    "$SES_COLLECTOR" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | sed '/^sns$/d'
    printf 'sns list\nsns confirm\n'
}

commands >commands.txt
check "there are commands" test "$(wc -l <commands.txt)" -ge 9

# What is typed: each command with two dashes, and each option that has choices, in both forms.
while read -r command; do
    printf 'ses-collector %s --\n' "$command"
done <commands.txt >lines
awk -F'\t' '$3 == "choices" { printf "ses-collector %s %s=\nses-collector %s %s \n", $1, $2, $1, $2 }' options >>lines
printf '%s\n' 'ses-collector ' 'ses-collector sns ' 'ses-collector replay --quarantine=sub' \
    'ses-collector run --config.file=some' >>lines
mkdir -p subfolder
touch some-file.yaml sub-file

type_into_fish() {
    while IFS= read -r line; do
        printf '= %s\n' "$line"
        fish --no-config -c "source '$folder/ses-collector.fish'; complete -C '$line'" | cut -f 1
    done
}

# shown SHELL LINE: what that line was answered, a word a line; without "=" at ends, and what stood before one
shown() {
    awk -v line="= $2" '/^= / { on = $0 == line; next } on' "$1.shown" | sed 's/=$//; s/^--[a-z.-]*=//' | sort -u
}

# lacks SHELL LINE: what of the words on standard input is not shown
lacks() {
    comm -23 <(sort -u) <(shown "$1" "$2")
}

all_options() { # SHELL
    local command missing total=0 bad=0
    while read -r command; do
        # shellcheck disable=SC2086 # two words
        long_options $command >wanted
        total=$((total + $(wc -l <wanted)))
        missing=$(lacks "$1" "ses-collector $command --" <wanted)
        [[ -z $missing ]] || {
            echo "$command: ${missing//$'\n'/ }"
            bad=1
        }
    done <commands.txt
    echo "$total options"
    ((!bad && total >= 100))
}

all_choices() { # SHELL
    local command option kind choices form missing total=0 bad=0
    while IFS=$'\t' read -r command option kind choices; do
        [[ $kind == choices ]] || continue
        total=$((total + 1))
        for form in = ' '; do
            missing=$(tr ' ' '\n' <<<"$choices" | lacks "$1" "ses-collector $command $option$form")
            [[ -z $missing ]] || {
                echo "$command $option$form: ${missing//$'\n'/ }"
                bad=1
            }
        done
    done <options
    echo "$total options with choices"
    ((!bad && total >= 15))
}

files_and_folders() { # SHELL
    shown "$1" 'ses-collector run --config.file=some' | grep -q 'some-file' || return 1
    shown "$1" 'ses-collector replay --quarantine=sub' >folders
    grep -q subfolder folders && ! grep -q sub-file folders
}

for shell in bash zsh fish; do
    if [[ $shell == fish ]]; then
        type_into_fish <lines >fish.shown 2>fish.said
    else
        python3 "$top/tests/integration/completions_type.py" "$shell" "$folder" <lines >"$shell.shown" 2>"$shell.said"
    fi
    check "$shell takes them without a word of error" is "$(cat "$shell.said")" ""
    check "$shell completes the commands" is "$(sed '/ /d' commands.txt | lacks $shell 'ses-collector ')" ""
    check "$shell completes the commands of sns" is "$(printf 'list\nconfirm\n' | lacks $shell 'ses-collector sns ')" ""
    check "$shell completes every long option" all_options $shell
    check "$shell completes every choice" all_choices $shell
    check "$shell completes files, and folders where one is wanted" files_and_folders $shell
done

# A choice that the program refuses is no choice, and a word that is none it refuses.
choices_are_taken() {
    local command option kind choices choice value bad=0
    while IFS=$'\t' read -r command option kind choices; do
        [[ $kind == choices && $option != --help-keys ]] || continue
        for choice in $choices; do
            value=$choice
            [[ $choice != tag: ]] || value=tag:campaign
            [[ $choice != *@ ]] || value=${choice}gmail:0h+1h
            # shellcheck disable=SC2086 # two words
            "$SES_COLLECTOR" $command "$option=$value" --help >/dev/null 2>said ||
                "$SES_COLLECTOR" $command --config.file=x "$option=$value" --help >/dev/null 2>&1 || {
                # Known to the program, but not to this processor.
                grep -q 'processor' said && continue
                echo "$command $option=$value: $(head -n 1 said)"
                bad=1
            }
        done
    done <options
    return "$bad"
}
check "the program takes every choice" choices_are_taken

finish
