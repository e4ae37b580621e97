# shellcheck shell=bash
# What the scripts share: how they speak, where the project is, and the installing of Debian packages that are missing.
# Sourced by bash scripts, which set -euo pipefail themselves.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi
# shellcheck disable=SC2034 # for the scripts that source this file
readonly root bold dim red green plain

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s%s: %s%s\n' "$red" "${0##*/}" "$*" "$plain" >&2
    exit 1
}

# seconds_since START: with START from $EPOCHREALTIME, "12.3".
seconds_since() {
    local began=${1/[.,]/} now=${EPOCHREALTIME/[.,]/}
    local tenths=$(((now - began) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# install_pinned ENVIRONMENT FILE: what FILE of scripts/pins names and nothing else, each with the hash that stands there.
install_pinned() {
    "$1/bin/python" -m pip install --quiet --no-input --require-hashes --only-binary=:all: --requirement "$2"
}

# What the project needs, as "probe package": the package is installed only if its probe says that the thing is not
# there, so a system that has it from elsewhere is left alone. "?" before a package: good to have, do without.
package_list() {
    case $1 in
    build)
        cat <<'LIST'
command:gcc gcc
header:stdlib.h libc6-dev
command:cmake cmake
command:ninja ninja-build
command:pkg-config pkg-config
pkgconfig:zlib zlib1g-dev
pkgconfig:libzstd libzstd-dev
pkgconfig:libidn2 libidn2-dev
pkgconfig:jansson libjansson-dev
header:snappy-c.h libsnappy-dev
pkgconfig:rdkafka librdkafka-dev
pkgconfig:libcurl libcurl4-openssl-dev
pkgconfig:libmicrohttpd libmicrohttpd-dev
pkgconfig:gnutls libgnutls28-dev
pkgconfig:expat libexpat1-dev
pkgconfig:sqlite3 libsqlite3-dev
pkgconfig:yaml-0.1 libyaml-dev
pkgconfig:libcrypto libssl-dev
pkgconfig:libcrypt libcrypt-dev
pkgconfig:cmocka libcmocka-dev
pkgconfig:libisal ?libisal-dev
LIST
        ;;
    demo)
        say 'command:jq jq'
        ;;
    test)
        cat <<'LIST'
command:python3 python3
command:jq jq
command:setarch util-linux
command:ip iproute2
command:zstd zstd
command:sqlite3 sqlite3
command:curl curl
command:openssl openssl
command:prometheus prometheus
command:prometheus-alertmanager prometheus-alertmanager
command:chromium ?chromium
command:kcat kcat
LIST
        ;;
    stack)
        cat <<'LIST'
command:python3 python3
command:jq jq
command:curl curl
command:prometheus prometheus
command:prometheus-alertmanager prometheus-alertmanager
command:chromium ?chromium
command:kcat kcat
LIST
        ;;
    kafka)
        cat <<'LIST'
command:mvn maven
command:java default-jre-headless
LIST
        ;;
    aws)
        cat <<'LIST'
command:flock util-linux
python:ensurepip python3-venv
LIST
        ;;
    lint)
        cat <<'LIST'
command:clang clang
command:clang-tidy clang-tidy
command:clang-format-14 ?clang-format-14
command:cppcheck cppcheck
command:shellcheck shellcheck
command:mandoc mandoc
LIST
        ;;
    grafana)
        say 'command:npm npm'
        ;;
    package)
        cat <<'LIST'
command:dpkg-shlibdeps dpkg-dev
command:strip binutils
LIST
        ;;
    packaging) # what the tests of packages, completions and units look at them with
        cat <<'LIST'
command:lintian lintian
command:debootstrap debootstrap
command:systemd-analyze systemd
command:mandoc mandoc
command:zsh zsh
command:fish fish
LIST
        ;;
    fuzz)
        say 'command:clang clang'
        say "clang-runtime:fuzzer libclang-rt-$(clang_major)-dev"
        ;;
    *) die "no list of packages is called '$1'" ;;
    esac
}

# The major version of clang: of the one installed, else of the one that would be.
clang_major() {
    if command -v clang >/dev/null; then
        clang -dumpversion | cut -d. -f1
    else
        apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1
    fi
}

# probe KIND:NAME: whether the thing is there.
probe() {
    local name=${1#*:}
    case $1 in
    command:*) command -v "$name" >/dev/null ;;
    pkgconfig:*) command -v pkg-config >/dev/null && pkg-config --exists "$name" ;;
    header:*) [[ -n $(find /usr/include /usr/local/include -maxdepth 2 -name "$name" -print -quit 2>/dev/null) ]] ;;
    python:*) python3 -c "import $name" 2>/dev/null ;;
    clang-runtime:*) command -v clang >/dev/null && compgen -G "$(clang -print-resource-dir)/lib/*/libclang_rt.$name*" >/dev/null ;;
    esac
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "packages are missing, and installing them takes root or sudo: apt-get install ${missing[*]}"
    fi
}

# apt_get ARGUMENTS: quiet while all is well, everything it said when it fails. Waits for another apt to end.
apt_get() {
    local output
    if ! output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" 2>&1); then
        printf '%s\n' "$output" | tail -n 20 >&2
        return 1
    fi
}

# need_packages build|demo|test|lint|fuzz...: installs what is missing, or ends the script. Silent if nothing is.
need_packages() {
    local list thing package
    local -a missing=() optional=()
    for list in "$@"; do
        while read -r thing package; do
            probe "$thing" && continue
            case $package in
            \?*) optional+=("${package#\?}") ;;
            *) missing+=("$package") ;;
            esac
        done < <(package_list "$list")
    done
    ((${#missing[@]})) || return 0 # what is only good to have is no reason to install anything
    command -v apt-get >/dev/null || die "please install first (here are Debian's names): ${missing[*]}"
    apt_get update || say "The package lists could not be refreshed; going on with those that are there."
    for package in "${optional[@]}"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            missing+=("$package")
        fi
    done
    say "Installing packages: ${missing[*]}"
    apt_get install --no-install-recommends "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
    for list in "$@"; do
        while read -r thing package; do
            [[ $package == \?* ]] || probe "$thing" || die "$package is installed, but $thing is still not to be found"
        done < <(package_list "$list")
    done
}

# build_preset PRESET [cmake --build options]: configures and builds into build/PRESET. Output on both streams.
build_preset() {
    local preset=$1
    shift
    (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" "$@")
}

# project_files PATTERN...: the files of the project (tracked, or new and not ignored), as git pathspecs match them; in a
# tree without git, by find. Relative to the root, one per line.
project_files() {
    cd "$root" || return
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
            if [[ -e $file ]]; then printf '%s\n' "$file"; fi
        done
    else
        local pattern
        for pattern in "$@"; do
            find . \( -path ./build -o -path ./.git \) -prune -o -type f -path "./$pattern" -print | sed 's|^\./||'
        done
    fi | sort -u
}
