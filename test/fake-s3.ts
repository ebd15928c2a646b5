import type { Outcome, S3 } from '../lib/s3/api';

/** A success at an endpoint that does not matter. */
export const OK: Outcome = { status: 200, bytes: 0, ms: 1, endpoint: '10.0.0.1:9000' };

/** An S3 client of the given calls; any other is an error, since the test did not expect it. */
export function fakeS3(calls: Partial<S3>): S3 {
  const unexpected = (name: string) => () => {
    throw new Error(`${name} was not to be called`);
  };
  const all: S3 = {
    putObject: unexpected('putObject'),
    putObjectInParts: unexpected('putObjectInParts'),
    getObject: unexpected('getObject'),
    readObject: unexpected('readObject'),
    headObject: unexpected('headObject'),
    deleteObject: unexpected('deleteObject'),
    deleteObjects: unexpected('deleteObjects'),
    deleteObjectsAsync: unexpected('deleteObjectsAsync'),
    listObjects: unexpected('listObjects'),
    countObjects: unexpected('countObjects'),
    createMultipartUpload: unexpected('createMultipartUpload'),
    uploadPart: unexpected('uploadPart'),
    completeMultipartUpload: unexpected('completeMultipartUpload'),
    abortMultipartUpload: unexpected('abortMultipartUpload'),
    headBucket: unexpected('headBucket'),
    createBucket: unexpected('createBucket'),
  };
  return { ...all, ...calls };
}
