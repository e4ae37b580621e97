#!/usr/bin/env bash
# The double itself, on which the tests of AWS stand: its check of signatures against AWS's own client (which signs the same
# requests by code that is not ours), its services with that client, and that it fails as it is told to.
# shellcheck disable=SC2317,SC2154 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

python=$(aws_python) || exit 1
export PYTHONDONTWRITEBYTECODE=1
aws_env
aws() { # an argument of check_double.py each
    "$python" "$top/tests/aws/check_double.py" "$@"
}

for seed in 1 2 "$RANDOM"; do
    check "signatures: botocore's are right, changed ones are not (seed $seed)" aws signatures "$seed"
done

double_start double
check "botocore's clients get along with it" aws clients "$DOUBLE_URL"
check "it fails as it is told" aws faults "$DOUBLE_URL"

# --- refusals that clients cannot be made to earn ---------------------------------------------------------------------
refused_as() { # CODE, curl's arguments
    curl -s --noproxy '*' -m 10 "${@:2}" | grep -F "<Code>$1</Code>"
}
echo '{}' >double/check/file
check "nobody is let in" refused_as AccessDenied "$DOUBLE_URL/check/file"
double_config '{"public": ["check"]}'
check "but to a public bucket" test "$(curl -s --noproxy '*' "$DOUBLE_URL/check/file")" = '{}'
check "keys that nobody has" refused_as InvalidAccessKeyId --aws-sigv4 aws:amz:eu-west-1:s3 -u AKIDNOBODY:x \
    -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" "$DOUBLE_URL/check/file"
check "a key of which the secret is wrong" refused_as SignatureDoesNotMatch --aws-sigv4 aws:amz:eu-west-1:s3 -u AKIDEXAMPLE:x \
    -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" "$DOUBLE_URL/check/file"
check "another body than the one that was signed" refused_as XAmzContentSHA256Mismatch --aws-sigv4 aws:amz:eu-west-1:s3 \
    -u AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY -X PUT --data-binary body \
    -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" "$DOUBLE_URL/check/file"
double_config '{"regions": {"check": "ap-south-1"}}'
signed() { # URL [curl's arguments]
    curl -s --noproxy '*' -m 10 --aws-sigv4 aws:amz:eu-west-1:s3 -u AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY \
        -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" "$@"
}
is_redirected() {
    signed -i "$1" >redirect && grep -i '^x-amz-bucket-region: ap-south-1' redirect && grep -F "<Code>$2</Code>" redirect
}
check "another region's bucket, in the path" is_redirected "$DOUBLE_URL/check/file" PermanentRedirect
check "another region's bucket, in the host" is_redirected "http://check.localhost:$DOUBLE_PORT/file" AuthorizationHeaderMalformed

imds() { # a token that is not ours
    test "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "$@" "$DOUBLE_URL/latest/meta-data/iam/security-credentials/")" = 401
}
check "the machine wants a token" imds
check "the machine wants its own token" imds -H 'x-aws-ec2-metadata-token: x'

# --- by the names of AWS, through a tunnel ----------------------------------------------------------------------------
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=double -keyout key.pem -out certificate.pem \
    -addext 'subjectAltName=DNS:*.s3.eu-west-1.amazonaws.com,DNS:s3.eu-west-1.amazonaws.com' 2>/dev/null
double_start tunnel --tunnel certificate.pem key.pem --config '{"public": ["check"]}'
mkdir -p tunnel/check && echo virtual >tunnel/check/file
check "a host of AWS's, through a proxy that is the double" test virtual = "$(curl -s -m 10 --cacert certificate.pem \
    -x "$DOUBLE_URL" https://check.s3.eu-west-1.amazonaws.com/file)"

no_secrets() {
    ! grep -rlE 'wJalrXUtnFEMI|[&?]X-Amz-Signature=[0-9a-f]' double/requests.jsonl double/log tunnel/requests.jsonl
}
check "no secret is in its log" no_secrets
finish
