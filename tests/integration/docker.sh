#!/usr/bin/env bash
# docker/ where no container engine is: the Dockerfile by hadolint, its lists of packages against what the build and the
# program need, compose.yaml by Compose's own loader and by rules of ours, every mounted configuration by the tool that
# reads it, and what the traffic puts into a bucket by a store that checks every signature. The composition itself runs in
# stack.sh; images are neither built nor run here.
# shellcheck disable=SC2016,SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

aws_env
files=$top/tests/integration/docker_files.py
tools=$("$top/scripts/docker-tools" 2>tools.log) || {
    echo "not ok scripts/docker-tools"
    sed 's/^/    /' tools.log
    exit 1
}

# --- the Dockerfile ------------------------------------------------------------------------------------------------------

dockerfile_has() { # REGEX
    grep -qE -- "$1" "$top/docker/Dockerfile" || {
        echo "no line matches $1"
        return 1
    }
}

# The list "build" of scripts/lib.sh; what is only good to have there is taken along.
build_list_is() {
    bash -c '. "$1/scripts/lib.sh"; package_list build' - "$top" | awk '{ sub(/^\?/, "", $2); print $2 }' | sort >expected
    python3 -B "$files" packages "$top" build | sort >found
    agree 15 packages
}

# Every library that the program names itself is in a package of the list. Names of packages differ between releases of
# Debian, so on another one than the Dockerfile's there is nothing to compare with.
runtime_list_covers() {
    local library path
    python3 -B "$files" packages "$top" runtime | sort >listed
    readelf -d "$SES_COLLECTOR" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' >needed
    while read -r library; do
        path=$(ldd "$SES_COLLECTOR" | awk -v l="$library" '$1 == l { print $3 }')
        { dpkg -S "$path" 2>/dev/null || dpkg -S "$(realpath "$path")" 2>/dev/null || dpkg -S "/usr$path"; } | head -n 1 | cut -d: -f1
    done <needed | sort -u | grep -vx 'libc6\|libasan.*\|libubsan.*\|libtsan.*\|libgcc-s1' >wanted
    (($(wc -l <wanted) >= 10)) || {
        echo "hardly a library: $(cat needed)"
        return 1
    }
    comm -23 wanted listed >missing
    [[ ! -s missing ]] || {
        echo "not in the Dockerfile: $(<missing)"
        return 1
    }
}

# What .dockerignore lets in is enough to configure the build, has all that the Dockerfile copies, and nothing else.
context_is_enough() {
    rm -rf context
    python3 -B "$files" context "$top" >listed || return 1
    (cd "$top" && tar -cf - -T "$work/listed") | (mkdir context && tar -xf - -C context) || return 1
    grep -E '^(\.git|build|docs|tests)/' listed && return 1
    (cd context && cmake --preset release -DBUILD_TESTING=OFF) >cmake.log 2>&1 || {
        tail -n 20 cmake.log
        return 1
    }
    local path
    for path in packaging/ses-collector.yaml LICENSE docker/traffic.sh collector/main.c; do
        [[ -e context/$path ]] || { echo "$path is not in the context"; return 1; }
    done
}

check "hadolint has nothing to say" "$tools/bin/hadolint" --failure-threshold info "$top/docker/Dockerfile"
check "it would" eval '! printf "FROM debian:latest\nRUN cd /tmp && sudo ls\n" | "$tools/bin/hadolint" -'
check "the build stage installs what scripts/lib.sh lists" build_list_is
if [[ $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) == $(sed -nE 's/^FROM debian:([a-z]+)-slim AS runtime$/\1/p' "$top/docker/Dockerfile") ]]; then
    check "the runtime stage installs what the program links" runtime_list_covers
else
    echo "ok the runtime stage installs what the program links # SKIP another release of Debian"
fi
check "the context is enough to build from" context_is_enough
check "the state's folder belongs to that user" dockerfile_has '^RUN install -d -m 0750 -o 10001 -g 10001 /var/lib/ses-collector$'
check "nobody is root at the end" eval '[[ $(grep -E "^(USER|FROM)" "$top/docker/Dockerfile" | grep -A9 "AS runtime" | grep -B1 "^FROM" | grep -c "^USER 10001:10001$") -ge 1 ]]'
check "it ends on SIGTERM" dockerfile_has '^STOPSIGNAL SIGTERM$'
check "the entry point needs no shell" dockerfile_has '^ENTRYPOINT \["ses-collector"\]$'
for label in title description source version revision created licenses; do
    check "label $label" dockerfile_has "org\.opencontainers\.image\.$label="
done
# The words of HEALTHCHECK, as the engine would run them, but for the path: asked of a service that runs.
mkdir spool
fixed_port=$(free_port)
printf 'web: {listen_address: "127.0.0.1:%s"}\n' "$fixed_port" | configure healthy.yaml
serve healthy.yaml
mapfile -t words < <(sed -nE 's/^ +CMD (\["ses-collector".*\])$/\1/p' "$top/docker/Dockerfile" | jq -r '.[1:][]')
check "HEALTHCHECK's words are understood" eval '((${#words[@]} == 2)) && "$SES_COLLECTOR" "${words[0]}" "${words[1]%=*}=healthy.yaml"'
terminate "$pid"
mapfile -t words < <(sed -nE 's/^CMD (\["run".*\])$/\1/p' "$top/docker/Dockerfile" | jq -r '.[]')
check "CMD's words are understood" eval '((${#words[@]} == 2)) && is "${words[1]}" --config.file=/etc/ses-collector/ses-collector.yaml'
check "the image's own configuration is right" "$SES_COLLECTOR" check --config.file="$top/packaging/ses-collector.yaml"

# --- compose.yaml --------------------------------------------------------------------------------------------------------

# Nothing of the caller's environment decides what the file says.
load() {
    env -i PATH="$PATH" HOME="$work" "$tools/bin/compose_check" "$top/docker/compose.yaml" "$@"
}

services_are() { # NAMES [PROFILE...]
    is "$(load "${@:2}" | jq -r '.services | keys | join(" ")')" "$1"
}

if [[ -x $tools/bin/compose_check ]]; then
    check "Compose's loader reads it" eval 'load demo >project.json'
    check "as it stands here, every service is as it should be" eval 'python3 -B "$files" compose "$top" <project.json'
    check "without a profile" services_are "alertmanager grafana prometheus ses-collector"
    check "with kafka" services_are "alertmanager grafana kafka prometheus ses-collector" kafka
    check "with demo" services_are "alertmanager grafana kafka prometheus s3 ses-collector traffic" demo
    check "what is wrong is seen" eval \
        '! jq ".services.prometheus.image = \"prom/prometheus:latest\"" project.json | python3 -B "$files" compose "$top"'
    check "a service that does not exist is seen" eval \
        'sed "s/alertmanager: {condition/alertmanagers: {condition/" "$top/docker/compose.yaml" >bad.yaml
        ! "$tools/bin/compose_check" bad.yaml'
else
    echo "ok Compose's loader reads compose.yaml # SKIP no Go 1.24 or later"
fi
if docker compose version >/dev/null 2>&1; then
    check "docker compose reads it" docker compose -f "$top/docker/compose.yaml" --profile demo config --quiet
fi

# --- what is mounted -----------------------------------------------------------------------------------------------------

# The paths in Prometheus's file are the container's: here they become what compose.yaml mounts there.
prometheus_is_right() {
    cp "$top/docker/prometheus.yml" prometheus.yml
    python3 -B "$files" mounts "$top" <project.json | while read -r service source target; do
        [[ $service != prometheus ]] || sed -i "s#$target#$source#" prometheus.yml
    done
    ! grep -q /etc/prometheus prometheus.yml || { echo "a path that is not mounted:"; grep /etc/prometheus prometheus.yml; return 1; }
    promtool check config prometheus.yml
}

demo_rules_are_right() {
    SES_DEFAULT_RULES=false "$SES_COLLECTOR" rules --config.file="$top/docker/ses-collector.yaml" | diff - "$top/docker/demo.rules.yml" &&
        promtool check rules "$top/docker/demo.rules.yml"
}

collector_is_right() { # with the environment that compose.yaml gives it
    local words
    mapfile -t words < <(jq -r '.services["ses-collector"].environment | to_entries[] | "\(.key)=\(.value)"' project.json)
    env -i "${words[@]}" "$SES_COLLECTOR" check --config.file="$top/docker/ses-collector.yaml" >effective.yaml &&
        says 'bootstrap.servers' effective.yaml && says 'http://s3:8333' effective.yaml && says 'http://alertmanager:9093' effective.yaml
}

# Grafana reckons with the interval in which Prometheus scrapes, and finds the dashboards where they are mounted.
grafana_agrees() {
    local path
    is "$(jq -r '.services.grafana.environment.PROMETHEUS_SCRAPE_INTERVAL' project.json)" \
        "$(sed -nE 's/^  scrape_interval: ([0-9]+s).*/\1/p' "$top/docker/prometheus.yml")" || return 1
    grep -qx '      timeInterval: $PROMETHEUS_SCRAPE_INTERVAL' "$top/grafana/provisioning/datasources/prometheus.yaml" || return 1
    path=$(sed -nE 's/^ +path: (.*)/\1/p' "$top/grafana/provisioning/dashboards/ses-collector.yaml")
    python3 -B "$files" mounts "$top" <project.json | grep -xF "grafana $(realpath "$top/grafana/dashboards") $path"
}

yaml_is_yaml() {
    "$tools/bin/python" -B "$files" yaml "$top/docker/compose.yaml" "$top"/grafana/provisioning/*/*.y*ml "$top"/grafana/rules/*.y*ml
}

if [[ -e project.json ]]; then
    check "Prometheus's file and rules" prometheus_is_right
    check "the collector's file" collector_is_right
    check "Grafana agrees with Prometheus and with the mounts" grafana_agrees
fi
check "the demonstration's rule for Prometheus is the collector's" demo_rules_are_right
check "Alertmanager's file" amtool check-config "$top/docker/alertmanager.yml"
check "Grafana's files are YAML" yaml_is_yaml

# --- the traffic ---------------------------------------------------------------------------------------------------------

double_start store
export S3_ENDPOINT=$DOUBLE_URL
mkdir keep store/ses-events
traffic() { # WHERE...
    env SES_COLLECTOR="$SES_COLLECTOR" TRAFFIC_FOLDER="$work/traffic" TRAFFIC_KEEP="$work/keep" TRAFFIC_BACKFILL=2m \
        TRAFFIC_DURATION=4s TRAFFIC_INCIDENTS= TRAFFIC_OBJECT_INTERVAL=2s bash "$top/docker/traffic.sh" "$@"
}
check "objects are put, and every signature is right" traffic s3
check "all of them" eval '(cd keep/s3 && find . -type f | sort) >expected; (cd store/ses-events && find . -type f | sort) >found; agree 2 objects'
check "byte for byte" diff -r keep/s3 store/ses-events
check "a wrong key is refused" eval '! AWS_SECRET_ACCESS_KEY=wrong TRAFFIC_TRIES=2 traffic s3'
check "nothing is sent nowhere" eval '! traffic'
finish
