/** What an answer comes to, by the row of its command: the one reading of answers outside the native engine. Pure. */
import { classifyCode, classifyStatus, classifyTransport } from './classify';
import type { Command, XmlAnswer } from './commands';
import type { Found, Reply } from './engine';
import type { Failure } from './outcome';
import { elementsOf, textOf } from './xml';

/** An answer as a transport has it: status 0 and an `error` where none came. */
export interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** What an engine knows of a request beside the answer. */
export interface Sent {
  /** Payload bytes of the request. */
  readonly bytes: number;
  /** Bytes that the object must have, where the caller knows. */
  readonly expected: number | undefined;
  /** How many objects the command is about, of one that names them in its body. */
  readonly objects: number;
  /** It asked for a part of the object. */
  readonly ranged?: boolean;
}

/** Objects that a success was refused for, as one failure each code. */
export interface Refusal {
  readonly failure: Failure;
  readonly objects: number;
}

/** What a store that does not know ranges answers with. */
const WHOLE = 'the whole object came, and not the range that was asked for: leave --range out';

/** The outcome of one attempt that took `ms` milliseconds. `headers` and XML are looked at as far as the row asks. */
export function replyOf(command: Command, endpoint: string, answer: Answer, sent: Sent, ms: number): Reply {
  const { status } = answer;
  const failed = (failure: Failure): Reply => ({ failure, status, bytes: 0, ms, endpoint, headers: headersOf(answer) });
  if (status === command.alsoStatus) return { status, bytes: 0, ms, endpoint };
  if (status < 200 || status >= 300) {
    const failure = failureOf(answer);
    if (command.none?.includes(failure.code) !== true) return failed(failure);
    return { status, bytes: 0, ms, endpoint };
  }
  const wanted = command.answer;
  switch (wanted.kind) {
    case 'none':
      return { status, bytes: sent.bytes, ms, endpoint };
    case 'headers':
      return { status, bytes: sent.bytes, ms, endpoint, headers: headersOf(answer) };
    case 'xml': {
      const found = read(wanted, asText(answer.body), sent.objects);
      return 'errorClass' in found ? failed(found) : { status, bytes: sent.bytes, ms, endpoint, found };
    }
    default: {
      const { expected } = sent;
      const bytes = contentLength(answer, expected);
      if (expected !== undefined && bytes !== expected) {
        if (sent.ranged === true && status === 200) return failed(corrupt(WHOLE));
        return failed(corrupt(`${bytes} bytes came, not ${expected}`));
      }
      const reply = { status, bytes, ms, endpoint };
      return wanted.kind === 'content' ? { ...reply, content: answer.body as ArrayBuffer } : reply;
    }
  }
}

/** What a success was refused for: an answer of 200 may refuse every object of a batch. */
export function refusalsOf(command: Command, reply: Reply): Refusal[] {
  const { answer } = command;
  if (answer.kind !== 'xml' || answer.refusals === undefined || reply.found === undefined) return [];
  const [codeAt, messageAt] = [at(answer, 'Code'), at(answer, 'Message')];
  const byCode = new Map<string, { failure: Failure; objects: number }>();
  for (const texts of reply.found.lists[answer.refusals] ?? []) {
    const [code = '', message = ''] = [texts[codeAt], texts[messageAt]];
    const known = byCode.get(code);
    if (known !== undefined) known.objects++;
    else byCode.set(code, { failure: { errorClass: classifyCode(code), code, message }, objects: 1 });
  }
  return [...byCode.values()];
}

function at({ lists = {}, refusals = '' }: XmlAnswer, child: string): number {
  return lists[refusals]?.indexOf(child) ?? -1;
}

/** What a row finds in the body of a success, or why it is none. */
function read(wanted: XmlAnswer, xml: string, objects: number): Found | Failure {
  const { root, required = [], texts: names = [], continuation } = wanted;
  if (root === undefined || !xml.includes(`<${root}`)) {
    // S3 may begin its answer with 200 and only then fail.
    if (/<Error[ >]/.test(xml)) return errorIn(xml);
    if (root !== undefined) return corrupt(`the answer has no ${root}`);
  }
  const decode = textOf(xml, 'EncodingType') === 'url' ? decodeUrl : asItIs;
  const { encoded = [] } = wanted;
  const decoded = (name: string, text: string) => (encoded.includes(name) ? decode(text) : text);
  const texts: Record<string, string> = {};
  for (const name of names) {
    const text = textOf(xml, name);
    if (text !== undefined) texts[name] = decoded(name, text);
  }
  for (const name of required) if (!texts[name]) return corrupt(`the answer has no ${name}`);
  // To stop here would pass for the end of the listing.
  if (continuation !== undefined && texts.IsTruncated === 'true' && !texts[continuation]) {
    return corrupt('the listing goes on and does not tell where');
  }
  const lists: Record<string, string[][]> = {};
  for (const [name, children] of Object.entries(wanted.lists ?? {})) {
    lists[name] = elementsOf(xml, name).map((inside) => children.map((c) => decoded(c, textOf(inside, c) ?? '')));
  }
  const { objects: counted, refusals } = wanted;
  if (counted !== undefined) return { objects: (lists[counted] ?? elementsOf(xml, counted)).length, texts, lists };
  return { objects: Math.max(0, objects - (lists[refusals ?? '']?.length ?? 0)), texts, lists };
}

function failureOf(answer: Answer): Failure {
  const { status, error = '' } = answer;
  if (status === 0) return { errorClass: classifyTransport(error), code: '', message: error };
  const xml = asText(answer.body);
  const code = textOf(xml, 'Code') ?? '';
  // A proxy, or a TLS port that plain HTTP is sent to, answers with a line of text.
  const message = textOf(xml, 'Message') ?? (xml.startsWith('<') ? '' : (xml.split('\n')[0] ?? '').slice(0, 200));
  // A redirect of AWS says where to in an element of its own.
  const elsewhere = code.endsWith('Redirect') ? textOf(xml, 'Endpoint') : undefined;
  return {
    errorClass: classifyStatus(status, code),
    code,
    message: elsewhere ? `${message} at ${elsewhere}` : message,
  };
}

function errorIn(xml: string): Failure {
  const code = textOf(xml, 'Code') ?? '';
  return { errorClass: classifyCode(code), code, message: textOf(xml, 'Message') ?? '' };
}

function corrupt(message: string): Failure {
  return { errorClass: 'corrupt', code: '', message };
}

/** Bytes of the answer's body as the server announced them; where it did not, those that are expected. */
export function contentLength({ headers }: Answer, expected = 0): number {
  const length = headers['Content-Length'];
  return length === undefined ? expected : Number(length);
}

/** The answer's headers by lower-case name. */
function headersOf({ headers }: Answer): Record<string, string> {
  const lower: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) lower[name.toLowerCase()] = value;
  return lower;
}

/** A body as text; '' for none, and for bytes, which no row that parses has. */
function asText(body: unknown): string {
  return typeof body === 'string' ? body : '';
}

const asItIs = (text: string) => text;

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    // Not UTF-8, so no text can hold it: a key that nobody can ask for is better than no listing.
    return text;
  }
}
