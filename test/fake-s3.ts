import {
  ABORT_MULTIPART,
  COMPLETE_MULTIPART,
  type Command,
  CREATE_MULTIPART,
  DELETE,
  DELETE_OBJECTS,
  GET,
  HEAD,
  LIST,
  LIST_KEYS,
  LIST_V1,
  PUT,
  UPLOAD_PART,
} from '../lib/s3/commands';
import type { Arguments, Awaitable, Body, CallLoad, Engine, Reply } from '../lib/s3/engine';
import type { Outcome } from '../lib/s3/outcome';
import { elementsOf, textOf } from '../lib/s3/xml';
import type { CountOutcome, DeleteObjectsOutcome, ListOutcome, PageOptions, S3 } from './s3';

/** A success at an endpoint that does not matter. */
export const OK: Outcome = { status: 200, bytes: 0, ms: 1, endpoint: '10.0.0.1:9000' };

type Fake = (key: string, size: string, load: CallLoad | undefined, more: Arguments) => Awaitable<Reply>;

/** An engine of the given calls; any other is an error, since the test did not expect it. */
export function fakeS3(calls: Partial<S3>): Engine {
  const compile = (command: Command) => {
    const fake = fakeOf(command, calls);
    return (key: string, size: string, load?: CallLoad, more: Arguments = {}): Awaitable<Reply> => {
      if (fake === undefined) throw new Error(`${command.op} was not to be called`);
      return fake(key, size, load, more);
    };
  };
  return {
    compile,
    compileSync: compile as Engine['compileSync'],
    compileAsync: compile as Engine['compileAsync'],
    composed: () => {},
  };
}

function fakeOf(command: Command, calls: Partial<S3>): Fake | undefined {
  const { putObject, putObjectInParts, getObject, headObject, deleteObject } = calls;
  const { deleteObjectsAsync, listObjects, countObjects } = calls;
  switch (command) {
    case PUT:
      return putObject && ((key, size, body) => putObject(key, body as Body, size));
    case GET:
      return getObject && ((key, size, expected) => getObject(key, size, expected as number | undefined));
    case HEAD:
      return headObject && ((key, size) => headObject(key, size));
    case DELETE:
      return deleteObject && ((key, size) => deleteObject(key, size));
    case LIST:
      return countObjects && ((_, __, ___, more) => then(countObjects(optionsOf(more)), countReply));
    case LIST_KEYS:
    case LIST_V1:
      return listObjects && ((_, __, ___, more) => listReply(listObjects(optionsOf(more))));
    case DELETE_OBJECTS:
      return deleteObjectsAsync && ((_, __, body) => deleteObjectsAsync(keysIn(body as string)).then(batchReply));
    // Of an upload in parts the fake is called once, when it is completed: until then nothing is looked at.
    case CREATE_MULTIPART:
      return () => ({ ...OK, found: { objects: 0, texts: { UploadId: 'id' }, lists: {} } });
    case UPLOAD_PART:
    case ABORT_MULTIPART:
      return () => ({ ...OK, headers: { etag: '"e"' } });
    case COMPLETE_MULTIPART:
      return putObjectInParts && ((key, size) => putObjectInParts(key, { bytes: 0, partBytes: 1, part: none }, size));
    default:
      return undefined;
  }
}

const none = () => new ArrayBuffer(0);

function then<A, B>(value: Awaitable<A>, make: (value: A) => B): Awaitable<B> {
  return value instanceof Promise ? value.then(make) : make(value);
}

function optionsOf({ query = {} }: Arguments): PageOptions {
  const names = {
    ...{ prefix: 'prefix', delimiter: 'delimiter', maxKeys: 'max-keys', startAfter: 'start-after' },
    continuationToken: 'continuation-token',
  };
  const entries = Object.entries(names).map(([name, parameter]) => [name, query[parameter]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function keysIn(body: string): string[] {
  return elementsOf(body, 'Object').map((object) => textOf(object, 'Key') ?? '');
}

function texts(next: string | undefined): Record<string, string> {
  return next === undefined ? {} : { IsTruncated: 'true', NextContinuationToken: next };
}

function countReply({ keys, next, ...outcome }: CountOutcome): Reply {
  return outcome.failure ? outcome : { ...outcome, found: { objects: keys, texts: texts(next), lists: {} } };
}

function listReply({ objects, prefixes, next, ...outcome }: ListOutcome): Reply {
  if (outcome.failure) return outcome;
  const lists = {
    Contents: objects.map(({ key, bytes }) => [key, String(bytes)]),
    CommonPrefixes: prefixes.map((prefix) => [prefix]),
  };
  return { ...outcome, found: { objects: objects.length, texts: texts(next), lists } };
}

function batchReply({ failed, ...outcome }: DeleteObjectsOutcome): Reply {
  if (outcome.failure) return outcome;
  const refused = failed.map(({ key, code, message }) => [key, '', code, message]);
  return { ...outcome, found: { objects: 0, texts: {}, lists: { Error: refused } } };
}
