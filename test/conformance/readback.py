"""What boto3 makes of the same server: reads back what the suite wrote, and meets the same odd keys.

Takes JSON on standard input: endpoint, region, ca, bucket, oddBucket, ownBucket, createBucket, keys. Prints JSON.
"""

import hashlib
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

asked = json.load(sys.stdin)
s3 = boto3.client(
    "s3",
    endpoint_url=asked["endpoint"],
    region_name=asked["region"],
    verify=asked["ca"] or True,
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
)


def attempt(call):
    """The answer, and `ok` or what went wrong as the suite has it: status and code."""
    try:
        return call(), "ok"
    except ClientError as e:
        status = str(e.response["ResponseMetadata"]["HTTPStatusCode"])
        code = e.response["Error"].get("Code", "")
        return None, f"{status} {'' if code == status else code}"  # without a body, boto3 has one for both
    except (BotoCoreError, ValueError) as e:
        return None, f"0 {type(e).__name__}"


def content_of(key):
    return b"" if key.endswith("/") else f"content of {key}".encode()


def objects_in(bucket):
    """Every object: its key, and the sha256 of its content."""
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            answer, said = attempt(lambda: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
            found[entry["Key"]] = said if answer is None else hashlib.sha256(answer).hexdigest()
    return found


def odd_keys(bucket, names):
    s3.create_bucket(Bucket=bucket, **asked["createBucket"])
    fates = []
    for name in names:
        key, gone = f"kept/{name}", f"gone/{name}"
        content = content_of(key)
        _, put = attempt(lambda: s3.put_object(Bucket=bucket, Key=key, Body=content))
        got, said = attempt(lambda: s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        read = said.split(" ")[0] if got is None else "same" if got == content else "other"
        page, _ = attempt(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key))
        listed = None if page is None else any(entry["Key"] == key for entry in page.get("Contents", []))
        attempt(lambda: s3.put_object(Bucket=bucket, Key=gone, Body=content_of(gone)))
        answer, deleted = attempt(lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": gone}]}))
        for error in answer.get("Errors", []) if answer else []:
            deleted = error["Code"]
        fates.append({"key": key, "put": put, "read": read, "listed": listed, "deleted": deleted})
    return fates


bucket = asked["bucket"]
fates = odd_keys(asked["ownBucket"], asked["keys"])
print(
    json.dumps(
        {
            "objects": objects_in(bucket),
            "uploads": [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])],
            "createExisting": attempt(lambda: s3.create_bucket(Bucket=bucket, **asked["createBucket"]))[1],
            "oddKeys": fates,
            "oddObjects": objects_in(asked["oddBucket"]),
            "oddObjectsOfBoto3": objects_in(asked["ownBucket"]),
        }
    )
)
