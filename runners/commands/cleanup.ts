/** `s3loadtest cleanup`: deletes what tests have left under a prefix, and nothing else. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { ConfigError } from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { ownKey } from '../../lib/workload/own-keys';
import { BUCKET_SETTINGS, type Bucket, openBucket, type Upload } from '../bucket/bucket';
import { createDeletion, type Deletion } from '../bucket/deletion';
import { BucketError } from '../bucket/entry';
import { createCount, type Inventory, inventoryTable } from '../bucket/inventory';
import { saysLocked } from '../bucket/unlock';
import { inParallel, pages, walk } from '../bucket/walk';
import { stoppable, stoppedBy } from '../process/stoppable';
import { findCredentials } from '../run/credentials';
import { EXIT } from '../run/exit';
import { addSettingOptions, loadSome, type Options } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';

const DESCRIPTION = `delete what tests have written: under the prefix, only keys of the layout \
{prefix}{worker}/{size}/{test}/{timestamp_us}/{suffix}, and unfinished multipart uploads of such keys. Counts first, and asks. \
A prefix that holds any other key is refused. What a test writes meanwhile goes, too. Stopped by Ctrl-C, the same command goes on.`;

/** Folders listed, and batches or uploads deleted, at once. */
const LISTS = 8;
const BATCHES = 16;
/** Milliseconds between two looks at how far it is. */
const SHOW_MS = 200;

interface Plan {
  readonly bucket: Bucket;
  /** The bucket's name. */
  readonly name: string;
  readonly prefix: string;
  readonly versions: boolean;
  readonly unlock: boolean;
  readonly yes: boolean;
  readonly includeForeign: boolean;
  readonly json: boolean;
}

/** What came of it: what `--json` prints, besides what was counted. */
interface Report {
  readonly deletion?: Deletion;
  readonly aborted: number;
  readonly interrupted: boolean;
}

export function addCleanup(program: Command): void {
  addSettingOptions(program.command('cleanup'), ['prefix', 'timeout', 'allowPartial', 'credentials', 'httpProxy'])
    .summary('delete objects that tests wrote, and no others')
    .description(DESCRIPTION)
    .option('--yes', "don't ask before deleting")
    .option('--versions', 'also delete all versions and delete markers of those keys')
    .option('--unlock', 'also delete what is locked: end legal holds, and pass by retention in governance mode')
    .option(
      '--include-foreign',
      "go on even if the prefix contains keys that aren't s3loadtest's; those are never deleted",
    )
    .option('--json', 'print what was deleted as JSON on standard output, everything else on standard error')
    .action(async (options: Options) => {
      process.exitCode = await stoppable((signal) => cleanup(options, process.env, signal));
    });
}

/** Cleans up and returns the exit code. @throws ConfigError when it must not, or can't, before anything is deleted */
export async function cleanup(options: Options, given: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { environment } = await findCredentials(options, given);
  refuseEmptyPrefix(options, environment);
  const config = loadSome([...BUCKET_SETTINGS, 'prefix'], options, environment);
  if (options.yes !== true && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new ConfigError(['cleanup asks before it deletes, and here is no terminal to ask on: give --yes']);
  }
  const bucket = openBucket(config, undefined, options.unlock === true);
  try {
    return await cleanUp(
      {
        bucket,
        name: config.bucket,
        prefix: config.prefix,
        versions: options.versions === true,
        unlock: options.unlock === true,
        yes: options.yes === true,
        includeForeign: options.includeForeign === true,
        json: options.json === true,
      },
      signal,
    );
  } finally {
    bucket.close();
  }
}

/** An empty value counts as none elsewhere, and the default would be cleaned up: a script whose variable is empty means no such thing. */
function refuseEmptyPrefix(options: Options, environment: NodeJS.ProcessEnv): void {
  const given = [
    ['--prefix', options.prefix],
    ['S3LOADTEST_PREFIX', options.prefix === undefined ? environment.S3LOADTEST_PREFIX : undefined],
  ] as const;
  for (const [name, value] of given) {
    if (typeof value !== 'string' || value.trim() !== '') continue;
    throw new ConfigError([
      `${name} is empty: give the prefix to clean up, such as loadtest/, or leave it out for that`,
    ]);
  }
}

async function cleanUp(plan: Plan, signal: AbortSignal): Promise<number> {
  const { bucket, prefix } = plan;
  const status = createStatusLine(plan.json);
  let report: Report = { aborted: 0, interrupted: false };
  let inventory: Inventory = createCount(prefix).inventory();
  let uploads = 0;
  try {
    const tell = (line: string) => status.tell(line);
    for (const doubt of await bucket.check(prefix, signal, tell)) status.tell(`warning: ${doubt}`);
    inventory = await count(plan, status, signal);
    uploads = await countUploads(plan, status, signal);
    status.clear();
    refuseForeign(plan, inventory);
    const versioned = plan.versions ? false : await keepsVersions(bucket, signal);
    if (inventory.objects > 0) status.say(inventoryTable(inventory, plan.versions ? 'versions' : 'objects'));
    if (uploads > 0) status.say(`and ${counted(uploads, 'unfinished upload')}`);
    if (versioned) {
      status.tell(`versioning is on in "${plan.name}": versions stay and take room, --versions deletes them, too`);
    }
    if (inventory.objects + uploads === 0) {
      status.say(`nothing to delete under "${prefix}" in "${plan.name}"`);
      return finish(plan, inventory, uploads, report, EXIT.ok);
    }
    if (!plan.yes && !(await ask(question(plan, inventory, uploads), signal))) {
      status.tell('nothing was deleted');
      return finish(plan, inventory, uploads, report, EXIT.failed);
    }
    const deletion = createDeletion(bucket.deleteAll, BATCHES, signal);
    report = { ...report, deletion };
    const began = Date.now();
    await deleteOwn(plan, inventory, deletion, status, signal);
    const aborted = await abortUploads(plan, deletion, signal);
    report = { ...report, aborted };
    status.clear();
    sayDone(plan, deletion, aborted, Date.now() - began, status);
    return finish(plan, inventory, uploads, report, deletion.failed.size > 0 ? EXIT.failed : EXIT.ok);
  } catch (e) {
    status.clear();
    const name = stoppedBy(e, signal);
    if (name === undefined && !(e instanceof BucketError)) throw e;
    const gone = report.deletion?.deleted.objects ?? 0;
    const soFar = report.deletion
      ? `${formatCount(gone)} of ${formatCount(inventory.objects)} ${noun(plan)} are gone; the same command goes on with the rest`
      : 'nothing was deleted';
    if (name !== undefined) status.tell(`${name}: ${soFar}`);
    else status.tell(`error: ${bucket.explain(e as BucketError)}; ${soFar}`);
    if (report.deletion) tellFailures(plan, report.deletion, status);
    return finish(plan, inventory, uploads, { ...report, interrupted: name !== undefined }, EXIT.failed);
  }
}

const listOf = ({ bucket, versions }: Plan) => (versions ? bucket.listVersions : bucket.listObjects);
const noun = ({ versions }: Plan) => (versions ? 'versions and delete markers' : 'objects');

async function count(plan: Plan, status: StatusLine, signal: AbortSignal): Promise<Inventory> {
  const counting = createCount(plan.prefix);
  const entries = (page: Parameters<typeof counting.add>[0]) => {
    counting.add(page);
    status.show(() => `counting: ${formatCount(counting.inventory().objects)} ${noun(plan)}`);
  };
  await walk(listOf(plan), plan.prefix, { entries }, LISTS, signal);
  return counting.inventory();
}

/** Unfinished uploads of own keys, page by page. Of the whole bucket: some stores take a prefix for a whole key. */
async function* ownUploads({ bucket, prefix }: Plan, signal: AbortSignal): AsyncGenerator<readonly Upload[]> {
  for await (const { entries } of pages(bucket.listUploads, '', signal)) {
    yield entries.filter(({ key }) => ownKey(prefix, key) !== undefined);
  }
}

/** How many uploads of own keys there are. Where a store does not tell, that is said, and none are touched. */
async function countUploads(plan: Plan, status: StatusLine, signal: AbortSignal): Promise<number> {
  let uploads = 0;
  try {
    for await (const own of ownUploads(plan, signal)) uploads += own.length;
  } catch (e) {
    if (!(e instanceof BucketError)) throw e;
    status.tell(`unfinished uploads can't be listed, and stay if there are any (${e.message})`);
  }
  return uploads;
}

function refuseForeign({ prefix, includeForeign }: Plan, { foreign }: Inventory): void {
  if (foreign.objects === 0 || includeForeign) return;
  const examples = foreign.examples.join(', ') + (foreign.objects > foreign.examples.length ? ' …' : '');
  const are =
    foreign.objects === 1
      ? "1 key that is not s3loadtest's"
      : `${formatCount(foreign.objects)} keys that are not s3loadtest's`;
  throw new ConfigError([
    `prefix "${prefix}" holds ${are} (${examples}), and nothing was deleted: move them, name another prefix, or give --include-foreign to delete the rest and leave them alone`,
  ]);
}

/** A store that does not tell keeps none, or will not have them deleted either. */
async function keepsVersions(bucket: Bucket, signal: AbortSignal): Promise<boolean> {
  try {
    return await bucket.versioned(signal);
  } catch (e) {
    if (e instanceof BucketError) return false;
    throw e;
  }
}

/** What is asked before anything is deleted. */
function question(plan: Plan, { objects, bytes, foreign }: Inventory, uploads: number): string {
  const what = [
    objects > 0 ? `${formatCount(objects)} ${noun(plan)} (${formatBytes(bytes)})` : '',
    uploads > 0 ? counted(uploads, 'unfinished upload') : '',
  ].filter((part) => part !== '');
  const others = foreign.objects > 0 ? ` (${counted(foreign.objects, 'other key')} stay)` : '';
  return `Delete ${what.join(' and ')} under "${plan.prefix}" in "${plan.name}"${others}? [y/N] `;
}

async function ask(text: string, signal: AbortSignal): Promise<boolean> {
  // Without `terminal` Ctrl-C stays a signal, and the end of the input is a no.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(text, { signal }), ended]);
    if (answer === '') process.stderr.write('\n');
    return /^y(es)?$/i.test(answer.trim());
  } catch (e) {
    process.stderr.write('\n');
    throw signal.aborted ? signal.reason : e;
  } finally {
    lines.close();
  }
}

/** Lists again, and deletes what is of the layout as it comes. */
async function deleteOwn(
  plan: Plan,
  inventory: Inventory,
  deletion: Deletion,
  status: StatusLine,
  signal: AbortSignal,
): Promise<void> {
  const began = Date.now();
  const show = () => status.show(() => progressText(plan, inventory.objects, deletion, Date.now() - began));
  const showing = setInterval(show, SHOW_MS);
  const entries = (page: Parameters<Deletion['add']>[0]) =>
    deletion.add(page.filter(({ key }) => ownKey(plan.prefix, key) !== undefined));
  try {
    await walk(listOf(plan), plan.prefix, { entries }, LISTS, signal);
  } finally {
    // What is under way ends in any case, and is counted.
    await deletion.finish().finally(() => clearInterval(showing));
  }
}

function progressText(plan: Plan, objects: number, { deleted }: Deletion, ms: number): string {
  const rate = (deleted.objects / Math.max(1, ms)) * 1000;
  const left = rate > 0 ? `, ${formatDuration((Math.max(0, objects - deleted.objects) / rate) * 1000)} left` : '';
  return `deleted ${formatCount(deleted.objects)} of ${formatCount(objects)} ${noun(plan)}, ${formatCount(rate)}/s${left}`;
}

async function abortUploads(plan: Plan, deletion: Deletion, signal: AbortSignal): Promise<number> {
  let aborted = 0;
  const each = async function* () {
    for await (const own of ownUploads(plan, signal)) yield* own;
  };
  await inParallel(each(), BATCHES, async (upload: Upload) => {
    signal.throwIfAborted();
    try {
      await plan.bucket.abortUpload(upload, signal);
      aborted++;
    } catch (e) {
      if (!(e instanceof BucketError)) throw e;
      deletion.fail(e.failure.code || e.failure.errorClass, `upload of ${upload.key}: ${e.message}`);
    }
  });
  return aborted;
}

function sayDone(plan: Plan, deletion: Deletion, aborted: number, ms: number, status: StatusLine): void {
  const { objects, bytes } = deletion.deleted;
  const uploads = aborted > 0 ? ` and ${counted(aborted, 'unfinished upload')}` : '';
  const rate = formatCount((objects / Math.max(1, ms)) * 1000);
  status.say(
    `deleted ${formatCount(objects)} ${noun(plan)} (${formatBytes(bytes)})${uploads} in ${formatDuration(ms)}, ${rate}/s`,
  );
  if (plan.bucket.deletesOneByOne()) status.say('they were deleted one by one: the store has no DeleteObjects');
  tellFailures(plan, deletion, status);
}

function tellFailures({ unlock }: Plan, { failed }: Deletion, status: StatusLine): void {
  for (const [code, { count, sample }] of failed) {
    const hint = !unlock && saysLocked(sample) ? '; --unlock deletes what is locked' : '';
    status.tell(`error: ${formatCount(count)} not deleted, ${code}: ${sample}${hint}`);
  }
}

function finish(plan: Plan, inventory: Inventory, uploads: number, report: Report, exit: number): number {
  if (!plan.json) return exit;
  const { deletion, aborted, interrupted } = report;
  const failed = Object.fromEntries(deletion?.failed ?? []);
  const json = {
    bucket: plan.name,
    prefix: plan.prefix,
    versions: plan.versions,
    found: { ...inventory, uploads },
    deleted: { ...(deletion?.deleted ?? { objects: 0, bytes: 0 }), uploads: aborted },
    failed,
    interrupted,
  };
  process.stdout.write(`${JSON.stringify(json)}\n`);
  return exit;
}

function counted(n: number, what: string): string {
  return `${formatCount(n)} ${what}${n === 1 ? '' : 's'}`;
}
