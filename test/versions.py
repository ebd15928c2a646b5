"""Versions in a bucket with boto3, which shares no code with this project. `fill` takes keys from standard input, one a line:
each is written twice and then deleted, so that it has two versions and a delete marker, but for those that begin with `+`,
which are written once more. Then, or with `list`, prints [key, version] of every version and delete marker as JSON, and the
keys of unfinished uploads."""

import json
import os
import sys

import boto3
from botocore.config import Config

bucket = os.environ["S3_BUCKET"]
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINTS"],
    region_name=os.environ["AWS_REGION"],
    config=Config(s3={"addressing_style": "path"}),
)
if sys.argv[1] == "fill":
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for line in sys.stdin.read().split():
        key = line.removeprefix("+")
        for body in (b"x" * 1024, b"y" * 1024):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        s3.delete_object(Bucket=bucket, Key=key)
        if line != key:
            s3.put_object(Bucket=bucket, Key=key, Body=b"z" * 1024)
        s3.create_multipart_upload(Bucket=bucket, Key=f"{key}-upload")
found = s3.list_object_versions(Bucket=bucket)
versions = found.get("Versions", []) + found.get("DeleteMarkers", [])
uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
print(json.dumps({"versions": [[v["Key"], v["VersionId"]] for v in versions], "uploads": [u["Key"] for u in uploads]}))
