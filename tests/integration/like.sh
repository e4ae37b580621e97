#!/usr/bin/env bash
# The numbers as AWS shows them (`replay --like`), against a small second count in Python over the same dump.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

truth() {
    python3 "$top/tests/integration/like_truth.py" "$@"
}

# What the simulator does not make: more than one recipient in the record but not in the event, mailboxes of the
# simulator, suppression lists, no destination at all.
record() { # TYPE OBJECT DESTINATION MEMBERS ID
    printf '{"eventType":"%s","mail":{"timestamp":"2026-11-02T05:20:00.000Z","messageId":"%s","source":"a@extra.example","destination":%s,"tags":{"ses:configuration-set":["extra"]}},"%s":{"timestamp":"2026-11-02T05:21:30.000Z"%s}}\n' "$1" "$5" "$3" "$2" "$4"
}
bounced() { # ADDRESS TYPE SUBTYPE
    printf ',"bounceType":"%s","bounceSubType":"%s","feedbackId":"f","bouncedRecipients":[{"emailAddress":"%s"}]' "$2" "$3" "$1"
}
extras() {
    local one='["a@gmail.com"]' two='["a@gmail.com","b@yahoo.com"]' simulator='["bounce@simulator.amazonses.com"]'
    record Send send "$one" '' x1
    record Send send "$two" '' x2
    record Send send "$simulator" '' x3
    record Send send '["a@gmail.com","<a@GMAIL.com>"]' '' x12
    record Delivery delivery "$two" ',"recipients":["b@yahoo.com"]' x2
    record Delivery delivery '[]' ',"recipients":["b@yahoo.com"]' x4
    record Delivery delivery null ',"recipients":["b@yahoo.com","c@yahoo.com"]' x5
    record Bounce bounce "$one" "$(bounced a@gmail.com Permanent OnAccountSuppressionList)" x1
    record Bounce bounce "$one" "$(bounced a@gmail.com Permanent Suppressed)" x6
    record Bounce bounce "$one" "$(bounced a@gmail.com Transient MailboxFull)" x7
    record Bounce bounce "$two" "$(bounced a@gmail.com Permanent NoEmail)" x2
    record Bounce bounce "$simulator" "$(bounced bounce@simulator.amazonses.com Permanent General)" x3
    record Complaint complaint '["b@yahoo.com"]' ',"complainedRecipients":[{"emailAddress":"b@yahoo.com"}],"complaintFeedbackType":"abuse","feedbackId":"g"' x8
    record Complaint complaint '["b@yahoo.com"]' ',"complainedRecipients":[{"emailAddress":"b@yahoo.com"}],"complaintFeedbackType":"not-spam","feedbackId":"g"' x9
    record Complaint complaint '["b@yahoo.com"]' ',"complainedRecipients":[{"emailAddress":"b@yahoo.com"}],"complaintSubType":"OnAccountSuppressionList","feedbackId":"g"' x10
    record Open open "$one" ',"ipAddress":"192.0.2.1","userAgent":"x"' x1
    record Open open "$simulator" ',"ipAddress":"192.0.2.1","userAgent":"x"' x3
    record Click click "$two" ',"ipAddress":"192.0.2.1","userAgent":"x","link":"http://example.com/"' x2
    record Reject reject "$one" ',"reason":"Bad content"' x11
}

simulate --seed 71 --duration 3d --messages 12000 --tail 6h --sets 6 --multi 0.15 --duplicates 0.03 --late 0.05 \
    --incident complaints@all:30h+6h --incident blocklist@yahoo:40h+3h --out dump
extras >dump/extras.json

like() { # FORMAT ARGUMENTS...
    replay --no-learning --like "$2" --format "$1" "${@:3}" dump 2>err
}

for period in "" "--from 2026-11-02 --to 2026-11-03" "--from 2026-11-02T05:00 --to 2026-11-02T11:30" "--from 2026-11-02T06:00"; do
    read -ra words <<<"$period"
    name=${period:-all of it}
    like json vdm "${words[@]}" >vdm.json
    check "vdm, $name: JSON is the second count" truth vdm vdm.json "${words[@]}" dump
    like csv vdm "${words[@]}" >vdm.csv
    check "vdm, $name: CSV is the second count" truth vdm vdm.csv "${words[@]}" dump
    like json get-send-statistics "${words[@]}" >points.json
    check "get-send-statistics, $name: JSON is the second count" truth statistics points.json "${words[@]}" dump
    like csv get-send-statistics "${words[@]}" >points.csv
    check "get-send-statistics, $name: CSV is the second count" truth statistics points.csv "${words[@]}" dump
done
like table vdm --from 2026-11-02 --to 2026-11-03 >table.txt
check "with a period it compares with the one before" grep -q '^Compared  with 2026-11-01 ' table.txt
check "the table says how it counts" grep -q '^As Virtual Deliverability Manager' table.txt
check "no line ends in blanks" bash -c "! grep -q ' $' table.txt"
check "every record is accounted for" grep -Eq '^records read .* filtered [1-9]' err
like table vdm >table.txt
check "without a period it compares with nothing" bash -c "! grep -q Compared table.txt"
check "the simulator is not in it" bash -c "! grep -q simulator.amazonses table.txt"
check "its own views, when asked for" bash -c "\"$SES_COLLECTOR\" replay --like vdm --by provider --format json dump 2>/dev/null | jq -e '[.data.views[].by] == [\"provider\"]'"
check "not beside what would count otherwise" bash -c "! \"$SES_COLLECTOR\" replay --like vdm --metrics m dump 2>err && grep -q 'several recipients' err && [[ ! -e m ]]"
check "what is not known is refused" bash -c "! \"$SES_COLLECTOR\" replay --like postmaster dump 2>err && grep -q 'vdm, get-send-statistics' err"
finish
