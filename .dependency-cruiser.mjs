/** Which room may import from which: what README says of the layout, as rules. Imports of types count. */

/** Rooms of lib, the lowest first: a room knows those below it. */
const LIB = ['lib/settings', 'lib/s3', 'lib/result', 'lib/workload', 'lib/s3/engines', 'lib/k6'];
/** Rooms of runners likewise; those on one line know nothing of each other. */
const RUNNERS = [
  ['process', 'files', 'import'],
  ['terminal'],
  ['bucket'],
  ['run'],
  ['tools', 'figures'],
  ['cost', 'judge'],
  ['report'],
  ['compare'],
  ['fleet'],
  ['commands'],
];

const escaped = (path) => path.replaceAll('.', '\\.');
/** Files in a room, and not in a room that stands within it; tests apart, which may use what they like. */
const inRoom = (room) => (room === 'lib/s3' ? '^lib/s3/(?!engines/)' : `^${escaped(room)}/`);
/** Modules of k6, which are types here. */
const K6 = '^(node_modules/@types/k6/|k6(/|$))';
const TESTS = '\\.test\\.ts$';

const upward = (rooms, name) =>
  rooms.slice(0, -1).map((room, i) => ({
    name: `${name}: ${[room].flat().join(', ')} below ${[rooms[i + 1]].flat().join(', ')}`,
    comment: 'a room knows only those below it',
    severity: 'error',
    from: { path: [room].flat().map(inRoom), pathNot: TESTS },
    to: {
      path: rooms
        .slice(i + 1)
        .flat()
        .map(inRoom),
    },
  }));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    ...upward(LIB, 'lib'),
    ...upward(
      RUNNERS.map((rooms) => rooms.map((room) => `runners/${room}`)),
      'runners',
    ),
    {
      name: 'lib runs inside k6',
      comment: 'it has nothing but itself and modules of k6: no Node, no packages, no runners, no scripts',
      severity: 'error',
      from: { path: '^lib/', pathNot: [TESTS, '^lib/workload/file/(read|yaml)\\.ts$'] },
      to: { pathNot: ['^lib/', K6] },
    },
    {
      name: 'workload files are read by two packages, which run inside k6, too',
      severity: 'error',
      from: { path: '^lib/workload/file/(read|yaml)\\.ts$' },
      to: { pathNot: ['^lib/', '^node_modules/(ajv|yaml)/'] },
    },
    {
      name: 'steps have of k6 nothing but time',
      severity: 'error',
      from: { path: '^lib/k6/steps/', pathNot: TESTS },
      to: { path: K6, pathNot: '^node_modules/@types/k6/(index|timers/index)\\.d\\.ts$' },
    },
    {
      name: 'a script is made of lib alone',
      severity: 'error',
      from: { path: '^scripts/', pathNot: '^scripts/all\\.ts$' },
      to: { pathNot: ['^lib/', K6] },
    },
    {
      name: 'only all.ts is made of other scripts',
      severity: 'error',
      from: { path: '^scripts/all\\.ts$' },
      to: { pathNot: '^(lib|scripts)/' },
    },
    {
      name: 'the CLI runs outside k6',
      comment: 'it may not reach a module of k6 by any way: not even for a type',
      severity: 'error',
      from: { path: '^runners/' },
      to: { path: K6, reachable: true },
    },
    {
      name: 'runners know workloads by name only',
      severity: 'error',
      from: { path: '^runners/' },
      to: { path: '^scripts/' },
    },
    { name: 'nothing is missing', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: K6 } },
  ],
  options: {
    // TypeScript 7 has no compiler API for it.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^build/' },
  },
};
