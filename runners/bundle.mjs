/** How scripts become what k6 reads, one file each. Plain JavaScript, because the bootstrap needs it. */
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/** `k6/*` is k6's own; the target is what k6's JavaScript engine reads without help. */
const FOR_K6 = { bundle: true, external: ['k6', 'k6/*'], target: 'es2022', logLevel: 'error' };
const LAZY = '?lazy';

/**
 * Bundles scripts for k6.
 * @param {import('esbuild').BuildOptions} options entry points, where they go, and what the build defines
 */
export async function bundleForK6(options) {
  const { define = {} } = options;
  await build({ ...FOR_K6, ...options, format: 'esm', plugins: [lazyModules(define)] });
}

/**
 * Makes each module that is asked for by `require`, with all that it imports, a closure which runs when it is asked for.
 * esbuild would do so by itself, but hoist the module's functions out of it; from a bundle within the bundle it can't.
 * @param {Record<string, string>} define
 * @returns {import('esbuild').Plugin}
 */
function lazyModules(define) {
  return {
    name: 'lazy-modules',
    setup({ onResolve, onLoad }) {
      // Packages have their own reasons to call it.
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir, importer }) =>
        kind === 'require-call' && importer.endsWith('.ts')
          ? { path: join(resolveDir, `${path}.ts`), suffix: LAZY }
          : undefined,
      );
      onLoad({ filter: /\.ts$/ }, async ({ path, suffix }) => {
        if (suffix !== LAZY) return undefined;
        const made = await build({
          ...FOR_K6,
          define,
          format: 'cjs',
          entryPoints: [path],
          outdir: dirname(path),
          write: false,
          sourcemap: 'inline',
          sourcesContent: false,
          plugins: [lazyModules(define)],
        });
        return { contents: made.outputFiles[0]?.text ?? '' };
      });
    },
  };
}
