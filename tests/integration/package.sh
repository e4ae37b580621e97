#!/usr/bin/env bash
# The Debian package: the same bytes twice, nothing for lintian to say, and its life in a bare Debian 12.
# shellcheck disable=SC2317,SC2016 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
BUILD=${BUILD:-$top/build}
# shellcheck source=../../scripts/lib.sh
(. "$top/scripts/lib.sh" && need_packages build package packaging) || exit 1

# Other folders, another umask, another time zone and language: none of it may show.
"$top/scripts/package" --build "$BUILD/package" --out first >built 2>&1
package=$(find "$work/first" -name '*.deb' 2>/dev/null)
[[ -f $package ]] || { check "it is built" cat built "$package"; finish; }
# A Debian of its own, for later: it is fetched while the package is built once more.
root=$work/root
depends=$(dpkg-deb -f "$package" Depends Recommends | sed 's/^[A-Z][a-z]*: //; s/ *([^)]*)//g; s/ //g' | paste -sd,)
if ((EUID == 0)); then
    timeout 300 debootstrap --variant=minbase --include="$depends" bookworm "$root" http://deb.debian.org/debian >debootstrap.log 2>&1 &
    fetching=$!
    trap '[[ ! $fetching ]] || { kill "$fetching"; wait "$fetching"; }; clean_up' EXIT
fi
(umask 077 && TZ=Asia/Tokyo LC_ALL=C "$top/scripts/package" --build "$work/again" --out "$work/second") >>built 2>&1
check "twice, to the same bytes" cmp "$package" "second/${package##*/}"
rm -rf again

lintian_is_silent() {
    local said
    said=$(lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package" 2>&1)
    local code=$?
    echo "$said"
    ((code == 0)) && [[ $said != *": ses-collector: "* ]]
}
check "lintian has no error and no warning" lintian_is_silent

version=$("$SES_COLLECTOR" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)
check "it has the program's version" is "$(dpkg-deb -f "$package" Version)" "$version-1"
mkdir tree
dpkg-deb -x "$package" tree
holds() {
    local file
    for file in usr/bin/ses-collector etc/ses-collector/ses-collector.yaml usr/lib/systemd/system/ses-collector.service \
        'usr/lib/systemd/system/ses-collector-normalize@.service' usr/share/man/man1/ses-collector.1.gz \
        usr/share/man/man5/ses-collector.yaml.5.gz usr/share/bash-completion/completions/ses-collector \
        usr/share/zsh/vendor-completions/_ses-collector usr/share/fish/vendor_completions.d/ses-collector.fish \
        usr/share/doc/ses-collector/copyright usr/share/doc/ses-collector/changelog.Debian.gz \
        usr/share/doc/ses-collector/examples/ses-collector.yaml usr/share/ses-collector/grafana; do
        [[ -s tree/$file ]] || { echo "no $file"; return 1; }
    done
}
check "everything is in it" holds
pages_can_be_read() {
    local page
    for page in man1/ses-collector.1 man5/ses-collector.yaml.5; do
        zcat "tree/usr/share/man/$page.gz" >text
        mandoc -T html text >text.html || return 1
    done
    grep -q commit_interval text.html
}
check "the manual pages can be read" pages_can_be_read
hardened() {
    readelf -hWd tree/usr/bin/ses-collector >elf
    grep -q 'DYN (Position' elf && grep -q 'BIND_NOW\|FLAGS_1.*NOW' elf || return 1
    readelf -SW tree/usr/bin/ses-collector >elf
    ! grep -q '\.symtab' elf
}
check "the program is position independent, bound at its start, and stripped" hardened
check "no path of this machine is in it" bash -c '! grep -qaF "$0" tree/usr/bin/ses-collector' "$top"
check "its configuration is right" exits 0 "$SES_COLLECTOR" check --config.file=tree/etc/ses-collector/ses-collector.yaml

# --- in a Debian of its own -----------------------------------------------------------------------------------------

has_debian() {
    [[ ${fetching:-} ]] || return 1
    wait "$fetching"
    local code=$?
    fetching=
    return "$code"
}
if ! has_debian; then
    echo "# skipped: the package's life in a Debian 12 (needs root, debootstrap and a mirror)"
    tail -n 3 debootstrap.log 2>/dev/null | sed 's/^/# /'
    finish
fi

within() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}

# every name in that system, but what dpkg keeps about itself
names() {
    (cd "$root" && find . -xdev -path ./proc -prune -o -print | grep -vE '^\./(var/(log|cache|lib/dpkg)|tmp)/' | sort)
}

conf=$root/etc/ses-collector/ses-collector.yaml
names >names.before
cp "$package" "$root/tmp/one.deb"
check "it is installed" within dpkg -i /tmp/one.deb
check "the program runs there" within ses-collector --version
check "it is not enabled" test ! -e "$root/etc/systemd/system/multi-user.target.wants/ses-collector.service"

# As the unit would, but for the user. The port is one that is free here.
port=$(free_port)
mkdir -p "$root/var/lib/ses-collector"
"$SES_COLLECTOR" simulate --quiet --messages 200 --start "@$(($(date +%s) - 7200))" --duration 1h --tail 0s --out dump
background chroot "$root" /usr/bin/ses-collector run --config.file=/etc/ses-collector/ses-collector.yaml \
    --web.listen-address=127.0.0.1:"$port"
answers_ready() {
    curl -sf "http://127.0.0.1:$port/-/ready"
}
check "with the configuration as it comes it starts" wait_for 60 answers_ready
cp -r dump "$root/var/spool/ses-collector/"
has_counted() {
    curl -s "http://127.0.0.1:$port/metrics" >metrics
    awk '/^ses_events_total/ { n += $NF } END { exit n < 200 }' metrics
}
check "and counts what is put into its spool" wait_for 60 has_counted
kill -TERM "$pid"
gone "$pid"
check "it ends as it should" is "$code" 0
rm -r "$root/var/spool/ses-collector/dump"

# A package that is newer in number, and one with another configuration.
made_of() { # VERSION
    dpkg-deb -R "$package" "$work/newer"
    sed -i "s/^Version: .*/Version: $1/" newer/DEBIAN/control
    [[ $1 != 99.2-1 ]] || sed -i '1i # new in 99.2' newer/etc/ses-collector/ses-collector.yaml
    dpkg-deb --root-owner-group -b newer "$root/tmp/$1.deb" >/dev/null
    rm -r newer
}
made_of 99.1-1
made_of 99.2-1
echo '# ours' >>"$conf"
check "an upgrade asks nothing" within dpkg -i /tmp/99.1-1.deb </dev/null
check "and keeps what was changed" grep -q '^# ours' "$conf"
check "one whose configuration has changed too" within dpkg --force-confdef --force-confold -i /tmp/99.2-1.deb </dev/null
check "keeps it as well" grep -q '^# ours' "$conf"
check "with the new one beside it" grep -q '^# new in 99.2' "$conf.dpkg-dist"
# What "systemctl enable" comes to, which is not there without systemd.
check "enabled by hand" within DPKG_MAINTSCRIPT_PACKAGE=ses-collector deb-systemd-helper enable ses-collector.service
check "removed" within dpkg -r ses-collector
check "configuration and state stay" test -s "$conf" -a -s "$root/var/lib/ses-collector/state.db"
check "installed once more" within dpkg -i /tmp/99.2-1.deb </dev/null
check "it is enabled as before" test -L "$root/etc/systemd/system/multi-user.target.wants/ses-collector.service"
mkdir -p "$root/var/lib/private/ses-collector" "$root/srv/others"
touch "$root/srv/others/file" "$root/var/lib/private/ses-collector/state.db"
ln -s /srv/others "$root/var/lib/ses-collector/link"
check "a purge of another root" within env DPKG_ROOT=/elsewhere sh /var/lib/dpkg/info/ses-collector.postrm purge
check "takes nothing here" test -s "$root/var/lib/ses-collector/state.db" -a -e "$root/var/lib/private/ses-collector/state.db"
check "purged" within dpkg -P ses-collector
check "what a link in the state's folder points to stays" test -e "$root/srv/others/file"
rm -r "$root/srv/others"
rmdir "$root/var/lib/private" # systemd's
names >names.after
check "nothing is left" diff names.before names.after

finish
