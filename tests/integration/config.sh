#!/usr/bin/env bash
# The configuration file on the command line: check, and replay with --config.file.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

does_not_say() {
    ! says "$@" >says.out
}

check_config() {
    "$SES_COLLECTOR" check "$@"
}

# --- check --------------------------------------------------------------------------------------------------------

check "check --help" exits 0 check_config --help
# All that are listed, but the two that wait for a quota.
default_rules=$(($(check_config --help-keys rules | grep -c '^| `[A-Z]') - 2))
check "check without a file" exits 2 check_config
check "check of a file without its option" exits 2 check_config some.yaml
check "it says how" says "--config.file=some.yaml" err
check "an unknown option" exits 2 check_config --confg.file some.yaml
check "a file that is not there" exits 78 check_config --config.file=nowhere.yaml
check "it is named" says "nowhere.yaml cannot be opened: No such file" err
check "the sample" exits 0 check_config --config.file="$top/packaging/ses-collector.yaml"
check "it is fine" says "fine: 1 source, $default_rules rules, 0 notification targets" err
check "it shows defaults" says "commit_interval: 1s" out
cp out effective.yaml
check "what it prints is a configuration" exits 0 check_config --config.file effective.yaml
check "and comes to the same" cmp out effective.yaml

printf 'state:\n  path: x.db\nlog:\n  levle: info\n' >wrong.yaml
check "a wrong key" exits 78 check_config --config.file=wrong.yaml
check "its place is told" says 'wrong.yaml:4:3: unknown key "levle"; did you mean "level"?' err
check "nothing on standard output" cmp -s out /dev/null

printf 'sources: []\n' >none.yaml
check "no sources" exits 0 check_config --config.file=none.yaml
check "it says that run needs one" says "serves replay, and not run" err

printf 'alerts: {webhooks: [{url: "https://example.com/${TOKEN:?where the tickets go}"}]}\n' >variable.yaml
check "a variable that is not set" exits 78 check_config --config.file=variable.yaml
check "it is named, with its message" says "TOKEN is not set: where the tickets go" err
check "a variable that is set" exits 0 env TOKEN=hush "$SES_COLLECTOR" check --config.file=variable.yaml
check "a secret is not shown" does_not_say hush out

printf 'alerts:\n  rules:\n  - {name: Q, quota_used: 80%%}\n' >quota.yaml
check "a rule about a quota that nobody knows" exits 78 check_config --config.file=quota.yaml
check "it says what to write, and where" says 'quota.yaml:3:15: quota_used: of which quota? Write quota: {per_day: 50000}' err
printf 'quota: {per_day: 70000}\n' >>quota.yaml
check "a quota" exits 0 check_config --config.file=quota.yaml
check "brings its default rules" says "$((default_rules + 3)) rules" err
cp out effective.yaml
check "it comes back" exits 0 check_config --config.file effective.yaml
check "as it is" cmp out effective.yaml

# --- what depends on where the process is -------------------------------------------------------------------------

nowhere=(env -u AWS_REGION -u AWS_DEFAULT_REGION -u AWS_PROFILE HOME="$PWD" AWS_CONFIG_FILE="$PWD/profiles")
cat >region.yaml <<'END'
sources:
- files: {paths: [/nowhere]}
remote_write:
- name: amp
  url: http://127.0.0.1:9/api/v1/remote_write
  sigv4: true
END
unknown='region.yaml:4:3: remote_write amp: sigv4: the region is not known; write aws: {region: eu-west-1}, or yours, or set AWS_REGION'
check "sigv4 without a region" exits 78 "${nowhere[@]}" "$SES_COLLECTOR" check --config.file=region.yaml
check "its place is told, and what to write" says "$unknown" err
check "run does not start with it" exits 78 "${nowhere[@]}" timeout 10 "$SES_COLLECTOR" run --config.file=region.yaml \
    --web.listen-address=127.0.0.1:0
check "and says the same" says "$unknown" err
check "commands that write nothing do not ask" exits 0 "${nowhere[@]}" "$SES_COLLECTOR" rules --config.file=region.yaml
check "AWS_REGION will do" exits 0 "${nowhere[@]}" AWS_REGION=eu-west-1 "$SES_COLLECTOR" check --config.file=region.yaml
printf '[default]\nregion = eu-west-3\n' >profiles
check "so will a profile" exits 0 "${nowhere[@]}" "$SES_COLLECTOR" check --config.file=region.yaml
rm profiles
echo '  aws: {region: eu-west-1}' >>region.yaml
check "so will the key" exits 0 "${nowhere[@]}" "$SES_COLLECTOR" check --config.file=region.yaml

# --- other files --------------------------------------------------------------------------------------------------

mkdir -p sub
printf 'counting: {providers_file: table}\n' >sub/c.yaml
printf 'my own: [\n' >sub/table
check "a wrong table of providers" exits 78 check_config --config.file=sub/c.yaml
check "its own place is told" says "sub/table:1:" err

printf 'basic_auth_users: {a: plain}\n' >web.yaml
check "a wrong web configuration" exits 78 check_config --config.file=none.yaml --web.config.file=web.yaml
check "its place is told too" says "web.yaml:1:23:" err
check "a wrong address" exits 2 check_config --config.file=none.yaml --web.listen-address=9465
check "another address" exits 0 check_config --config.file=none.yaml --web.listen-address=127.0.0.1:1
check "it is in effect" says "127.0.0.1:1" out
check "a wrong log level" exits 2 check_config --config.file=none.yaml --log.level=loud
check "a full disk" exits 1 bash -c '"$0" check --config.file=none.yaml >/dev/full' "$SES_COLLECTOR"
check "the keys as Markdown" exits 0 check_config --help-keys file
check "all of them" says '| `give_up_after` |' out
check "the documentation is theirs" env SES_COLLECTOR="$SES_COLLECTOR" "$top/scripts/configuration-doc" --check

# --- replay --config.file -----------------------------------------------------------------------------------------

simulate --messages 2000 --duration 3h --out dump
cat >replay.yaml <<'YAML'
counting: {lateness: 5d, tags: [campaign], verified_domains: [example.com]}
quarantine: {directory: kept}
alerts:
  default_rules: false
  rules:
    - {name: AnyMail, severity: page, rate: delivery, above: 1%, window: 5m, min_volume: 1, for: 0s, by: account}
YAML
check "replay with a configuration" exits 0 replay --config.file replay.yaml --format json --alerts alerts.json dump
check "its rules are in force" says '"AnyMail"' alerts.json
check "the default rules are not" does_not_say HighBounceRate alerts.json
check "a tag has a table" says '"tag:campaign"' out
check "the quarantine was made" test -d kept
rm -r kept
check "the command line wins" exits 0 replay --config.file replay.yaml --by provider --quarantine other --format json dump
check "no table that was not asked for" does_not_say tag:campaign out
check "the other quarantine was made" test -d other -a ! -e kept
check "a wrong configuration" exits 78 replay --config.file wrong.yaml dump
check "with its place" says "wrong.yaml:4:3:" err
check "a configuration that is not there" exits 78 replay --config.file nowhere.yaml dump

finish
