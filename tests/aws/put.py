#!/usr/bin/env python3
"""Puts a folder's files into a bucket, with AWS's own client (run it with the python of scripts/aws-tools).

    put.py ENDPOINT BUCKET FOLDER [PREFIX]

Makes the bucket when it is not there. Files are put in the order of their names; PREFIX goes before each.
"""
import os
import sys

import botocore.config
import botocore.session


def client(service, endpoint, **more):
    """Of botocore, for a double at `endpoint`; keys and region from the environment."""
    config = botocore.config.Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
                                    response_checksum_validation="when_required", retries={"total_max_attempts": 1}, **more)
    return botocore.session.get_session().create_client(service, endpoint_url=endpoint, config=config)


def main():
    endpoint, bucket, folder, prefix = sys.argv[1:5] if len(sys.argv) > 4 else [*sys.argv[1:4], ""]
    s3 = client("s3", endpoint)
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        region = s3.meta.region_name
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(path, name)
            # Firehose says so of its own objects, and a client that decodes them on the fly goes wrong.
            more = {"ContentEncoding": "gzip"} if name.endswith(".gz") else {}
            with open(file, "rb") as body:
                s3.put_object(Bucket=bucket, Key=prefix + os.path.relpath(file, folder), Body=body, **more)


if __name__ == "__main__":
    main()
