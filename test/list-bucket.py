"""Lists a bucket with boto3, which shares no code with this project: one JSON object of bytes by key on standard output."""

import json
import os

import boto3
from botocore.config import Config

s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINTS"],
    region_name=os.environ["AWS_REGION"],
    config=Config(s3={"addressing_style": "path"}),
)
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=os.environ["S3_BUCKET"])
print(json.dumps({o["Key"]: o["Size"] for page in pages for o in page.get("Contents", [])}))
