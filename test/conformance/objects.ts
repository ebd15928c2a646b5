/** Objects written, looked at, read and deleted, one at a time and in batches. */
import { type Bench, type Case, failed, hostOf, put, readAs, same, succeeded } from './case';

const MIB = 1024 ** 2;

export const objectCases: readonly Case[] = [
  ...[0, 1, 1024, 5 * MIB + 1].map((bytes) => ({
    name: `an object of ${bytes} bytes is put, headed, got, read and deleted`,
    run: (t: Bench) => roundTrip(t, bytes),
  })),
  {
    name: 'a client that is told that keys are plain does as much',
    run: (t) => roundTrip({ ...t, s3: t.client({ plainKeys: true }) }, 1024),
  },
  { name: 'a second PUT replaces the first', run: replace },
  { name: 'contents that look like something else come back as they are', run: oddContents },
  { name: 'getObject takes another length than expected for corrupt', run: otherLength },
  { name: 'readObject reads ranges', run: ranges },
  { name: 'a range past the end is refused', run: rangePastTheEnd },
  { name: 'HEAD and GET of a missing key are notFound', run: missing },
  { name: 'DELETE of a missing key succeeds', run: deleteMissing },
  { name: 'DeleteObjects deletes keys, one of them missing', run: deleteSome },
  { name: 'DeleteObjects deletes keys that XML and URLs would trip over', run: deleteAwkward },
  { name: 'deleteObjectsAsync does as much as deleteObjects', run: deleteAsync },
  { name: 'a key of 1,024 bytes is held', run: longestKey },
];

/** A thousand keys; once a server is enough. */
export const manyBatchesCase: Case = {
  name: 'twenty batches of 50 keys each are deleted at once, each with an outcome of its own',
  run: manyBatches,
};

async function roundTrip(t: Bench, bytes: number): Promise<void> {
  const { s3 } = t;
  const key = t.key('object');
  const body = t.random(bytes);

  const written = await put(t, key, body);
  same('bytes of PUT', written.bytes, bytes);
  same('endpoint of PUT is one', t.options.endpoints.map(hostOf).includes(written.endpoint), true);
  const head = succeeded('HEAD', s3.headObject(key, '1KB'));
  same('content-length of HEAD', head.headers?.['content-length'], String(bytes));
  same('bytes of HEAD', head.bytes, 0);
  same('bytes of GET', succeeded('GET', await s3.getObject(key, '1KB', bytes)).bytes, bytes);
  same('bytes of GET that expects none', succeeded('GET', await s3.getObject(key, '1KB')).bytes, bytes);
  readAs(t, 'read', await s3.readObject(key, '1KB'), body);
  same('bytes of DELETE', succeeded('DELETE', await s3.deleteObject(key, '1KB')).bytes, 0);
  failed('HEAD of the deleted', s3.headObject(key, '1KB'), { errorClass: 'notFound', status: 404 });
  failed('GET of the deleted', await s3.getObject(key, '1KB', bytes), { errorClass: 'notFound', status: 404 });
  await put(t, key, body);
}

async function replace(t: Bench): Promise<void> {
  const key = t.key('object');
  await put(t, key, t.random(2000));
  const second = t.random(1000);
  await put(t, key, second);
  same('bytes', succeeded('GET', await t.s3.getObject(key, '')).bytes, 1000);
  readAs(t, 'read', await t.s3.readObject(key, ''), second);
}

async function oddContents(t: Bench): Promise<void> {
  const everyByte = new Uint8Array(256).map((_, i) => i).buffer;
  const contents: Record<string, ArrayBuffer> = {
    everyByte,
    // What an S3 error looks like, must not be taken for one in an object.
    error: t.bytesOf('<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>no</Message></Error>'),
    awsChunk: t.bytesOf(`5;chunk-signature=${'0'.repeat(64)}\r\nhello\r\n0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`),
    newlines: t.bytesOf('\r\n\n\r\0\r\n'),
    byteOrderMark: t.bytesOf('\ufeffü'),
    gzipMagic: new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).buffer,
    zeros: new ArrayBuffer(100_000),
  };
  for (const [name, content] of Object.entries(contents)) {
    const key = t.key(name);
    await put(t, key, content);
    succeeded(`GET ${name}`, await t.s3.getObject(key, '', content.byteLength));
    readAs(t, name, await t.s3.readObject(key, ''), content);
  }
}

async function otherLength(t: Bench): Promise<void> {
  const key = t.key('object');
  await put(t, key, t.random(1000));
  for (const expected of [0, 999, 1001]) {
    failed(`GET that expects ${expected}`, await t.s3.getObject(key, '', expected), {
      errorClass: 'corrupt',
      status: 200,
    });
  }
}

async function ranges(t: Bench): Promise<void> {
  const key = t.key('object');
  const body = t.random(10_000);
  await put(t, key, body);
  const asked = {
    first: [0, 9],
    middle: [4000, 4999],
    single: [77, 77],
    last: [9999, 9999],
    whole: [0, 9999],
  } as const;
  for (const [name, [first, last]] of Object.entries(asked)) {
    readAs(t, `${name} range`, await t.s3.readObject(key, '', [first, last]), body.slice(first, last + 1));
  }
}

async function rangePastTheEnd(t: Bench): Promise<void> {
  const key = t.key('object');
  await put(t, key, t.random(100));
  failed('read', await t.s3.readObject(key, '', [100, 199]), { errorClass: 'client', status: 416 });
}

async function missing(t: Bench): Promise<void> {
  const key = t.key('never written');
  const want = { errorClass: 'notFound', status: 404 } as const;
  failed('HEAD', t.s3.headObject(key, ''), want);
  failed('GET', await t.s3.getObject(key, ''), want);
  failed('GET that expects 1,024 bytes', await t.s3.getObject(key, '', 1024), want);
  failed('read', await t.s3.readObject(key, ''), want);
  failed('read of a range', await t.s3.readObject(key, '', [0, 9]), want);
}

async function deleteMissing(t: Bench): Promise<void> {
  succeeded('DELETE', await t.s3.deleteObject(t.key('never written'), ''));
}

async function deleteSome(t: Bench): Promise<void> {
  const { s3 } = t;
  const keys = ['a', 'b', 'stays'].map(t.key);
  for (const key of keys) await put(t, key, t.random(10));
  const [a = '', b = '', stays] = keys;
  const answer = succeeded('DeleteObjects', s3.deleteObjects([a, t.key('never written'), b]));
  same('keys that failed', answer.failed, []);
  t.removed(a);
  t.removed(b);
  const left = succeeded('LIST', s3.listObjects({ prefix: t.key('') }));
  same('keys left', left.objects, [{ key: stays, bytes: 10 }]);
}

const AWKWARD = [
  'a&b',
  '<tag>',
  '"quoted"',
  "it's",
  '&amp;',
  'ü',
  '😀',
  'a space',
  'plus+',
  '100%',
  '%2F',
  ']]>',
  '&#10;',
];

async function deleteAwkward(t: Bench): Promise<void> {
  const { s3 } = t;
  const keys = AWKWARD.map(t.key);
  for (const key of keys) await put(t, key, t.random(10));
  same('keys there', s3.listObjects({ prefix: t.key('') }).objects.length, keys.length);
  const answer = succeeded('DeleteObjects', s3.deleteObjects(keys));
  same('keys that failed', answer.failed, []);
  keys.forEach(t.removed);
  same('keys left', succeeded('LIST', s3.listObjects({ prefix: t.key('') })).objects, []);
}

async function deleteAsync(t: Bench): Promise<void> {
  const { s3 } = t;
  const keys = [...AWKWARD, 'stays'].map(t.key);
  for (const key of keys) await put(t, key, t.random(10));
  const stays = t.key('stays');
  const answer = succeeded(
    'DeleteObjects',
    await s3.deleteObjectsAsync([t.key('never written'), ...keys.filter((key) => key !== stays)]),
  );
  same('keys that failed', answer.failed, []);
  same('bytes', answer.bytes, 0);
  same('endpoint is one', t.options.endpoints.map(hostOf).includes(answer.endpoint), true);
  for (const key of keys) if (key !== stays) t.removed(key);
  same('keys left', succeeded('LIST', s3.listObjects({ prefix: t.key('') })).objects, [{ key: stays, bytes: 10 }]);
}

async function manyBatches(t: Bench): Promise<void> {
  const { s3, options } = t;
  const batches = Array.from({ length: 20 }, (_, batch) =>
    Array.from({ length: 50 }, (_, i) => t.key(`${batch}/${AWKWARD[i % AWKWARD.length]} ${i}`)),
  );
  const body = t.random(1);
  const stays = t.key('stays');
  await put(t, stays, body);
  for (const key of batches.flat()) succeeded('PUT', await s3.putObject(key, body, ''));
  same('keys there', succeeded('LIST', await s3.countObjects({ prefix: t.key('') })).keys, 1000);

  const hosts = options.endpoints.map(hostOf);
  const lost = t.client({ bucket: 'no-such-bucket-here' });
  const wrong = t.client({ credentials: { ...options.credentials, secretAccessKey: 'not-the-secret' } });
  const fromFirst = t.client({ firstEndpoint: 0 });
  const underWay = batches.map((keys) => fromFirst.deleteObjectsAsync(keys));
  const [first = []] = batches;
  const failing = [lost.deleteObjectsAsync(first), wrong.deleteObjectsAsync([stays])] as const;
  // Other calls do not wait for them, nor disturb them.
  succeeded('HEAD meanwhile', s3.headObject(stays, ''));
  failed('DeleteObjects in a missing bucket', await failing[0], { errorClass: 'notFound', code: 'NoSuchBucket' });
  failed('DeleteObjects with a wrong secret', await failing[1], { errorClass: 'auth', code: 'SignatureDoesNotMatch' });
  for (const [i, outcome] of (await Promise.all(underWay)).entries()) {
    const { failed, endpoint } = succeeded(`batch ${i}`, outcome);
    same(`keys of batch ${i} that failed`, failed, []);
    same(`endpoint of batch ${i}`, endpoint, hosts[i % hosts.length]);
  }
  same('keys left', succeeded('LIST', s3.listObjects({ prefix: t.key('') })).objects, [{ key: stays, bytes: 1 }]);
}

async function longestKey(t: Bench): Promise<void> {
  const { s3 } = t;
  // In pieces that a file system takes for names.
  const start = t.key('');
  const key = start + `${'k'.repeat(200)}/`.repeat(6).slice(0, 1024 - start.length);
  same('bytes of the key', t.bytesOf(key).byteLength, 1024);
  const body = t.random(10);
  await put(t, key, body);
  succeeded('GET', await s3.getObject(key, '', 10));
  same('keys listed', succeeded('LIST', s3.listObjects({ prefix: start })).objects, [{ key, bytes: 10 }]);
}
