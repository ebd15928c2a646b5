/** Tables of prices, as users write them: data/prices.json is one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../lib/settings/config';
import { ROOT } from '../tools/project';

/** One step of a price: for what lies between the step before and `upToGB`; the last has no end. */
export interface PriceStep {
  readonly upToGB?: number;
  readonly price: number;
}

/** What a provider asks, in one currency. A GB has 2^30 bytes. */
export interface Prices {
  readonly name: string;
  /** Where they stand, and when they stood there. */
  readonly source: string;
  readonly date: string;
  readonly currency: string;
  readonly requests: {
    /** Prices are for so many requests. */
    readonly per: number;
    readonly classes: Readonly<Record<string, { readonly price: number; readonly operations: readonly string[] }>>;
    /** The class of operations that none names. */
    readonly otherwise: string;
  };
  readonly bytesOut: { readonly perGB: readonly PriceStep[] };
  readonly storage: { readonly perGBMonth: readonly PriceStep[] };
}

/** What stands for no prices. */
const NONE = 'none';

/**
 * The table that the setting names, or the example; undefined for none at all.
 * @throws ConfigError when it can't be read, or what it lacks
 */
export function loadPrices(path: string | undefined): Prices | undefined {
  if (path === NONE) return undefined;
  const file = path ?? join(ROOT, 'data', 'prices.json');
  const refuse = (why: string) => new ConfigError([`S3LOADTEST_PRICES is "${file}": ${why}`]);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    throw refuse(`it can't be read (${(e as Error).message}): give a table of prices as data/prices.json, or ${NONE}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw refuse(`not JSON (${(e as Error).message}): give a table of prices as data/prices.json`);
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw refuse(`${problem}, as in data/prices.json`);
  return value as Prices;
}

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPrice = (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';

/** What a table lacks, in words that go before "as in …"; undefined of one that is whole. */
function problemOf(table: unknown): string | undefined {
  if (!isObject(table)) return 'give an object';
  const { requests, bytesOut, storage } = table;
  const missing = ['name', 'source', 'date', 'currency'].find((field) => !isText(table[field]));
  if (missing !== undefined) return `give "${missing}" as a text`;
  if (!isObject(requests) || !isPrice(requests.per) || requests.per === 0)
    return 'give "requests.per", the number of requests that prices are for';
  const { classes, otherwise } = requests;
  if (!isObject(classes)) return 'give "requests.classes"';
  for (const [name, each] of Object.entries(classes)) {
    if (!isObject(each) || !isPrice(each.price)) return `give "requests.classes.${name}.price" as a number from 0 on`;
    if (!Array.isArray(each.operations) || !each.operations.every(isText))
      return `give "requests.classes.${name}.operations" as a list of names`;
  }
  if (!isText(otherwise) || !((otherwise as string) in classes))
    return `give "requests.otherwise" as one of ${Object.keys(classes).join(', ')}`;
  if (!isObject(bytesOut) || !areSteps(bytesOut.perGB)) return `give "bytesOut.perGB" as ${STEPS}`;
  if (!isObject(storage) || !areSteps(storage.perGBMonth)) return `give "storage.perGBMonth" as ${STEPS}`;
  return undefined;
}

const STEPS = 'a list of steps, "upToGB" rising and a "price" in each, the last without "upToGB"';

function areSteps(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  let reached = 0;
  return value.every((step: unknown, i) => {
    if (!isObject(step) || !isPrice(step.price)) return false;
    if (i === value.length - 1) return step.upToGB === undefined;
    const above = typeof step.upToGB === 'number' && step.upToGB > reached;
    reached = Number(step.upToGB);
    return above;
  });
}
