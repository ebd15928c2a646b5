/**
 * What a workload file may say, as JSON Schema: data/workload.schema.json is this, for editors. A description completes the message
 * "give …". Texts are read as the options of the same name read theirs (formats.ts).
 */
import { MOST_IN_BATCH } from '../../s3/batch';
import { ACTIONS, TEMPORARY_ACTIONS } from '../actions';

/** A text that an option reads; `reads` is a keyword of ours, which editors leave alone. */
const text = (reads: string, description: string) => ({ type: ['string', 'number'], reads, description });
const percent = (description: string) => ({ type: 'number', minimum: 0, maximum: 100, description });
const count = (most: number, what: string) => ({
  ...{ type: 'integer', minimum: 1, maximum: most, description: `a whole number of ${what} from 1 to ${most}` },
});
/** A part of a key. */
const part = (example: string) => ({
  ...{ type: 'string', pattern: '^[A-Za-z0-9._-]*$', maxLength: 100 },
  description: `letters, digits, dots, dashes and underscores, such as ${example}`,
});
/** A part of a bucket's name. */
const bucketPart = (example: string) => ({
  ...{ type: 'string', pattern: '^[a-z0-9-]*$', maxLength: 30 },
  description: `lower-case letters, digits and dashes, such as ${example}`,
});
const MOST_BUCKETS = 100;

const section = (properties: Readonly<Record<string, object>>, more: object = {}) => ({
  ...{ type: 'object', properties, additionalProperties: false, description: `a section with ${names(properties)}` },
  ...more,
});
const names = (properties: object) => Object.keys(properties).join(', ');

/** Commands with a percentage each. */
function percentages(ops: readonly string[]) {
  return section(Object.fromEntries(ops.map((op) => [op, percent('a percentage from 0 to 100')])), {
    minProperties: 1,
    description: 'commands with a percentage each, such as GET: 70 and PUT: 30',
  });
}

const NAME = {
  type: 'string',
  pattern: '^[a-z][a-z0-9-]*$',
  maxLength: 40,
  description: 'a name of lower-case letters, digits and dashes, such as web-reads',
};

const access = {
  access: section(
    {
      read: percent('the percentage of GET among data operations, from 0 to 100'),
      data: percent('the percentage of data operations among all, from 0 to 100'),
    },
    { required: ['read', 'data'] },
  ),
  operations: percentages(Object.keys(ACTIONS)),
  olderVersions: percent('the percentage of GETs that read an older version, from 0 to 100'),
  batch: count(MOST_IN_BATCH, 'objects'),
  unique: section({
    acls: count(5, 'ACLs'),
    policies: count(256, 'policies'),
    lifecycles: count(1_000, 'lifecycle rules'),
  }),
};

const BURST = 'a duration of 1s or more, such as 10m';

const shape = {
  vus: count(100_000, 'virtual users'),
  rate: text('rate', 'operations a second such as 500, 2.5/s or 30000/m'),
  stages: text('stages', 'VUs and times such as 100:5m,500:5m, or rates and times such as 100/s:5m,500/s:5m'),
  ramp: text('time', 'a duration such as 30s'),
  duration: text('duration', 'a duration of 1s or more, such as 30s, 5m or 1h30m'),
  bursts: section({ on: text('duration', BURST), off: text('duration', BURST) }, { required: ['on', 'off'] }),
  think: text('time', 'a duration such as 200ms'),
};

const SIZES = {
  description:
    'a size such as 64KB, 4KB-64KB or lognormal:1MB:0.8, a list of them, or weights such as 4KB: 80 and 1MB: 20',
  anyOf: [
    { type: 'string', reads: 'size' },
    { type: 'array', minItems: 1, items: { type: 'string', reads: 'size' } },
    { type: 'object', minProperties: 1, propertyNames: { reads: 'size' }, additionalProperties: { type: 'number' } },
  ],
};

const load = section(
  {
    name: NAME,
    share: { type: 'number', exclusiveMinimum: 0, description: 'a weight above 0' },
    after: NAME,
    objects: section({ sizes: SIZES }),
    ...access,
    ...shape,
  },
  { required: ['name'] },
);

export const SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'A workload of s3loadtest',
  ...section(
    {
      name: NAME,
      description: { type: 'string', description: 'a text' },
      ...access,
      ...shape,
      objects: section({
        sizes: SIZES,
        popularity: text('popularity', 'zipf:1.1, hot:10%:90% or sequential'),
        range: text('range', 'the bytes of one read, such as 1MB'),
        count: count(1_000_000_000_000, 'objects'),
        names: section({ prefix: part('run1-'), postfix: part('.dat') }),
        overwrite: { type: 'boolean', description: 'true or false' },
        dedicated: { type: 'boolean', description: 'true or false' },
      }),
      buckets: section({
        existing: {
          ...{ type: 'array', minItems: 1, maxItems: MOST_BUCKETS, uniqueItems: true },
          items: { type: 'string', reads: 'bucket', description: "a bucket's name" },
          description: `a list of 1 to ${MOST_BUCKETS} different buckets`,
        },
        new: count(MOST_BUCKETS, 'buckets'),
        prefix: bucketPart('loadtest-'),
        postfix: bucketPart('-x'),
        unique: { type: 'boolean', description: 'true or false' },
        versioning: { type: 'boolean', description: 'true or false' },
      }),
      credentials: {
        ...{ type: 'array', minItems: 1, maxItems: 100, uniqueItems: true },
        items: { type: 'string', pattern: '\\S', description: "the name of a profile in AWS's files" },
        description: "a list of 1 to 100 different profiles of AWS's files",
      },
      temporary: section(
        {
          create: text('amount', 'a number of objects such as 100, or a percentage of objects.count such as 5%'),
          delete: text('amount', 'a number of objects such as 90, or a percentage of those created such as 90%'),
          lifetime: text('delay', 'a duration above 0 such as 30s'),
          share: percent('the percentage of operations that are about temporary objects, from 0 to 100'),
          operations: percentages(Object.keys(TEMPORARY_ACTIONS)),
        },
        { required: ['create', 'lifetime'] },
      ),
      prepare: section({ workers: count(10_000, 'workers') }),
      bucket: section({
        mayChange: { type: 'boolean', description: 'true or false' },
        mayLock: { type: 'boolean', description: 'true or false' },
      }),
      responses: section({
        ignoreErrors: { type: 'boolean', description: 'true or false' },
        retries: { type: 'integer', minimum: 0, maximum: 1_000, description: 'a whole number from 0 to 1000' },
        retryDelay: text('delay', 'a duration above 0 such as 1s'),
      }),
      loads: { type: 'array', minItems: 1, maxItems: 50, items: load, description: 'a list of 1 to 50 loads' },
      criteria: {
        type: 'array',
        items: text('threshold', "a k6 threshold such as 'http_req_duration{op:GET}:p(99)<50'"),
        description: 'a list of k6 thresholds',
      },
      settings: {
        type: 'object',
        additionalProperties: { type: ['string', 'number', 'boolean'], description: 'a text, a number, true or false' },
        description: "settings by their options' names, such as part-size: 16MB",
      },
    },
    { required: ['name'] },
  ),
};
