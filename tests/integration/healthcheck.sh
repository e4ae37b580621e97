#!/usr/bin/env bash
# `ses-collector healthcheck`, as a container's engine runs it: of a service that is well, of one that is not ready, of one
# with TLS, passwords or client certificates, of one that hangs, and of none.
# shellcheck disable=SC2317 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

health() { # EXIT [OPTION...]
    exits "$1" "$SES_COLLECTOR" healthcheck "${@:2}"
}

says_once() { # TEXT: the answer is one line, and that is in it
    is "$(cat out err | wc -l)" 1 && says "$1" <(cat out err)
}

certificate() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.crt" -days 2 \
        -subj "/CN=$1" -addext "subjectAltName=DNS:$1.example" 2>openssl.log
}

# at PORT: the configuration as the service has it: it listens on all addresses, at that port
at() {
    sed "s/^web:.*/web: {listen_address: \":$1\"$2}/" "$3" >"at-$1.yaml"
    printf '%s' "at-$1.yaml"
}

# within MILLISECONDS COMMAND...
within() {
    local began most=$1
    began=$(date +%s%3N)
    shift
    "$@" || return 1
    at_most $(($(date +%s%3N) - began)) "$most"
}

mkdir spool
simulate --messages 50 --out spool
printf 'web: {}\n' | configure plain.yaml
fixed_port=$(free_port)

check "--help" health 0 --help
check "an option that is not there" health 2 --colour
check "two places to ask" health 2 --url http://127.0.0.1:1 --config.file=plain.yaml
check "a name without a password" health 2 --username alice
check "a password in the address" health 2 --url http://alice:secret@127.0.0.1:1
check "it is not repeated" eval '! grep -q secret out err'
check "nobody listens" health 1 --url "http://127.0.0.1:$fixed_port"
check "it says so in a line" says_once "http://127.0.0.1:$fixed_port: "
check "a configuration that is not there" health 1 --config.file=gone.yaml
check "a configuration that is wrong" health 1 --config.file=<(echo 'nonsense: 1')

# --- plain ---------------------------------------------------------------------------------------------------------------

serve plain.yaml
here=$(at "$fixed_port" "" plain.yaml)
check "a service is well" health 0 --config.file="$here"
check "it says so" says_once "http://127.0.0.1:$fixed_port: Healthy."
check "it is ready" wait_for 60 health 0 --config.file="$here" --ready
check "by its address" health 0 --url "http://127.0.0.1:$fixed_port/"
check "the address as run was given it" health 0 --config.file=plain.yaml --web.listen-address="127.0.0.1:$fixed_port"
check "past a proxy that is not there" env http_proxy=http://127.0.0.1:1 "$SES_COLLECTOR" healthcheck --config.file="$here"
check "a port that is found later" health 1 --config.file=plain.yaml --web.listen-address=127.0.0.1:0
kill -STOP "$pid"
check "one that hangs is not well, after 3 s" within 5000 health 1 --config.file="$here"
kill -CONT "$pid"
check "it is again when it goes on" health 0 --config.file="$here"
terminate "$pid"
check "after its end it is not" health 1 --config.file="$here"

# What a peer answers goes to a terminal, or into a log.
cat >odd.py <<'PYTHON'
import socket
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
connection = listener.accept()[0]
connection.recv(4096)
connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nfine\x9b31m\x7fred\n")
connection.close()
PYTHON
background python3 odd.py >odd.port
check "a server of another kind" wait_for 60 test -s odd.port
check "its answer is asked for" health 0 --url "http://127.0.0.1:$(<odd.port)"
check "what could steer a terminal is not shown" is "$(LC_ALL=C sed 's/.*: //' out)" fine

# --- not ready -----------------------------------------------------------------------------------------------------------

cat >waiting.yaml <<YAML
web: {}
sources:
  - kafka:
      topics: [none]
      properties: {bootstrap.servers: "127.0.0.1:1"}
YAML
serve waiting.yaml
check "a service without its broker is well" health 0 --url "http://127.0.0.1:$fixed_port"
check "but not ready" health 1 --url "http://127.0.0.1:$fixed_port" --ready
check "and it says why" says_once "Not ready: "
terminate "$pid"

# --- TLS and users -------------------------------------------------------------------------------------------------------

check "certificates are made" eval 'certificate server && certificate stranger'
# The hash of "secret", of cost 4.
cat >web.yaml <<'YAML'
tls_server_config: {cert_file: server.crt, key_file: server.key}
basic_auth_users: {alice: "$2y$04$WUHhXETkX0fnYkrqZU3ta.V/MhsBGVkvl.skVEhBTiEdihFBnDQOa"}
YAML
printf 'web: {config_file: web.yaml}\n' | configure tls.yaml
serve tls.yaml
here=$(at "$fixed_port" ", config_file: web.yaml" tls.yaml)
printf 'secret\n' >right
printf 'Secret\n' >wrong
check "with TLS for another name, and passwords, it is well" health 0 --config.file="$here"
check "it says that it was not let in" says_once "https://127.0.0.1:$fixed_port: it answers, and wants to know who asks"
check "ready is not for everybody" health 1 --config.file="$here" --ready
check "with a password it is" wait_for 60 health 0 --config.file="$here" --ready --username alice --password-file right
check "with a wrong one it is not" health 1 --config.file="$here" --ready --username alice --password-file wrong
check "with a wrong one it is not well either" health 1 --config.file="$here" --username alice --password-file wrong
check "the password is not said" eval '! grep -qi secret out err'
check "by its address its certificate must be known" health 1 --url "https://127.0.0.1:$fixed_port"
check "and be for that name" health 1 --url "https://127.0.0.1:$fixed_port" --ca-file server.crt
sed 's/server\./stranger./g' web.yaml >stranger.yaml
check "another certificate than the configuration's is not taken" health 1 --config.file="$here" --web.config.file=stranger.yaml
terminate "$pid"
cat >web.yaml <<'YAML'
tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: stranger.crt, client_auth_type: RequireAndVerifyClientCert}
YAML
serve tls.yaml
check "one that wants a client's certificate is well" health 0 --config.file="$here"
terminate "$pid"
finish
