# AWS for a test script: moto, the verifying double (tests/aws/double.py), and an environment that is nobody's.
# Sourced after common.bash or service.bash; what is started is ended with the script.
# shellcheck shell=bash disable=SC2034,SC2154 # variables for the tests; those of common.bash

declare -A aws_ours=() # process ids of what was started here and may still run

aws_end() {
    local p
    for p in "${!aws_ours[@]}"; do
        kill -KILL "$p" 2>/dev/null
        wait "$p" 2>/dev/null
    done
}
# In front of what the script does anyway at its end.
aws_before=$(trap -p EXIT)
aws_before=${aws_before#"trap -- '"}
# shellcheck disable=SC2064 # the other trap's text is the one of now
trap "aws_end; ${aws_before%"' EXIT"}" EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The python of scripts/aws-tools, or the end of the script: not being able to test is no success.
aws_python() {
    [[ ${aws_python_path:-} ]] || aws_python_path=$("$top/scripts/aws-tools" 2>"$work/aws-tools.log") || {
        echo "not ok scripts/aws-tools"
        sed 's/^/    /' "$work/aws-tools.log"
        exit 1
    }
    printf '%s' "$aws_python_path"
}

# aws_env: keys and a region of nobody's, and nothing of the machine: no profile, no proxy, no metadata.
aws_env() {
    local name
    for name in $(compgen -e AWS_) http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY; do
        unset "$name"
    done
    export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
    export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
    export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
}

# aws_wait PID COMMAND...: until it succeeds, while the process is there; at most a minute.
aws_wait() {
    local until=$((SECONDS + 60)) p=$1
    shift
    until "$@" 2>/dev/null; do
        kill -0 "$p" 2>/dev/null && ((SECONDS < until)) || return 1
        sleep 0.1
    done
}

# --- moto -----------------------------------------------------------------------------------------------------------------

# moto_start FOLDER: sets MOTO_URL and MOTO_PID. Not within check. Its log is FOLDER/log.
moto_start() {
    local python
    python=$(aws_python) || exit 1
    mkdir -p "$1"
    "$python" -m moto.server -H 127.0.0.1 -p 0 >"$1/log" 2>&1 &
    MOTO_PID=$!
    aws_ours[$MOTO_PID]=1
    if ! aws_wait "$MOTO_PID" grep -q 'Running on http' "$1/log"; then
        echo "not ok moto starts"
        sed 's/^/    /' "$1/log"
        exit 1
    fi
    MOTO_URL=$(sed -nE 's/.*Running on (http:[^ ]+).*/\1/p' "$1/log" | head -n 1)
}

moto_stop() {
    aws_stop "$MOTO_PID"
}

aws_stop() { # PID
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    unset "aws_ours[$1]"
}

# --- the double -----------------------------------------------------------------------------------------------------------

# double_start FOLDER [options of tests/aws/double.py]: sets DOUBLE_URL, DOUBLE_PORT, DOUBLE_PID, DOUBLE_FOLDER. Not within
# check. FOLDER/BUCKET/KEY are the objects, FOLDER/requests.jsonl is its log.
double_start() {
    DOUBLE_FOLDER=$1
    mkdir -p "$1"
    rm -f "$1/port"
    python3 -B "$top/tests/aws/double.py" "$@" >>"$1/log" 2>&1 &
    DOUBLE_PID=$!
    aws_ours[$DOUBLE_PID]=1
    if ! aws_wait "$DOUBLE_PID" test -e "$1/port"; then
        echo "not ok the double starts"
        sed 's/^/    /' "$1/log"
        exit 1
    fi
    DOUBLE_PORT=$(<"$1/port")
    DOUBLE_URL=http://127.0.0.1:$DOUBLE_PORT
    [[ " $* " != *" --tls "* ]] || DOUBLE_URL=https://localhost:$DOUBLE_PORT
}

double_stop() {
    aws_stop "$DOUBLE_PID"
}

# double_tell WHAT JSON|@FILE: see the head of tests/aws/double.py
double_tell() {
    curl -sSk --noproxy '*' -m 30 --fail-with-body --data-binary "$2" "$DOUBLE_URL/_double/$1" >/dev/null
}

double_faults() { # JSON: a list of rules
    double_tell faults "$1"
}

double_config() { # JSON: an object
    double_tell config "$1"
}

double_state() { # JQ-EXPRESSION
    curl -sSk --noproxy '*' -m 30 "$DOUBLE_URL/_double/state" | jq -r "$1"
}

# double_log JQ-CONDITION: how many requests there were of which it is true, since double_mark.
double_log() {
    tail -n +$((${double_mark:-0} + 1)) "$DOUBLE_FOLDER/requests.jsonl" | jq -c "select($1)" | wc -l
}

double_mark() {
    double_mark=$(wc -l <"$DOUBLE_FOLDER/requests.jsonl")
}

# --- buckets --------------------------------------------------------------------------------------------------------------

# s3_put_tree BUCKET FOLDER [PREFIX]: into the bucket at AWS_ENDPOINT_URL, with AWS's own client.
s3_put_tree() {
    local python
    python=$(aws_python) || exit 1
    "$python" -B "$top/tests/aws/put.py" "${AWS_ENDPOINT_URL:-${MOTO_URL:-$DOUBLE_URL}}" "$@"
}
