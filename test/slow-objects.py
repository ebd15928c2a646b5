"""Reads objects back with boto3 and holds them against what was to be sent: content that is made out of the key alone.

Prints JSON: how many were right, and the keys of those that were not. Objects above a megabyte are left out.
"""

import json
import os

import boto3
from botocore.config import Config

MASK = (1 << 64) - 1


def mix(z):
    """SplitMix64's finalizer: https://doi.org/10.1145/2714064.2660195"""
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def content_of(key, length):
    """As extension/body makes it: a sequence whose seed is the key's FNV-1a hash."""
    seed = 0xCBF29CE484222325
    for byte in key.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    seed = mix(seed)
    words = (mix((seed + (n + 1) * 0x9E3779B97F4A7C15) & MASK) for n in range((length + 7) // 8))
    return b"".join(word.to_bytes(8, "little") for word in words)[:length]


s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINTS"].split(",")[0],
    region_name=os.environ["AWS_REGION"],
    verify=os.environ.get("SSL_CERT_FILE", True),
    config=Config(s3={"addressing_style": "path"}),
)
bucket = os.environ["S3_BUCKET"]
right, wrong = 0, []
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for listed in page.get("Contents", []):
        key = listed["Key"]
        if listed["Size"] > 1 << 20:
            continue
        size = {"1KB": 1 << 10, "10KB": 10 << 10}[key.split("/")[2]]
        if s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content_of(key, size):
            right += 1
        else:
            wrong.append(key)
print(json.dumps({"right": right, "wrong": wrong}))
