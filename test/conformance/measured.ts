/** Every operation, some of them failing: what their metrics say is compared with what a proxy before the server saw. */
import { type Bench, type Case, failed, same, succeeded } from './case';
import { partedBody } from './multipart';

/** Stands in every key here, and must stand in no tag. */
export const KEY_MARK = 'KEYMARK';
/** What the proxy does to requests whose path has these. */
export const SLOW_TWICE = 'slow-twice';
export const ALWAYS_RESET = 'always-reset';

export const measuredCases: readonly Case[] = [{ name: 'every operation once', run }];

const MIB = 1024 ** 2;

function run(t: Bench): void {
  const { s3 } = t;
  const key = (name: string) => `${KEY_MARK}/${name} ü`;
  for (const name of ['a', 'b', 'c']) succeeded('PUT', s3.putObject(key(name), t.random(1024), '1KB'));
  succeeded('GET', s3.getObject(key('a'), '1KB', 1024));
  succeeded('read', s3.readObject(key('a'), '1KB'));
  succeeded('range', s3.readObject(key('a'), '1KB', [0, 9]));
  succeeded('HEAD', s3.headObject(key('a'), '1KB'));
  failed('GET', s3.getObject(key('missing'), '1KB', 1024), { errorClass: 'notFound' });
  failed('HEAD', s3.headObject(key('missing'), '1KB'), { errorClass: 'notFound' });
  failed('GET', s3.getObject(key('a'), '1KB', 1), { errorClass: 'corrupt' });
  same('objects', s3.listObjects({ prefix: KEY_MARK }).objects.length, 3);
  succeeded('LIST', s3.listObjects({ startAfter: key('a'), delimiter: '/' }));
  succeeded('DELETE', s3.deleteObject(key('a'), '1KB'));
  succeeded('DeleteObjects', s3.deleteObjects([key('b'), key('c')]));
  succeeded('PUT in parts', s3.putObjectInParts(key('large'), partedBody(t, 5 * MIB + 1, 5 * MIB).body, '10MB'));
  const { uploadId } = succeeded('create', s3.createMultipartUpload(key('aborted'), '10MB'));
  succeeded('part', s3.uploadPart(key('aborted'), uploadId, 1, t.random(100), '10MB'));
  failed('complete', s3.completeMultipartUpload(key('aborted'), uploadId, [{ number: 1, etag: '"x"' }], '10MB'), {
    errorClass: 'client',
  });
  succeeded('abort', s3.abortMultipartUpload(key('aborted'), uploadId, '10MB'));
  succeeded('HEAD bucket', s3.headBucket());
  succeeded('create bucket', t.client({ bucket: `made-${KEY_MARK.toLowerCase()}` }).createBucket());
  succeeded('PUT', s3.putObject(key(SLOW_TWICE), t.random(1024), '1KB'));
  failed('PUT', t.client({ attempts: 2 }).putObject(key(ALWAYS_RESET), t.random(1024), '1KB'), { errorClass: 'reset' });
}
