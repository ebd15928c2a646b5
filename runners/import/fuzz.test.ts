/** COSBench workloads with mistakes anywhere: each is a workload file or lines of mistakes, and none shows a key. */
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../lib/settings/config';
import type { CommandShares } from '../../lib/workload/command-shares';
import { readWorkloadFile } from '../../lib/workload/file/read';
import { settingsOf, workloadOf } from '../../lib/workload/file/workload';
import { planOf } from '../../lib/workload/plan';
import { below, type Random, seeded } from '../../lib/workload/random';
import { operations } from '../../test/fake-step';
import { convert } from './convert';
import { readCosbench } from './cosbench';
import { merged, toYaml } from './yaml';

const DOCUMENTS = 1_000;
const LONGEST_MS = 2_000;
/** The same documents in every run; the variable has others. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const SECRET = 'wJalrXUtnFEMIxK7MDENGxbPxRfiCY';

const WHOLE = `<?xml version="1.0" encoding="UTF-8" ?>
<workload name="shop" description="a &amp; b" trigger="" config="cprefix=s">
  <!-- a comment -->
  <storage type="s3" config="accesskey=AKIA;secretkey=${SECRET};endpoint=http://10.0.0.1:9000;timeout=100;proxyhost=p" />
  <workflow>
    <workstage name="init"><work type="init" workers="1" config="containers=r(1,2)" /></workstage>
    <workstage name="prepare" closuredelay="3">
      <work type="prepare" workers="4" config="containers=r(1,2);objects=r(1,10);sizes=c(64)KB" />
    </workstage>
    <workstage name="wait" closuredelay="60"><work type="delay" workers="1" /></workstage>
    <workstage name="main" closuredelay="5">
      <work name="a" workers="8" runtime="30" rampup="3" rampdown="2" afr="200000" interval="5" division="object" driver="d1">
        <operation type="read" ratio="70" config="containers=u(1,2);objects=u(1,10);hashCheck=true" />
        <operation type="write" ratio="30" config="containers=u(1,2);objects=s(11,20);sizes=h(1|64|10,65|512|90)KB" id="op2" />
      </work>
      <work name="b" workers="2" totalOps="1000" totalBytes="5"><operation type="list" config="containers=c(1)" /></work>
    </workstage>
    <workstage name="next"><work name="c" workers="8" runtime="30" rampup="9">
      <auth type="none" config="" /><operation type="delete" config="containers=c(1);objects=1-9" />
    </work></workstage>
    <workstage name="cleanup"><work type="cleanup" workers="1" config="containers=r(1,2)" /></workstage>
  </workflow>
</workload>
`;

const STORE = { S3_ENDPOINTS: 'http://a', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', S3_BUCKET: 'bucket' };

const ODD = [
  ...[
    '"',
    "'",
    '<',
    '>',
    '/',
    '=',
    ';',
    ' ',
    '\n',
    '&',
    '&amp;',
    '&x;',
    '&#0;',
    '&#x1F600;',
    '&#10;',
    '<![CDATA[',
    ']]>',
    '<!--',
  ],
  ...[
    '-->',
    '<?x?>',
    '<!DOCTYPE a>',
    '\u0000',
    '\ufeff',
    '\ud800',
    '\u2028',
    '9',
    '0',
    '-',
    '1e9',
    '99999999999999999999',
    'NaN',
  ],
  ...[
    'c(1)',
    'u(',
    ')',
    '|',
    ',',
    'h(1||5)KB',
    '__proto__',
    'constructor',
    'u(1)',
    'r(5,1)',
    '<work>',
    '</work>',
    '<a>',
    '<operation/>',
  ],
];

function spoiled(text: string, random: Random): string {
  const at = below(text.length, random);
  const to = Math.min(text.length, at + 1 + below(random() < 0.2 ? 200 : 12, random));
  const lines = text.split('\n');
  const line = below(lines.length, random);
  const values = [...text.matchAll(/"[^"\n]*"/g)];
  const value = values[below(values.length, random)];
  const odd = ODD[below(ODD.length, random)] as string;
  const ways = [
    () => text.slice(0, at) + odd + text.slice(at),
    () => text.slice(0, at) + text.slice(to),
    () => lines.filter((_, i) => i !== line).join('\n'),
    () => [...lines.slice(0, line), lines[line], ...lines.slice(line)].join('\n'),
    () =>
      value === undefined ? text : `${text.slice(0, value.index)}"${odd}"${text.slice(value.index + value[0].length)}`,
    () => text.replace(/\d+/g, (number) => (random() < 0.05 ? String(below(2 ** 31, random)) : number)),
    () => text.slice(0, random() < 0.1 ? at : text.length),
  ];
  return (ways[below(ways.length, random)] as () => string)();
}

/** Whether it is converted. @throws whatever is neither a workload file nor a mistake in lines */
function outcomeOf(text: string): boolean {
  const demand = (isTrue: boolean, what: string) => {
    if (!isTrue) throw new Error(what);
  };
  let converted: ReturnType<typeof convert>;
  try {
    converted = convert('load.xml', readCosbench('load.xml', text));
  } catch (e) {
    if (!(e instanceof ConfigError)) throw e;
    demand(e.problems.length > 0, 'no line');
    for (const line of e.problems) {
      demand(/^load\.xml(?::[1-9]\d*:[1-9]\d*)?: [^\n\r]{3,500}$/.test(line) && !line.includes(SECRET), line);
    }
    return false;
  }
  const yaml = toYaml('load.xml', converted);
  demand(!yaml.includes(SECRET), yaml);
  for (const { says } of merged(converted.notes))
    demand(/^[^\n\r]{3,1000}$/.test(says) && !says.includes(SECRET), says);
  const file = readWorkloadFile('load.yaml', yaml);
  expect(file).toEqual(converted.file);
  // As before a run: it says so where parts don't go together.
  const own = settingsOf(file);
  const stepOf = ({ shares }: CommandShares) => operations(...Object.keys(shares));
  planOf([workloadOf(file, stepOf)], readConfig(STORE, own), 'S3LOADTEST_CONCURRENCY' in own);
  return true;
}

test(`workloads with mistakes (FUZZ_SEED=${SEED})`, () => {
  expect(outcomeOf(WHOLE)).toBe(true);
  const spent = () => process.cpuUsage().user / 1_000;
  let right = 0;
  for (let n = 0; n < DOCUMENTS; n++) {
    const random = seeded(SEED + n);
    let text = WHOLE;
    for (let left = below(3, random); left >= 0; left--) text = spoiled(text, random);
    const began = spent();
    try {
      if (outcomeOf(text)) right++;
    } catch (e) {
      throw new Error(`FUZZ_SEED=${SEED + n}:\n${text}\n${(e as Error).stack}`);
    }
    if (spent() - began > LONGEST_MS)
      throw new Error(`FUZZ_SEED=${SEED + n} takes ${spent() - began} ms of CPU:\n${text}`);
  }
  // Else it tells little.
  expect(right).toBeGreaterThan(DOCUMENTS / 20);
  expect(right).toBeLessThan(DOCUMENTS * 0.8);
}, 300_000);
