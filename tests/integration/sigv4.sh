#!/usr/bin/env bash
# Signatures and endpoints are those of AWS's own client: thousands of requests that are hard to sign, each compared with
# botocore's; and the table of endpoints with the rules that botocore carries.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

SIGNER=$(realpath "${AWS_SIGN:-$(dirname "$SES_COLLECTOR")/tests/aws_sign}")
PYTHON=$("$top/scripts/aws-tools") || { echo "not ok botocore is there"; exit 1; }

signer() {
    "$PYTHON" "$top/tests/integration/sigv4_oracle.py" "$@" "$SIGNER"
}

check "the signer is built" test -x "$SIGNER"
check "published examples are signed as published" signer vectors
check "5000 random requests are signed as botocore signs them" signer signatures 5000 20261120
check "endpoints are those of botocore's rules" signer endpoints
finish
