#!/usr/bin/env bash
# Calls to AWS as they go over the wire, to a double that checks every signature and stands for AWS's own hosts (as a proxy
# that ends TLS itself): regions that AWS names, its clock, its endpoints, roles, credentials that end.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

CALLER=$(realpath "${AWS_SIGN:-$(dirname "$SES_COLLECTOR")/tests/aws_sign}")
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=double -addext \
    "subjectAltName=DNS:*.s3.us-east-1.amazonaws.com,DNS:*.s3.eu-south-2.amazonaws.com,DNS:s3.eu-west-1.amazonaws.com,DNS:*.s3-fips.dualstack.us-east-1.amazonaws.com,DNS:sts.eu-west-1.amazonaws.com,DNS:sts.us-east-1.amazonaws.com" \
    2>/dev/null || { echo "not ok a certificate is made"; exit 1; }
aws_env
double_start double --tunnel cert.pem key.pem --config '{"regions": {"moved": "eu-south-2"}, "domains":
    ["s3.us-east-1.amazonaws.com", "s3.eu-south-2.amazonaws.com", "s3-fips.dualstack.us-east-1.amazonaws.com"]}'
mkdir -p double/{moved,logs,with.dots} double/moved/year=2024
printf 'an object' | tee "double/moved/year=2024/a+b c.json" double/logs/plain double/with.dots/plain >/dev/null
export https_proxy=http://127.0.0.1:$DOUBLE_PORT AWS_CA_BUNDLE=$work/cert.pem

# calls NAME WANTED JSON...: answers of one session, joined by blanks; WANTED is what each is (status, code, body).
calls() {
    local name=$1 wanted=$2 line
    shift 2
    for line; do printf '{"do": "call", "service": "s3", "method": "GET", %s}\n' "$line"; done |
        timeout 60 "$CALLER" >answers.json 2>log
    check "$name" test "$wanted" = "$(jq -r '[.status, .code, .body] | map(select(. != "" and (tostring | length) < 20)) | join(" ")' answers.json | paste -sd ' ')"
}

hosts() { # COUNT HOST: so many requests went there since the mark
    test "$1" = "$(double_log ".host == \"$2\"")"
}

unset AWS_REGION AWS_DEFAULT_REGION
double_mark
calls "a bucket's region is learned from where it is not" "200 an object 200 an object 404 NoSuchKey" \
    '"bucket": "moved", "path": "/year=2024/a+b c.json"' '"bucket": "moved", "path": "/year=2024/a+b c.json"' \
    '"bucket": "moved", "path": "/none"'
check "it is asked for once" hosts 1 moved.s3.us-east-1.amazonaws.com
check "then the bucket is gone to directly" hosts 3 moved.s3.eu-south-2.amazonaws.com
export AWS_REGION=us-east-1
calls "a listing is signed" 200 '"bucket": "logs", "path": "/", "parameters": [["list-type", "2"], ["prefix", "a+b/ü"]]'
AWS_USE_FIPS_ENDPOINT=true AWS_USE_DUALSTACK_ENDPOINT=true calls "FIPS and dual stack have their own hosts" "200 an object" \
    '"bucket": "logs", "path": "/plain"'
AWS_REGION=eu-west-1 calls "buckets with dots stand in the path" "200 an object" '"bucket": "with.dots", "path": "/plain"'

double_config '{"clock_offset": 7200}'
double_mark
calls "AWS's clock is learned" "200 an object 200 an object" '"bucket": "logs", "path": "/plain"' \
    '"bucket": "logs", "path": "/plain"'
check "with one refusal" test 3 = "$(double_log '.host == "logs.s3.us-east-1.amazonaws.com"')"
check "and a line in the log" grep -c "clock of this machine" log
double_config '{"clock_offset": 0}'

double_faults '[{"times": 2, "action": {"status": 503, "code": "SlowDown"}},
    {"times": 1, "action": {"truncate": 4}}, {"times": 1, "action": {"reset": true}}]'
calls "what is slow or broken is tried again" "200 an object" '"bucket": "logs", "path": "/plain"'
double_faults '[]'

echo "a web token" >web.token
check "a role is assumed with a web identity, at the region's STS" env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
    AWS_WEB_IDENTITY_TOKEN_FILE="$work/web.token" AWS_ROLE_ARN=arn:aws:iam::123456789012:role/web bash -c \
    "echo '{\"do\": \"call\", \"service\": \"s3\", \"method\": \"GET\", \"bucket\": \"logs\", \"path\": \"/plain\"}' |
     '$CALLER' | jq -e 'if .status == 200 then true else error(.error) end'"
check "STS was asked at its host" hosts 1 sts.us-east-1.amazonaws.com
check "no secret in what was said" bash -c '! grep -e wJalrXUtnFEMI -e "a web token" log answers.json'
finish
