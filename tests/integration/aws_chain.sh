#!/usr/bin/env bash
# Who the program is to AWS: every place where credentials may be found, their renewal, what is said when they are wrong;
# clocks, regions and endpoints. Against the double that checks each signature, which also says who it was that signed.
# shellcheck disable=SC2317,SC2154 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

readonly account=123456789012
aws_env
unset AWS_EC2_METADATA_DISABLED
home=$work/home
mkdir -p said "$home"
export HOME=$home AWS_CONFIG_FILE=$work/config AWS_SHARED_CREDENTIALS_FILE=$work/credentials
readonly secret=$AWS_SECRET_ACCESS_KEY key_id=$AWS_ACCESS_KEY_ID
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION

names=DNS:localhost
for region in us-east-1 eu-west-1 ap-south-1; do
    for form in s3 s3-fips s3.dualstack; do
        names+=",DNS:$form.$region.amazonaws.com,DNS:*.$form.$region.amazonaws.com"
    done
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=double -keyout key.pem -out certificate.pem \
    -addext "subjectAltName=$names" 2>/dev/null

double_start double --tunnel certificate.pem key.pem
simulate --seed 61 --duration 90m --messages 1500 --late 0 --object-size 60K --out double/mail/ses
objects=$(find double/mail -name '*.gz' | wc -l)
replay --quiet --cells truth.csv double/mail 2>/dev/null
(($(wc -l <truth.csv) > 100 && objects > 20)) || exit 1
cp -r double/mail double/mail.dots.in.it
export AWS_ENDPOINT_URL=$DOUBLE_URL
run=0

# asked [-NAME | NAME=VALUE]...: replays the bucket with these of the environment taken away and added; what it says is
# kept, to be searched for secrets at the end. Sets `code`.
bucket=mail
asked() {
    local word
    local -a without=() with=()
    for word in "$@"; do
        if [[ $word == -* ]]; then without+=(-u "${word#-}"); else with+=("$word"); fi
    done
    rm -f cells.csv
    double_mark
    run=$((run + 1))
    said=said/$run
    env "${without[@]}" "${with[@]}" "$SES_COLLECTOR" replay --quiet --cells cells.csv "${options[@]}" \
        "s3://$bucket/ses/" >"$said" 2>&1
    code=$?
}
options=()

# As NAME WHO ENVIRONMENT...: everything is read, and every request for it was signed by WHO
as() {
    local name=$1 who=$2
    shift 2
    asked "$@"
    check "$name" reads_all "$who"
}
reads_all() {
    ((code == 0)) || { echo "exit code $code"; tail -n 5 "$said"; return 1; }
    cmp truth.csv cells.csv && good_requests "$1"
}
good_requests() { # WHO
    local all others
    all=$(double_log '.service == "s3"')
    # Those that were refused because their credentials had ended are nobody's.
    others=$(double_log ".service == \"s3\" and .why != \"ExpiredToken\" and
        .who != $(jq -n --arg w "$1" 'if $w == "" then null else $w end')")
    ((all > objects && others == 0)) || { echo "$others of $all requests are not signed by $1"; return 1; }
}
user=arn:aws:iam::$account:user/example
role() { # NAME [SESSION]
    printf 'arn:aws:sts::%s:assumed-role/%s/%s' $account "$1" "${2:-ses-collector}"
}

# refused NAME WORDS ENVIRONMENT...: it fails, and says so
refused() {
    local name=$1 words=$2
    shift 2
    asked "$@"
    check "$name" fails_with "$words"
}
fails_with() {
    ((code == 1 || code == 78)) || { echo "exit code $code"; cat "$said"; return 1; }
    grep -qE -- "$1" "$said" || { echo "\"$1\" is not said:"; cat "$said"; return 1; }
}

# --- the environment --------------------------------------------------------------------------------------------------
keys=(AWS_ACCESS_KEY_ID="$key_id" AWS_SECRET_ACCESS_KEY="$secret")
as "environment: keys" "$user" "${keys[@]}"
double_tell keys '{"id": "ASIASESSION", "secret": "sess/ion+secret", "token": "IQoJ+token/with==", "who": "session"}'
as "environment: with a token" session AWS_ACCESS_KEY_ID=ASIASESSION AWS_SECRET_ACCESS_KEY=sess/ion+secret \
    AWS_SESSION_TOKEN=IQoJ+token/with==
refused "environment: a wrong secret" SignatureDoesNotMatch AWS_ACCESS_KEY_ID="$key_id" \
    AWS_SECRET_ACCESS_KEY=Kanarienvogel/of+forty+letters+and+digits1
refused "environment: a key that nobody has" InvalidAccessKeyId AWS_ACCESS_KEY_ID=AKIDNOBODY AWS_SECRET_ACCESS_KEY=x
refused "environment: without its token" 'InvalidToken|InvalidAccessKeyId' AWS_ACCESS_KEY_ID=ASIASESSION \
    AWS_SECRET_ACCESS_KEY=sess/ion+secret
refused "environment: without its secret" AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID="$key_id"
double_config '{"denied": ["s3:ListBucket"]}'
refused "what may not be done is named" s3:ListBucket "${keys[@]}"
double_config '{"denied": ["s3:GetObject"]}'
asked "${keys[@]}"
check "what may not be read is named" grep -q s3:GetObject "$said"
double_config '{"denied": []}'

# --- web identity -----------------------------------------------------------------------------------------------------
double_config '{"web_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6ImthbmFyaWVudm9nZWwifQ.e30.c2ln"}'
printf 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImthbmFyaWVudm9nZWwifQ.e30.c2ln' >web-token
web=(AWS_WEB_IDENTITY_TOKEN_FILE="$work/web-token" AWS_ROLE_ARN="arn:aws:iam::$account:role/web")
as "web identity" "$(role web)" "${web[@]}"
as "web identity: a session's name" "$(role web pod-1)" "${web[@]}" AWS_ROLE_SESSION_NAME=pod-1
unsigned() {
    (($(double_log '.op == "AssumeRoleWithWebIdentity" and .verified == "unsigned"') == 1))
}
check "web identity: STS is asked once, without a signature" unsigned
echo wrong >wrong-token
refused "web identity: a wrong token" InvalidIdentityToken "${web[@]}" AWS_WEB_IDENTITY_TOKEN_FILE="$work/wrong-token"
refused "web identity: no file" 'No such file' "${web[@]}" AWS_WEB_IDENTITY_TOKEN_FILE="$work/none"
refused "web identity: no role" AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE="$work/web-token"
as "the environment comes before" "$user" "${keys[@]}" "${web[@]}"

# --- profiles ---------------------------------------------------------------------------------------------------------
cat >program <<PROGRAM
#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "$key_id", "SecretAccessKey": "$secret"}'
PROGRAM
chmod +x program
cat >credentials <<INI
# as the command line of AWS writes it
[default]
aws_access_key_id = $key_id
aws_secret_access_key = $secret

[other]
aws_access_key_id=ASIASESSION
aws_secret_access_key=sess/ion+secret
aws_session_token=IQoJ+token/with==
INI
role_of() { printf 'arn:aws:iam::%s:role/%s' $account "$1"; }
cat >config <<INI
[profile reader]
role_arn = $(role_of reader)
source_profile = default
[profile chained]
role_arn = $(role_of chained)
source_profile = reader
role_session_name = chain
[profile external]
role_arn = $(role_of external)
source_profile = default
external_id = agreed:on/this
[profile not-external]
role_arn = $(role_of external)
source_profile = default
[profile of-environment]
role_arn = $(role_of of-environment)
credential_source = Environment
[profile of-container]
role_arn = $(role_of of-container)
credential_source = EcsContainer
[profile of-machine]
role_arn = $(role_of of-machine)
credential_source = Ec2InstanceMetadata
[profile web]
role_arn = $(role_of profile-web)
web_identity_token_file = $work/web-token
[profile program]
credential_process = $work/program
[profile broken]
credential_process = echo kanarienvogel; exit 3
[profile nonsense]
credential_process = echo '{"Version": 1}'
[profile circle]
role_arn = $(role_of circle)
source_profile = round
[profile round]
role_arn = $(role_of round)
source_profile = circle
[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
INI
double_config "{\"roles\": {\"$(role_of external)\": {\"external_id\": \"agreed:on/this\"},
    \"$(role_of chained)\": {\"trusts\": \"$(role reader)\"}}}"
machine=AWS_EC2_METADATA_SERVICE_ENDPOINT=$DOUBLE_URL
container=AWS_CONTAINER_CREDENTIALS_FULL_URI=$DOUBLE_URL/creds/task
as "profile: default" "$user"
as "profile: another one's keys" session AWS_PROFILE=other
as "profile: a role" "$(role reader)" AWS_PROFILE=reader
as "profile: a role by a role" "$(role chained chain)" AWS_PROFILE=chained
as "profile: with an external id" "$(role external)" AWS_PROFILE=external
refused "profile: without it" 'AccessDenied|not authorized' AWS_PROFILE=not-external
as "keys of the environment come before a profile of the environment" "$user" AWS_PROFILE=of-environment "${keys[@]}"
printf 'aws: {profile: of-environment}\nsources: []\n' >profile.yaml
options=(--config.file "$work/profile.yaml")
as "but not before a profile of the configuration: here a role by the environment" "$(role of-environment)" "${keys[@]}"
options=()
as "profile: a role by the container" "$(role of-container)" AWS_PROFILE=of-container "$container"
as "profile: a role by the machine" "$(role of-machine)" AWS_PROFILE=of-machine "$machine"
as "profile: a web identity" "$(role profile-web)" AWS_PROFILE=web
as "profile: a program" "$user" AWS_PROFILE=program
refused "profile: a program that fails" credential_process AWS_PROFILE=broken
refused "profile: a program without keys" credential_process AWS_PROFILE=nonsense
refused "profile: in a circle" 'circle|round|deep|itself' AWS_PROFILE=circle
refused "profile: not there" nowhere AWS_PROFILE=nowhere
refused "profile: single sign-on is not what we do" sso AWS_PROFILE=sso
as "web identity comes before the profile" "$(role web)" "${web[@]}"

# --- containers and machines ------------------------------------------------------------------------------------------
export AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE=/dev/null
double_config '{"container_token": "Bearer kanarienvogel-of-a-container"}'
printf 'Bearer kanarienvogel-of-a-container\n' >container-token
as "container: a token in a file" "$(role task double)" "$container" \
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="$work/container-token"
as "container: a token" "$(role task double)" "$container" \
    AWS_CONTAINER_AUTHORIZATION_TOKEN='Bearer kanarienvogel-of-a-container'
refused "container: a wrong token" '401' "$container" AWS_CONTAINER_AUTHORIZATION_TOKEN=wrong
refused "container: a token with a line's end" "token" "$container" AWS_CONTAINER_AUTHORIZATION_TOKEN=$'a\r\nHost: b'
refused "container: not just anywhere" 'neither https' AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/creds
as "the container comes before the machine" "$(role task double)" "$container" "$machine" \
    AWS_CONTAINER_AUTHORIZATION_TOKEN='Bearer kanarienvogel-of-a-container'
as "machine" "$(role machine i-0double)" "$machine"
refused "machine: switched off" AWS_EC2_METADATA_DISABLED "$machine" AWS_EC2_METADATA_DISABLED=true
not_asked() {
    (($(double_log '.service == "imds"') == 0))
}
check "machine: switched off is not asked" not_asked
double_config '{"machine_role": null}'
refused "machine: without a role" 'role' "$machine"
double_config '{"machine_role": "machine"}'
double_faults '[{"match": {"service": "imds", "op": "Token"}, "action": {"stall": 60, "close": true}}]'
began=$SECONDS
refused "machine: behind one hop too many" 'EC2 metadata' "$machine"
check "machine: and that takes not long" test $((SECONDS - began)) -lt 10
double_faults '[{"match": {"service": "imds"}, "times": 1, "action": {"status": 503}}]'
as "machine: busy at first" "$(role machine i-0double)" "$machine"
double_faults '[]'
refused "nothing anywhere: each place is named" 'no AWS credentials.*environment.*web identity.*profile.*container.*EC2' \
    AWS_EC2_METADATA_DISABLED=true

# --- ends -------------------------------------------------------------------------------------------------------------
slow='{"match": {"op": "GetObject"}, "action": {"stall": 2}}'
double_config '{"lifetime": 5}'
double_faults "[$slow]"
as "credentials of 5 s are renewed while reading goes on" "$(role machine i-0double)" "$machine"
renewed() {
    (($(double_log '.service == "imds" and (.path | endswith("/machine"))') >= 2)) || return 1
    # None, but on a machine that is too busy for half a second.
    (($(double_log '.why == "ExpiredToken"') <= 2))
}
check "ahead of their end, so none was refused" renewed
double_config '{"lifetime": null}'
(for _ in {1..100}; do
    sleep 0.1
    (($(double_log '.op == "GetObject"') < 10)) || break
done; double_tell keys '{"revoke": "ASIA"}') &
revoker=$!
as "credentials that end too early are found anew" "$(role machine i-0double)" "$machine"
wait $revoker
check "credentials that end too early: each was refused at most once" test "$(double_log '.why == "ExpiredToken"')" -le 40
double_faults '[{"match": {"service": "s3"}, "action": {"expired": true}}]'
refused "credentials that are always refused" ExpiredToken "${keys[@]}"
check "credentials that are always refused: it gives up soon" test "$(double_log '.service == "s3"')" -le 20
double_faults '[]'

# --- clocks -----------------------------------------------------------------------------------------------------------
for offset in 3600 -7200; do
    double_config "{\"clock_offset\": $offset}"
    asked "${keys[@]}"
    check "a clock that is $offset s off: exit code" test $code = 0
    check "a clock that is $offset s off: all is read" cmp truth.csv cells.csv
    check "a clock that is $offset s off: learned at once" test "$(double_log '.why == "RequestTimeTooSkewed"')" = 1
done
asked AWS_CONFIG_FILE="$work/config" AWS_SHARED_CREDENTIALS_FILE="$work/credentials" AWS_PROFILE=reader
check "a clock that is off, and STS says so" test $code = 0
check "a clock that is off, and STS says so: all is read" cmp truth.csv cells.csv
double_config '{"clock_offset": 0}'

# --- endpoints --------------------------------------------------------------------------------------------------------
nobody=http://127.0.0.1:9
as "endpoint: of S3 alone" "$user" "${keys[@]}" AWS_ENDPOINT_URL=$nobody AWS_ENDPOINT_URL_S3="$DOUBLE_URL"
printf '[profile own]\nservices = mine\nendpoint_url = %s\n[services mine]\ns3 =\n  endpoint_url = %s\n' \
    $nobody "$DOUBLE_URL" >services
as "endpoint: of the profile's services" "$user" "${keys[@]}" -AWS_ENDPOINT_URL AWS_CONFIG_FILE="$work/services" AWS_PROFILE=own
as "endpoint: below a path is none of S3's, but by name" "$user" "${keys[@]}" AWS_ENDPOINT_URL="http://localhost:$DOUBLE_PORT/"
refused "endpoint: nobody there" '127.0.0.1:9|onnect' "${keys[@]}" AWS_ENDPOINT_URL=$nobody

# --- AWS's own addresses, regions: through a tunnel that ends at the double -------------------------------------------
there=("${keys[@]}" -AWS_ENDPOINT_URL "https_proxy=$DOUBLE_URL" "AWS_CA_BUNDLE=$work/certificate.pem")
at_host() { # HOST
    (($(double_log ".service == \"s3\" and .host == \"$1\"") > objects))
}
as "AWS: the bucket in the host" "$user" "${there[@]}"
check "AWS: that host" at_host mail.s3.eu-west-1.amazonaws.com
as "AWS: FIPS" "$user" "${there[@]}" AWS_USE_FIPS_ENDPOINT=true
check "AWS: FIPS: that host" at_host mail.s3-fips.eu-west-1.amazonaws.com
as "AWS: dual stack" "$user" "${there[@]}" AWS_USE_DUALSTACK_ENDPOINT=true
check "AWS: dual stack: that host" at_host mail.s3.dualstack.eu-west-1.amazonaws.com
bucket=mail.dots.in.it
as "AWS: a bucket with points in its name" "$user" "${there[@]}"
check "AWS: a bucket with points: in the path" at_host s3.eu-west-1.amazonaws.com
bucket=mail
double_config '{"regions": {"mail": "ap-south-1", "mail.dots.in.it": "ap-south-1"}}'
learned() { # HOST
    at_host "$1" && (($(double_log '.why == "AuthorizationHeaderMalformed" or .why == "PermanentRedirect"') == 1))
}
for bucket in mail mail.dots.in.it; do
    asked "${there[@]}"
    check "AWS: $bucket is in another region: all is read" cmp truth.csv cells.csv
done
check "AWS: the region is learned once, in the path" learned s3.ap-south-1.amazonaws.com
bucket=mail
asked "${there[@]}"
check "AWS: the region is learned once, in the host" learned mail.s3.ap-south-1.amazonaws.com
as "AWS: who says no region at all learns it as well" "$user" "${there[@]}" -AWS_REGION
check "AWS: no region: it is learned once" learned mail.s3.ap-south-1.amazonaws.com
refused "endpoint: of the user's, in another region: the region is named" ap-south-1 "${keys[@]}"
double_config '{"regions": {}}'
refused "AWS: who has no such certificate is not talked to" 'ertificate|TLS|SSL' "${there[@]}" AWS_CA_BUNDLE=
check "AWS: and is sent nothing" test "$(double_log '.service == "s3"')" = 0

# --- nobody's, somebody else's ----------------------------------------------------------------------------------------
double_config '{"public": ["mail"]}'
cat >anonymous.yaml <<YAML
aws:
  anonymous: true
sources: []
YAML
options=(--config.file "$work/anonymous.yaml")
as "anonymous" ''
double_config '{"public": []}'
refused "anonymous, where that is not enough" 'AccessDenied|Access Denied'
options=()

# --- the service, as talkative as it can be ---------------------------------------------------------------------------
cat >service.yaml <<YAML
state: {path: service.db}
sources:
  - s3: {bucket: mail, prefix: ses/, start: 2026-11-01, interval: 1s}
YAML
serves() { # ENVIRONMENT...
    run=$((run + 1))
    env "$@" timeout 60 "$SES_COLLECTOR" run --config.file=service.yaml --web.listen-address=127.0.0.1:0 --exit-at-eof \
        --log.level=debug >said/$run 2>&1
}
double_mark
check "run: a role of a role, at log level debug" serves AWS_CONFIG_FILE="$work/config" \
    AWS_SHARED_CREDENTIALS_FILE="$work/credentials" \
    AWS_PROFILE=chained
check "run: it is who it should be" good_requests "$(role chained chain)"
serves "${keys[@]}" AWS_SECRET_ACCESS_KEY=Kanarienvogel/of+forty+letters+and+digits1
run=$((run + 1))
serves "$machine" AWS_SESSION_TOKEN=kanarienvogel-of-a-container

# --- secrets ----------------------------------------------------------------------------------------------------------
double_state '.keys[] | .secret, .token // empty' | grep -E '^.{8}' | sort -u >secrets
printf '%s\n' kanarienvogel-of-a-container Kanarienvogel/of+forty eyJhbGciOiJSUzI1NiIs kanarienvogel sess/ion >>secrets
untold() { # FILES
    (($(wc -l <secrets) > 20)) || return 1
    ! grep -rnF -f secrets "$@" && ! grep -rnE 'X-Amz-Signature|Signature=|AWS4-HMAC' "$@"
}
check "no secret, token or signature in what was said by $run runs" untold said
finish
