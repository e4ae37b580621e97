#!/usr/bin/env bash
# The systemd units: what systemd says of them, and that they confine as much as they can.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
BUILD=${BUILD:-$top/build}
# shellcheck source=../../scripts/lib.sh
(. "$top/scripts/lib.sh" && need_packages packaging) || exit 1

# The workers' unit is made by the build.
made=$(find "$BUILD" -maxdepth 3 -path '*/packaging/ses-collector-normalize@.service' -newer "$top/packaging/ses-collector.service" \
    -newer "$top/packaging/ses-collector-normalize@.service.in" -print -quit)
[[ $made ]] || {
    cmake -G Ninja -S "$top" -B "$work/build" -DBUILD_TESTING=OFF >/dev/null 2>&1
    made=$work/build/packaging/ses-collector-normalize@.service
}
units=root/usr/lib/systemd/system
mkdir -p "$units" root/usr/bin
cp "$top/packaging/ses-collector.service" "$made" "$units/"
cp "$units/ses-collector-normalize@.service" "$units/ses-collector-normalize@a.service"
cp "$SES_COLLECTOR" root/usr/bin/
mkdir -p root/bin
cp /bin/true root/bin/kill

# exposure UNIT: ten times what systemd makes of it, from 0 (none) to 100
exposure() {
    systemd-analyze security --offline=true --no-pager "$units/$1" | sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p'
}

is_confined() { # UNIT
    local found
    found=$(exposure "$1")
    echo "$1: exposure $found tenths"
    [[ $found ]] && ((10#$found <= 15))
}

# Names and values are understood; what a unit refers to need not be on this machine.
is_understood() {
    systemd-analyze verify --man=no --root="$work/root" "$@" >said 2>&1
    ! grep -iE 'unknown|invalid|failed to parse|ignoring|not executable' said
}

for unit in ses-collector.service ses-collector-normalize@a.service; do
    check "$unit is exposed by 1.5 at most" is_confined "$unit"
    check "$unit is understood" is_understood "$unit"
done

confinement() {
    sed -n '/^# --- who it is/,/^\[Install\]/p' "$units/$1" | grep -v '^\[Install\]' | sed '/^$/d'
}
check "there is something to share" test "$(confinement ses-collector.service | wc -l)" -ge 30
check "both are confined alike" diff <(confinement ses-collector.service) <(confinement ses-collector-normalize@.service)
check "the workers have no state of the service's" bash -c '! grep -q ^StateDirectory "$0"' "$units/ses-collector-normalize@.service"
check "the service may be reloaded" grep -q '^ExecReload=' "$units/ses-collector.service"

finish
