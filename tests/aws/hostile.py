#!/usr/bin/env python3
"""Records of events (standard input, one a line) become such as somebody would send who wants URLs in them to be followed:
in links, tags, headers and names; in envelopes of SNS, subscriptions, EventBridge and notifications of S3. URLs are the
arguments.
"""
import json
import sys

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses"
TIME = "2026-11-01T00:00:00.000Z"


def stuffed(record, number, url):
    record.setdefault("click", {})["link"] = url
    mail = record["mail"]
    mail.setdefault("tags", {})["url"] = [url]
    mail["headers"] = [{"name": "List-Unsubscribe", "value": f"<{url}>"}, {"name": "X-Image", "value": url}]
    mail["commonHeaders"] = {"subject": url, "from": [f"{url} <a@{number}.evil.example>"]}
    record["$ref"] = record["$schema"] = url
    return record


def enveloped(record, number, url):
    signed = {"MessageId": str(number), "TopicArn": TOPIC, "Timestamp": TIME, "SignatureVersion": "1", "Signature": "AAAA",
              "SigningCertURL": url, "SigningCertUrl": url}
    shapes = (
        record,
        {"Type": "Notification", "Message": json.dumps(record), "UnsubscribeURL": url, **signed},
        {"Type": "SubscriptionConfirmation", "Message": "confirm", "Token": "a" * 64, "SubscribeURL": url, **signed},
        {"version": "0", "id": str(number), "detail-type": "Email Sent", "source": "aws.ses", "account": "1", "time": url,
         "region": url, "resources": [url], "detail": record},
        {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": "ObjectCreated:Put",
                      "s3": {"bucket": {"name": "evil-bucket"}, "object": {"key": url}}}]},
    )
    return shapes[number % len(shapes)]


def main():
    urls = sys.argv[1:]
    for number, line in enumerate(sys.stdin):
        url = urls[number % len(urls)]
        print(json.dumps(enveloped(stuffed(json.loads(line), number, url), number, url)))


if __name__ == "__main__":
    main()
