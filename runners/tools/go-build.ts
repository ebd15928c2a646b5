/** Builds one pinned Go module's command. */
import { join } from 'node:path';
import { run, StepFailure } from '../process/child';

interface GoBuild {
  /** The `go` command. */
  go: string;
  /** Folder of the module: go.mod and go.sum, which are never changed by a build. */
  folder: string;
  /** Package to build, as in `go build <package>`. */
  package: string;
  /** Linker flags beyond those that leave out debug tables. */
  ldflags: readonly string[];
  /** Existing empty folder that takes the binary and everything temporary; the caller removes it. */
  work: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** Builds, and returns the binary's path inside `work`. Throws StepFailure with what go said first. */
export async function goBuild(build: GoBuild): Promise<string> {
  const out = join(build.work, 'built');
  const ldflags = ['-s', '-w', ...build.ldflags].join(' ');
  const args = ['build', '-mod=readonly', '-trimpath', `-ldflags=${ldflags}`, '-o', out, build.package];
  const { code, stderr } = await run(build.go, args, {
    cwd: build.folder,
    env: {
      ...build.env,
      GOTMPDIR: build.work,
      // A go.work above the checkout would replace the pinned versions.
      GOWORK: 'off',
      // As both projects release: no C compiler needed, and the binary runs on any Linux it is copied to.
      CGO_ENABLED: build.env.CGO_ENABLED ?? '0',
    },
    signal: build.signal,
  });
  if (code !== 0) throw new StepFailure(goReason(stderr) ?? `go build ended with ${code ?? 'a signal'}`);
  return out;
}

/** The line of go's output that says why it failed: neither what it downloaded nor a package heading. */
function goReason(stderr: string): string | undefined {
  const line = stderr
    .split('\n')
    .map((text) => text.trim())
    .find((text) => text !== '' && !/^#|^go: (downloading|finding|found|extracting) /.test(text));
  return line && (line.length > 300 ? `${line.slice(0, 300)}…` : line);
}
