#!/usr/bin/env bash
# The manifests for Kubernetes: built by kustomize, decoded strictly by the types themselves, and what they configure.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

manifests=$top/packaging/kubernetes
check "the configuration is right" exits 0 "$SES_COLLECTOR" check --config.file="$manifests/config/ses-collector.yaml"
check "it keeps its state on the volume" says "path: /var/lib/ses-collector/state.db" out

# The rules, without what Kubernetes puts around them.
sed -n '/^  groups:/,$p' "$manifests/monitoring.yaml" | sed 's/^  //' >rules.yaml
check "promtool takes the rules" promtool check rules rules.yaml
metrics_are_ours() {
    grep -oE 'ses_[a-z_]+' rules.yaml | sort -u >metrics
    while read -r metric; do
        grep -qF "\`$metric\`" "$top/docs/metrics.md" || { echo "$metric"; return 1; }
    done <metrics
    test -s metrics
}
check "their metrics are the program's" metrics_are_ours

# The types and kustomize are Go's, as Kubernetes' own programs have them. Built once, without optimising: half the time.
checker() {
    local source=$top/tests/integration/kubernetes_check folder=${BUILD:-$top/build}/kubernetes stamp
    stamp=$(cat "$source"/* | sha256sum | cut -c 1-16)
    checks=$folder/check-$stamp
    [[ ! -x $checks ]] || return 0
    mkdir -p "$folder"
    (cd "$source" && CGO_ENABLED=0 GOTOOLCHAIN=local timeout 400 go build -buildvcs=false -gcflags='all=-N -l' -ldflags='-s -w' \
        -o "$checks.$$" .) >go.log 2>&1 && mv "$checks.$$" "$checks"
}
if ! command -v go >/dev/null; then
    echo "# skipped: decoding by Kubernetes' own types needs go"
    finish
fi
if ! checker; then
    echo "# skipped: decoding by Kubernetes' own types: the Go modules cannot be had"
    tail -n 3 go.log | sed 's/^/# /'
    finish
fi

# All of it: what is optional too, with a configuration for the workers.
cp -r "$manifests" all
printf '{}\n' >all/config/normalize.yaml
sed -i -E 's/^  # (- |  )/  \1/' all/kustomization.yaml
built() { # FOLDER OBJECTS
    "$checks" build "$1" >"$1.yaml" || return 1
    is "$(grep -c '^kind:' "$1.yaml")" "$2"
}
decoded() {
    "$checks" decode <"$1"
}
cp -r "$manifests" usual
check "kustomize builds what is there without a change" built usual 7
check "Kubernetes' types take it" decoded usual.yaml
check "kustomize builds all of it" built all 11
check "the types of Kubernetes and of Prometheus's operator take it" decoded all.yaml

# A check that takes everything is none.
refused() {
    sed "$1" all.yaml >damaged.yaml
    ! cmp -s all.yaml damaged.yaml && ! "$checks" decode <damaged.yaml >/dev/null
}
check "a misspelt field is found" refused 's/readOnlyRootFilesystem/readOnlyRoot/'
check "a container as root is found" refused 's/runAsNonRoot: true/runAsNonRoot: false/'
check "a claim that is not there is found" refused 's/claimName: ses-collector-state/claimName: other/'
check "a monitor of nothing is found" refused '/^kind: ServiceMonitor/,$ s/component: service/component: other/'

finish
