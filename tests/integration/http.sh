#!/usr/bin/env bash
# The HTTP server under thousands of slow clients, and with TLS.
#
#     tests/integration/http.sh [CLIENTS [SECONDS]]       default: 2000 for 20 s
#
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

clients=${1:-2000} seconds=${2:-20} limit=512
libraries=$(dirname "$SES_COLLECTOR") # the build that the program is of
sanitizers=$(sed -n 's/^SES_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$libraries/CMakeCache.txt")
# A made-up user's password is "secret".
user='alice:$2y$04$WUHhXETkX0fnYkrqZU3ta.V/MhsBGVkvl.skVEhBTiEdihFBnDQOa'

# compile NAME: a program beside this script, with the layers of the build
compile() {
    local flags
    flags=$(pkg-config --libs libmicrohttpd libcrypto libcrypt zlib jansson libcurl gnutls) || return
    # shellcheck disable=SC2086 # several words
    "${CC:-cc}" -std=gnu17 -g -D_GNU_SOURCE $sanitizers -I"$top" -I"$top/collector" -I"$top/tests" -o "$1" \
        "$top/tests/integration/$1.c" "$libraries"/lib{sinks,alert,aggregate,aws,http,model,core}.a $flags -lpthread -lm
}

# Not within `check`, whose subshell would forget: start NAME=VALUE... sets `port` and `pid`, stop sets `stopped`. The
# server takes words from a pipe, our descriptor 7, and its answers go to the file `said`.
start() {
    rm -f words said
    port=''
    : >said
    mkfifo words
    ./http_server_host "$@" <words >said 2>log &
    pid=$!
    exec 7>words
    for _ in {1..600}; do
        read -r _ port <said && return
        sleep 0.1
    done
    cat said log
}

stop() {
    exec 7>&-
    wait "$pid"
    stopped=$?
}
pid=""
trap '[[ $pid ]] && kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT

# reconfigure WANTED NAME=VALUE...: the answer begins with WANTED
reconfigure() {
    local wanted=$1 lines
    shift
    lines=$(wc -l <said)
    echo "$*" >&7
    for _ in {1..600}; do
        (($(wc -l <said) > lines)) && break
        sleep 0.1
    done
    tail -n 1 said | grep -q "^$wanted" || {
        tail -n 1 said
        return 1
    }
}

memory_kib() {
    awk '/^VmRSS/ {print $2}' "/proc/$pid/status"
}

descriptors() {
    find "/proc/$pid/fd" -mindepth 1 | wc -l
}

cpu_ticks() {
    awk '{print $14 + $15}' "/proc/$pid/stat"
}

# --- slow clients ----------------------------------------------------------------------------------------------------

most_descriptors=0 most_memory=0
watch_host() { # while the clients run
    local n
    while kill -0 "$1" 2>/dev/null; do
        n=$(descriptors)
        ((n > most_descriptors)) && most_descriptors=$n
        n=$(memory_kib)
        ((n > most_memory)) && most_memory=$n
        sleep 0.2
    done
}

few_descriptors_again() {
    for _ in {1..200}; do
        (($(descriptors) < 40)) && return
        sleep 0.1
    done
    echo "$(descriptors) descriptors are open"
    return 1
}

idle_costs_nothing() {
    local before after
    before=$(cpu_ticks)
    sleep 2
    after=$(cpu_ticks)
    ((after - before < 20)) || {
        echo "$((after - before)) ticks of CPU in two idle seconds"
        return 1
    }
}

fetch() { # curl's words; the answer's status
    [[ $(curl -sS -o /dev/null -w '%{http_code}' --max-time 20 "${@:2}") == "$1" ]]
}

check "the programs compile" compile http_server_host
check "the clients compile" compile http_slow_clients
start connections=$limit
check "the server starts" test "$port"
check "a scrape before the crowd" fetch 200 "http://127.0.0.1:$port/metrics"
memory_before=$(memory_kib)
./http_slow_clients "$port" "$clients" "$seconds" >crowd 2>&1 &
crowd=$!
watch_host $crowd
wait $crowd
cat crowd
echo "memory before $memory_before KiB, at most $most_memory KiB; descriptors at most $most_descriptors"
check "no scrape failed among $clients slow clients" grep -Eq '^scrapes [1-9][0-9]* failed 0 ' crowd
check "they cost less than 64 MiB" test $((most_memory - memory_before)) -lt 65536
check "they took no more descriptors than the limit" test "$most_descriptors" -lt $((limit + 40))
check "all are gone within 20 s" few_descriptors_again
check "a scrape after the crowd" fetch 200 "http://127.0.0.1:$port/metrics"
check "nothing keeps running" idle_costs_nothing
stop
check "it stops" test $stopped = 0

# --- TLS -------------------------------------------------------------------------------------------------------------

certificate() { # NAME AUTHORITY PURPOSE
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" &&
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$3" >"$1.ext" &&
        openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.crt"
}

authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.crt" -days 2 \
        -subj "/CN=$1"
}

all_certificates() {
    authority ca && authority stranger && certificate one ca serverAuth && certificate two ca serverAuth &&
        certificate client ca clientAuth && certificate other stranger clientAuth && certificate server ca serverAuth
}

subject() { # of the certificate that the server shows
    openssl s_client -connect "127.0.0.1:$port" -CAfile ca.crt </dev/null 2>/dev/null | openssl x509 -noout -subject
}

shows() {
    [[ $(subject) == *"CN = $1"* ]] || {
        echo "it shows \"$(subject)\""
        return 1
    }
}

check "certificates are made" all_certificates
start cert=one.crt key=one.key
check "a server with TLS starts" test "$port"
url=https://127.0.0.1:$port/metrics
check "it serves" fetch 200 --cacert ca.crt "$url"
check "not without TLS" bash -c '! curl -sS --max-time 20 "http://127.0.0.1:$1/metrics"' - "$port"
check "TLS 1.2 is spoken" fetch 200 --tls-max 1.2 --cacert ca.crt "$url"
check "TLS 1.1 is not" bash -c '! curl -sS --tls-max 1.1 --cacert ca.crt "$1"' - "$url"
check "its certificate is seen" shows one
check "another certificate is taken over" reconfigure ok cert=two.crt key=two.key
check "it is seen" shows two
check "a key of another certificate is refused" reconfigure "error: key_file: one.key: not the key" cert=two.crt key=one.key
check "a file that is not there is refused" reconfigure "error: cert_file: gone.crt" cert=gone.crt key=one.key
check "a file that is no certificate is refused" reconfigure "error: cert_file: one.key: no cert" cert=one.key key=one.key
check "the one before is still seen" shows two
check "TLS 1.3 only" reconfigure ok cert=two.crt key=two.key min=TLS13
check "TLS 1.2 is no longer spoken" bash -c '! curl -sS --tls-max 1.2 --cacert ca.crt "$1"' - "$url"
check "TLS 1.3 is" fetch 200 --cacert ca.crt "$url"
check "with a password" reconfigure ok cert=two.crt key=two.key "user=$user"
check "none is refused" fetch 401 --cacert ca.crt "$url"
check "a wrong one is refused" fetch 401 --cacert ca.crt -u alice:wrong "$url"
check "the right one is taken" fetch 200 --cacert ca.crt -u alice:secret "$url"

tls=(cert=one.crt key=one.key)
if [[ $(reconfigure error "${tls[@]}" ca=ca.crt auth=4) == *"built without"* ]]; then
    echo "(client certificates are not checked: this build cannot)"
else
    check "client certificates required and verified" reconfigure ok "${tls[@]}" ca=ca.crt auth=4
    check "none is refused" fetch 403 --cacert ca.crt "$url"
    check "a stranger's is refused" fetch 403 --cacert ca.crt --cert other.crt --key other.key "$url"
    check "a server's is refused" fetch 403 --cacert ca.crt --cert server.crt --key server.key "$url"
    check "a client's is taken" fetch 200 --cacert ca.crt --cert client.crt --key client.key "$url"
    check "client certificates verified if given" reconfigure ok "${tls[@]}" ca=ca.crt auth=3
    check "none is fine" fetch 200 --cacert ca.crt "$url"
    check "a stranger's is refused" fetch 403 --cacert ca.crt --cert other.crt --key other.key "$url"
    check "any client certificate" reconfigure ok "${tls[@]}" ca=ca.crt auth=2
    check "none is refused" fetch 403 --cacert ca.crt "$url"
    check "a stranger's is taken" fetch 200 --cacert ca.crt --cert other.crt --key other.key "$url"
fi
stop
check "it stops" test $stopped = 0
finish
