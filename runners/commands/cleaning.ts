/** What `s3loadtest cleanup` does to one bucket: counts, asks, deletes, and says what came of it. */
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { ownKey } from '../../lib/workload/own-keys';
import type { Bucket, Upload } from '../bucket/bucket';
import { createDeletion, type Deletion } from '../bucket/deletion';
import { BucketError } from '../bucket/entry';
import { createCount, type Inventory, inventoryTable } from '../bucket/inventory';
import { saysLocked } from '../bucket/unlock';
import { inParallel, pages, walk } from '../bucket/walk';
import { stoppedBy } from '../process/stoppable';
import { EXIT } from '../run/exit';
import type { Options } from '../run/settings';
import { createStatusLine, type StatusLine } from '../terminal/status-line';

/** Folders listed, and batches or uploads deleted, at once. */
const LISTS = 8;
const BATCHES = 16;
/** Milliseconds between two looks at how far it is. */
const SHOW_MS = 200;

/** What is to be cleaned up. */
export interface CleanupPlan {
  readonly bucket: Bucket;
  /** The bucket's name. */
  readonly name: string;
  readonly prefix: string;
  /** Only what tests of these names wrote; left out for all. */
  readonly tests?: readonly string[];
  readonly versions: boolean;
  /** Also what is locked. */
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

/** @throws ConfigError where nobody could answer */
export function checkAsks(options: Options): void {
  if (options.yes === true || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new ConfigError(['cleanup asks before it deletes, and here is no terminal to ask on: give --yes']);
}

/** Returns the exit code. @throws ConfigError before anything is deleted, where it must not be */
export async function cleanUp(plan: CleanupPlan, signal: AbortSignal): Promise<number> {
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

/** Whether a key is that of a test that is not asked about. */
function isOfOthers({ prefix, tests }: CleanupPlan, { key }: { readonly key: string }): boolean {
  const parts = tests && ownKey(prefix, key);
  return parts !== undefined && !tests?.includes(parts.test);
}

const listOf = ({ bucket, versions }: CleanupPlan) => (versions ? bucket.listVersions : bucket.listObjects);
const noun = ({ versions }: CleanupPlan) => (versions ? 'versions and delete markers' : 'objects');

async function count(plan: CleanupPlan, status: StatusLine, signal: AbortSignal): Promise<Inventory> {
  const counting = createCount(plan.prefix);
  const entries = (page: Parameters<typeof counting.add>[0]) => {
    counting.add(page.filter((entry) => !isOfOthers(plan, entry)));
    status.show(() => `counting: ${formatCount(counting.inventory().objects)} ${noun(plan)}`);
  };
  await walk(listOf(plan), plan.prefix, { entries }, LISTS, signal);
  return counting.inventory();
}

/** Unfinished uploads of own keys, page by page. Of the whole bucket: some stores take a prefix for a whole key. */
async function* ownUploads(plan: CleanupPlan, signal: AbortSignal): AsyncGenerator<readonly Upload[]> {
  const { bucket, prefix } = plan;
  for await (const { entries } of pages(bucket.listUploads, '', signal)) {
    yield entries.filter((upload) => ownKey(prefix, upload.key) !== undefined && !isOfOthers(plan, upload));
  }
}

/** How many uploads of own keys there are. Where a store does not tell, that is said, and none are touched. */
async function countUploads(plan: CleanupPlan, status: StatusLine, signal: AbortSignal): Promise<number> {
  let uploads = 0;
  try {
    for await (const own of ownUploads(plan, signal)) uploads += own.length;
  } catch (e) {
    if (!(e instanceof BucketError)) throw e;
    status.tell(`unfinished uploads can't be listed, and stay if there are any (${e.message})`);
  }
  return uploads;
}

function refuseForeign({ prefix, includeForeign }: CleanupPlan, { foreign }: Inventory): void {
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
function question(plan: CleanupPlan, { objects, bytes, foreign }: Inventory, uploads: number): string {
  const what = [
    objects > 0 ? `${formatCount(objects)} ${noun(plan)} (${formatBytes(bytes)})` : '',
    uploads > 0 ? counted(uploads, 'unfinished upload') : '',
  ].filter((part) => part !== '');
  const others = foreign.objects > 0 ? ` (${counted(foreign.objects, 'other key')} stay)` : '';
  return `Delete ${what.join(' and ')} under "${plan.prefix}" in "${plan.name}"${others}? [y/N] `;
}

export async function ask(text: string, signal: AbortSignal): Promise<boolean> {
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
  plan: CleanupPlan,
  inventory: Inventory,
  deletion: Deletion,
  status: StatusLine,
  signal: AbortSignal,
): Promise<void> {
  const began = Date.now();
  const show = () => status.show(() => progressText(plan, inventory.objects, deletion, Date.now() - began));
  const showing = setInterval(show, SHOW_MS);
  const entries = (page: Parameters<Deletion['add']>[0]) =>
    deletion.add(page.filter((entry) => ownKey(plan.prefix, entry.key) !== undefined && !isOfOthers(plan, entry)));
  try {
    await walk(listOf(plan), plan.prefix, { entries }, LISTS, signal);
  } finally {
    // What is under way ends in any case, and is counted.
    await deletion.finish().finally(() => clearInterval(showing));
  }
}

function progressText(plan: CleanupPlan, objects: number, { deleted }: Deletion, ms: number): string {
  const rate = (deleted.objects / Math.max(1, ms)) * 1000;
  const left = rate > 0 ? `, ${formatDuration((Math.max(0, objects - deleted.objects) / rate) * 1000)} left` : '';
  return `deleted ${formatCount(deleted.objects)} of ${formatCount(objects)} ${noun(plan)}, ${formatCount(rate)}/s${left}`;
}

async function abortUploads(plan: CleanupPlan, deletion: Deletion, signal: AbortSignal): Promise<number> {
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

function sayDone(plan: CleanupPlan, deletion: Deletion, aborted: number, ms: number, status: StatusLine): void {
  const { objects, bytes } = deletion.deleted;
  const uploads = aborted > 0 ? ` and ${counted(aborted, 'unfinished upload')}` : '';
  const rate = formatCount((objects / Math.max(1, ms)) * 1000);
  status.say(
    `deleted ${formatCount(objects)} ${noun(plan)} (${formatBytes(bytes)})${uploads} in ${formatDuration(ms)}, ${rate}/s`,
  );
  if (plan.bucket.deletesOneByOne()) status.say('they were deleted one by one: the store has no DeleteObjects');
  tellFailures(plan, deletion, status);
}

function tellFailures({ unlock }: CleanupPlan, { failed }: Deletion, status: StatusLine): void {
  for (const [code, { count, sample }] of failed) {
    const hint = !unlock && saysLocked(sample) ? '; --unlock deletes what is locked' : '';
    status.tell(`error: ${formatCount(count)} not deleted, ${code}: ${sample}${hint}`);
  }
}

function finish(plan: CleanupPlan, inventory: Inventory, uploads: number, report: Report, exit: number): number {
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
