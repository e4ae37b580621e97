# shellcheck shell=bash
# bash completion for ses-collector
# Written by scripts/completions from the program's --help. Change that, and run it again.

_ses_collector_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_ses_collector_files() { # -f | -d
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_ses_collector() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i
    COMPREPLY=()
    # "--option=value" comes as three words, since "=" parts words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]] && ((COMP_CWORD >= 2)); then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command ${COMP_WORDS[i]}" in
        ' run') command='run' ;;
        ' replay') command='replay' ;;
        ' find') command='find' ;;
        ' normalize') command='normalize' ;;
        ' check') command='check' ;;
        ' rules') command='rules' ;;
        ' sns') command='sns' ;;
        'sns list') command='sns list' ;;
        'sns confirm') command='sns confirm' ;;
        ' healthcheck') command='healthcheck' ;;
        ' simulate') command='simulate' ;;
        esac
    done
    case "$command $prev" in
    'run --config.file') _ses_collector_files -f; return ;;
    'run --web.listen-address') :; return ;;
    'run --web.config.file') _ses_collector_files -f; return ;;
    'run --log.level') _ses_collector_words 'debug info warn error'; return ;;
    'run --log.format') _ses_collector_words 'logfmt json'; return ;;
    'run --metrics') _ses_collector_files -f; return ;;
    'replay --from') :; return ;;
    'replay --to') :; return ;;
    'replay --by') _ses_collector_words 'account provider configuration_set provider,configuration_set identity tag:'; return ;;
    'replay --lateness') :; return ;;
    'replay --verified-domains') :; return ;;
    'replay --providers') _ses_collector_files -f; return ;;
    'replay --mx-table') _ses_collector_files -f; return ;;
    'replay --bounce-rules') _ses_collector_files -f; return ;;
    'replay --last-sends') :; return ;;
    'replay --max-visits') :; return ;;
    'replay --max-names') :; return ;;
    'replay --format') _ses_collector_words 'table json csv'; return ;;
    'replay --rows') :; return ;;
    'replay --metrics') _ses_collector_files -f; return ;;
    'replay --alerts') _ses_collector_files -f; return ;;
    'replay --cells') _ses_collector_files -f; return ;;
    'replay --openmetrics') _ses_collector_files -f; return ;;
    'replay --remote-write') :; return ;;
    'replay --history-label') :; return ;;
    'replay --step') :; return ;;
    'replay --like') _ses_collector_words 'vdm get-send-statistics'; return ;;
    'replay --quarantine') _ses_collector_files -d; return ;;
    'replay --region') :; return ;;
    'replay --profile') :; return ;;
    'replay --endpoint-url') :; return ;;
    'replay --time-zone') :; return ;;
    'replay --exclude') :; return ;;
    'replay --arrival-slack') :; return ;;
    'replay --ahead') :; return ;;
    'replay --threads') :; return ;;
    'replay --progress') _ses_collector_words 'auto always never'; return ;;
    'replay --now') :; return ;;
    'replay --config.file') _ses_collector_files -f; return ;;
    'replay --isa') _ses_collector_words 'plain sse2 avx2 avx512'; return ;;
    'find --recipient') :; return ;;
    'find --from-address') :; return ;;
    'find --subject') :; return ;;
    'find --provider') :; return ;;
    'find --configuration-set') :; return ;;
    'find --message-id') :; return ;;
    'find --message-hash') :; return ;;
    'find --last-event') _ses_collector_words 'send delivery bounce complaint reject delay rendering_failure'; return ;;
    'find --last-engagement') _ses_collector_words 'open click none'; return ;;
    'find --from') :; return ;;
    'find --to') :; return ;;
    'find --limit') :; return ;;
    'find --format') _ses_collector_words 'table csv json'; return ;;
    'find --max-memory') :; return ;;
    'find --region') :; return ;;
    'find --profile') :; return ;;
    'find --endpoint-url') :; return ;;
    'find --time-zone') :; return ;;
    'find --exclude') :; return ;;
    'find --arrival-slack') :; return ;;
    'find --ahead') :; return ;;
    'find --providers') _ses_collector_files -f; return ;;
    'find --mx-table') _ses_collector_files -f; return ;;
    'find --bounce-rules') _ses_collector_files -f; return ;;
    'find --threads') :; return ;;
    'find --progress') _ses_collector_words 'auto always never'; return ;;
    'find --isa') _ses_collector_words 'plain sse2 avx2 avx512'; return ;;
    'normalize --from') :; return ;;
    'normalize --to') :; return ;;
    'normalize --hash-key-file') _ses_collector_files -f; return ;;
    'normalize --tag') :; return ;;
    'normalize --quarantine') _ses_collector_files -d; return ;;
    'normalize --region') :; return ;;
    'normalize --profile') :; return ;;
    'normalize --endpoint-url') :; return ;;
    'normalize --time-zone') :; return ;;
    'normalize --exclude') :; return ;;
    'normalize --arrival-slack') :; return ;;
    'normalize --ahead') :; return ;;
    'normalize --providers') _ses_collector_files -f; return ;;
    'normalize --mx-table') _ses_collector_files -f; return ;;
    'normalize --bounce-rules') _ses_collector_files -f; return ;;
    'normalize --threads') :; return ;;
    'normalize --progress') _ses_collector_words 'auto always never'; return ;;
    'normalize --isa') _ses_collector_words 'plain sse2 avx2 avx512'; return ;;
    'normalize --config.file') _ses_collector_files -f; return ;;
    'normalize --web.listen-address') :; return ;;
    'normalize --web.config.file') _ses_collector_files -f; return ;;
    'normalize --log.level') _ses_collector_words 'debug info warn error'; return ;;
    'normalize --log.format') _ses_collector_words 'logfmt json'; return ;;
    'check --config.file') _ses_collector_files -f; return ;;
    'check --web.config.file') _ses_collector_files -f; return ;;
    'check --web.listen-address') :; return ;;
    'check --log.level') _ses_collector_words 'debug info warn error'; return ;;
    'check --log.format') _ses_collector_words 'logfmt json'; return ;;
    'check --help-keys') _ses_collector_words 'file web rules'; return ;;
    'rules --config.file') _ses_collector_files -f; return ;;
    'sns list --config.file') _ses_collector_files -f; return ;;
    'sns confirm --config.file') _ses_collector_files -f; return ;;
    'sns confirm --endpoint-url') :; return ;;
    'sns confirm --ca-file') _ses_collector_files -f; return ;;
    'sns confirm --certificate') _ses_collector_files -f; return ;;
    'healthcheck --config.file') _ses_collector_files -f; return ;;
    'healthcheck --web.listen-address') :; return ;;
    'healthcheck --web.config.file') _ses_collector_files -f; return ;;
    'healthcheck --url') :; return ;;
    'healthcheck --ca-file') _ses_collector_files -f; return ;;
    'healthcheck --username') :; return ;;
    'healthcheck --password-file') _ses_collector_files -f; return ;;
    'simulate --seed') :; return ;;
    'simulate --duration') :; return ;;
    'simulate --messages') :; return ;;
    'simulate --rate') :; return ;;
    'simulate --uneven') :; return ;;
    'simulate --size') :; return ;;
    'simulate --sets') :; return ;;
    'simulate --identities') :; return ;;
    'simulate --multi') :; return ;;
    'simulate --incident') _ses_collector_words 'blocklist@ outage@ complaints@ badlist@ silence@ drop@ surge@ lost-deliveries@ spamtrap@'; compopt -o nospace; return ;;
    'simulate --start') :; return ;;
    'simulate --backfill') :; return ;;
    'simulate --tail') :; return ;;
    'simulate --out') _ses_collector_files -d; return ;;
    'simulate --stream') :; return ;;
    'simulate --object-size') :; return ;;
    'simulate --object-interval') :; return ;;
    'simulate --compress') _ses_collector_words 'none gzip'; return ;;
    'simulate --framing') _ses_collector_words 'newline none pretty array crlf'; return ;;
    'simulate --duplicates') :; return ;;
    'simulate --late') :; return ;;
    'simulate --malformed') :; return ;;
    'simulate --truth') _ses_collector_files -f; return ;;
    'simulate --truth-summary') _ses_collector_files -f; return ;;
    'simulate --progress') _ses_collector_words 'auto always never'; return ;;
    esac
    if [[ $cur == -* ]]; then
        case "$command" in
        'run') _ses_collector_words '--config.file= --web.listen-address= --web.config.file= --log.level= --log.format= --exit-at-eof --metrics= --help' ;;
        'replay') _ses_collector_words '--from= --to= --by= --compare --lateness= --verified-domains= --providers= --mx-table= --no-learning --bounce-rules= --last-sends= --max-visits= --max-names= --format= --rows= --metrics= --alerts= --cells= --openmetrics= --remote-write= --history-label= --step= --like= --quarantine= --region= --profile= --endpoint-url= --no-sign-request --request-payer --path-style --time-zone= --exclude= --replay-errors --arrival-slack= --ahead= --threads= --strict --progress= --quiet --now= --config.file= --isa= --help' ;;
        'find') _ses_collector_words '--recipient= --from-address= --subject= --provider= --configuration-set= --message-id= --message-hash= --last-event= --last-engagement= --from= --to= --limit= --format= --max-memory= --region= --profile= --endpoint-url= --no-sign-request --request-payer --path-style --time-zone= --exclude= --replay-errors --arrival-slack= --ahead= --providers= --mx-table= --bounce-rules= --threads= --strict --progress= --isa= --help' ;;
        'normalize') _ses_collector_words '--from= --to= --clear --hash-key-file= --tag= --quarantine= --region= --profile= --endpoint-url= --no-sign-request --request-payer --path-style --time-zone= --exclude= --replay-errors --arrival-slack= --ahead= --providers= --mx-table= --bounce-rules= --threads= --strict --progress= --isa= --config.file= --web.listen-address= --web.config.file= --log.level= --log.format= --exit-at-eof --help' ;;
        'check') _ses_collector_words '--config.file= --web.config.file= --web.listen-address= --log.level= --log.format= --help-keys= --help' ;;
        'rules') _ses_collector_words '--config.file= --help' ;;
        'sns') _ses_collector_words '' ;;
        'sns list') _ses_collector_words '--config.file= --help' ;;
        'sns confirm') _ses_collector_words '--config.file= --endpoint-url= --ca-file= --certificate= --yes --help' ;;
        'healthcheck') _ses_collector_words '--config.file= --web.listen-address= --web.config.file= --url= --ca-file= --ready --username= --password-file= --help' ;;
        'simulate') _ses_collector_words '--seed= --duration= --messages= --rate= --curve --uneven= --size= --sets= --identities= --multi= --incident= --live --start= --backfill= --tail= --out= --stream= --object-size= --object-interval= --compress= --framing= --duplicates= --late= --malformed= --truth= --truth-summary= --progress= --quiet --help' ;;
        '') _ses_collector_words '--help --version' ;;
        esac
        if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
        return
    fi
    case "$command" in
        'replay') _ses_collector_files -f ;;
        'find') _ses_collector_files -f ;;
        'normalize') _ses_collector_files -f ;;
        'sns') _ses_collector_words 'list confirm' ;;
        'sns confirm') _ses_collector_files -f ;;
        '') _ses_collector_words 'run replay find normalize check rules sns healthcheck simulate' ;;
    esac
}

complete -F _ses_collector ses-collector
