/** The folder of one run under `<data>/results/`: made before the load, so that a full or closed disk is known in time. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseResult, type Result } from '../../lib/result/result';
import { type Config, ConfigError } from '../../lib/settings/config';
import { makeFolders } from '../files/folders';
import type { LogLine } from '../terminal/log-line';

export class RunFolder {
  readonly path: string;
  private readonly log: number;
  private logFailed = false;
  /** Whether a Result is in it. */
  private hasResult: boolean;

  /** Makes the folder, where it is not there. @throws the system's error */
  constructor(dataDir: string, runId: string) {
    this.path = join(dataDir, 'results', runId);
    this.hasResult = existsSync(join(this.path, 'result.json'));
    makeFolders(join(this.path, 'workers'));
    this.log = openSync(join(this.path, 'k6.log'), 'a');
  }

  /** Adds a line to k6.log. A disk that fills up meanwhile does not stop the run. */
  addLog({ level, message }: LogLine): void {
    try {
      writeSync(this.log, `${new Date().toISOString()} ${level} ${message}\n`);
    } catch {
      this.logFailed = true;
    }
  }

  /** The Result that is there already, and those of its workers by name; undefined where there is none, or none that can be read. */
  readResults(): { readonly result: Result; readonly parts: ReadonlyMap<string, Result> } | undefined {
    if (!this.hasResult) return undefined;
    const read = (...names: string[]) => parseResult(readFileSync(join(this.path, ...names), 'utf8'));
    try {
      const names = readdirSync(join(this.path, 'workers')).filter((name) => name.endsWith('.json'));
      const parts = new Map(names.map((name) => [name.slice(0, -'.json'.length), read('workers', name)]));
      return { result: read('result.json'), parts };
    } catch {
      return undefined;
    }
  }

  /**
   * Writes the Result and those of its workers, and says where the Result is. On a disk that takes no more it goes to the system's
   * temporary folder instead; where that takes no more either there is no path, and FINAL is all that is left.
   */
  writeResults(
    result: Result,
    parts: ReadonlyArray<{ readonly worker: string; readonly result: Result }>,
  ): { path?: string; problem?: string } {
    const path = join(this.path, 'result.json');
    const json = JSON.stringify(result);
    try {
      for (const part of parts) {
        writeAtomically(join(this.path, 'workers', `${part.worker}.json`), JSON.stringify(part.result));
      }
      writeAtomically(path, json);
      this.hasResult = true;
      return this.logFailed
        ? { path, problem: `${join(this.path, 'k6.log')} is not complete: it could not be written` }
        : { path };
    } catch (e) {
      const why = `${path} can't be written (${(e as Error).message})`;
      const refuge = join(tmpdir(), `s3loadtest-${result.run.id}.json`);
      try {
        writeAtomically(refuge, json);
        return { path: refuge, problem: `${why}, so the Result is in ${refuge}` };
      } catch (again) {
        return { problem: `${why}, nor can ${refuge} (${(again as Error).message}): the Result is lost but for FINAL` };
      }
    }
  }

  /** Writes the report's page, and says where it is, or why not. */
  writePage(html: string): { path?: string; problem?: string } {
    const path = join(this.path, 'report.html');
    try {
      writeAtomically(path, html);
      return { path };
    } catch (e) {
      return { problem: `${path} can't be written (${(e as Error).message})` };
    }
  }

  /** Removes the folder, unless a Result is in it: for a run that never began, or was left. */
  remove(): void {
    if (!this.hasResult) rmSync(this.path, { recursive: true, force: true });
  }

  close(): void {
    closeSync(this.log);
  }
}

/** @throws ConfigError when the folder can't be made */
export function makeRunFolder(config: Pick<Config, 'dataDir'>, runId: string): RunFolder {
  try {
    return new RunFolder(config.dataDir, runId);
  } catch (e) {
    const why = (e as Error).message;
    throw new ConfigError([`S3LOADTEST_DATA_DIR is "${config.dataDir}": results can't be written there (${why})`]);
  }
}

/**
 * Writes a file so that it is there whole or not at all, whatever happens meanwhile; `mode` says who may read it.
 * @throws the system's error
 */
export function writeAtomically(path: string, text: string, mode = 0o666): void {
  const part = `${path}.part-${process.pid}`;
  try {
    makeFolders(dirname(path));
    const file = openSync(part, 'w', mode);
    try {
      // All of it: writeSync alone may stop short on a disk that is nearly full, and say so by a number only.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (e) {
    rmSync(part, { force: true });
    throw e;
  }
}
