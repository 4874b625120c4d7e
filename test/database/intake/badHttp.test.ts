import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDoor, order, type DoorStage } from './doorStage.ts';
import { until } from '../../until.ts';

/** Inputs that a door to the world must bear; the numbers are those of the catalogue of bad inputs. */
let stage: DoorStage;
beforeAll(async () => { stage = await openDoor(); });
afterAll(() => stage.close());

interface Answer { readonly status: number; readonly code?: string; readonly fields?: readonly string[] }
interface Input {
  readonly name: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: Answer;
}

const job = (changes: object = {}, payload: object = order()): string => JSON.stringify({ kind: 'order.charge', payload, ...changes });
const withText = (from: string, to: string): string => job().replace(from, to);

const inputs: readonly Input[] = [
  { name: '49 malformed JSON', body: '{"kind": "order.charge", payload: 1}', expected: { status: 400, code: 'BAD_JSON' } },
  { name: '49 nothing at all', body: '', expected: { status: 400 } },
  { name: '50 JSON of depth 30,000', body: `{"kind":"order.charge","payload":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, expected: { status: 400, code: 'BAD_JSON' } },
  { name: '51 a body above the limit', body: job({}, order(1, { city: 'x'.repeat(100_000) })), expected: { status: 413 } },
  { name: '52 a gzip bomb', body: gzipSync(Buffer.alloc(10_000_000, 0x20)), headers: { 'content-encoding': 'gzip' }, expected: { status: 415 } },
  { name: '52 gzip that is not declared', body: gzipSync(job()), expected: { status: 400, code: 'BAD_JSON' } },
  { name: '55 a form', body: 'kind=order.charge', headers: { 'content-type': 'application/x-www-form-urlencoded' }, expected: { status: 415 } },
  { name: '55 NDJSON at the door for one', body: job(), headers: { 'content-type': 'application/x-ndjson' }, expected: { status: 415 } },
  { name: '56 a byte order mark, which is skipped', body: `\ufeff${job()}`, expected: { status: 202 } },
  { name: '56 UTF-16', body: Buffer.from(job(), 'utf16le'), expected: { status: 400, code: 'BAD_JSON' } },
  { name: '56 a charset that is not UTF-8', body: job(), headers: { 'content-type': 'application/json; charset=utf-16' }, expected: { status: 415 } },
  { name: '57 a name twice in an object', body: withText('"city":"Oslo"', '"city":"Oslo","c\\u0069ty":"Porto"'), expected: { status: 400, code: 'BAD_JSON' } },
  { name: '58 __proto__', body: withText('"city":"Oslo"', '"city":"Oslo","__proto__":{"admin":true}'), expected: { status: 422, fields: ['body.payload.__proto__'] } },
  { name: '58 constructor', body: withText('"city":"Oslo"', '"city":"Oslo","constructor":{"prototype":{"admin":true}}'), expected: { status: 422, fields: ['body.payload.constructor'] } },
  { name: '58 __proto__ around it all', body: withText('{"kind"', '{"__proto__":{"a":1},"kind"'), expected: { status: 422, fields: ['body.__proto__'] } },
  { name: '59 a lone surrogate', body: withText('"Oslo"', '"\\ud800"'), expected: { status: 422, fields: ['body.payload.city'] } },
  { name: '59 NUL in a text, which is text', body: withText('"Oslo"', '"a\\u0000b"'), expected: { status: 202 } },
  { name: '59 NUL in an id', body: job({ id: 'a\0b' }), expected: { status: 422, fields: ['body.id'] } },
  { name: '60 the number 1e400', body: withText('"amount":1.5', '"amount":1e400'), expected: { status: 422, fields: ['body.payload.amount'] } },
  { name: '60 a long that JSON rounds', body: withText('"sequence":1', '"sequence":9007199254740993'), expected: { status: 422, fields: ['body.payload.sequence'] } },
  { name: '62 headers above the limit', body: job(), headers: { 'x-long': 'x'.repeat(20_000) }, expected: { status: 431 } },
  { name: '65 an idempotency key of 1 KB', body: job(), headers: { 'idempotency-key': 'k'.repeat(1000) }, expected: { status: 400, code: 'BAD_IDEMPOTENCY_KEY', fields: ['headers.idempotency-key'] } },
  { name: '65 an idempotency key with a space in it', body: job(), headers: { 'idempotency-key': 'a b' }, expected: { status: 400, code: 'BAD_IDEMPOTENCY_KEY' } },
  { name: '67 a kind that nobody knows', body: job({ kind: 'order.chagre' }), expected: { status: 404, code: 'UNKNOWN_KIND', fields: ['body.kind'] } },
  { name: '67 a kind named like a method of objects', body: job({ kind: 'toString' }), expected: { status: 404, code: 'UNKNOWN_KIND' } },
  { name: '68 runAt in the past, which is at once', body: job({ runAt: '2001-01-01T00:00:00Z' }), expected: { status: 202 } },
  { name: '68 runAt in 100 years', body: job({ runAt: '2126-01-01T00:00:00Z' }), expected: { status: 422, fields: ['body.runAt'] } },
  { name: '68 runAt without an offset, as in the gap of a clock change', body: job({ runAt: '2026-03-29T02:30:00' }), expected: { status: 422, fields: ['body.runAt'] } },
  { name: '68 runAt on a day that no calendar has', body: job({ runAt: '2026-02-30T00:00:00Z' }), expected: { status: 422, fields: ['body.runAt'] } },
  { name: '68 runAt in a leap second', body: job({ runAt: '2016-12-31T23:59:60Z' }), expected: { status: 422, fields: ['body.runAt'] } },
  { name: '68 runAt and delay at once', body: job({ runAt: '2026-12-01T00:00:00Z', delay: '1h' }), expected: { status: 422, fields: ['body.delay'] } },
  { name: '69 a priority, which there is none of', body: job({ priority: 99 }), expected: { status: 422, fields: ['body.priority'] } },
  { name: '69 an int out of range', body: withText('"priority":1', '"priority":2147483648'), expected: { status: 422, fields: ['body.payload.priority'] } },
  { name: 'a text for a number', body: withText('"priority":1', '"priority":"1"'), expected: { status: 422, fields: ['body.payload.priority'] } },
  { name: 'a number for a kind', body: job({ kind: 5 }), expected: { status: 422, fields: ['body.kind'] } },
  { name: 'a list', body: '[]', expected: { status: 422 } },
];

async function send(body: string | Buffer, headers: Readonly<Record<string, string>> = {}, path = '/v1/jobs'): Promise<{ status: number; body: string; headers: Headers }> {
  const response = await fetch(`${stage.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : new Uint8Array(body) });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

/** What a client that writes bytes by hand is answered, until the connection ends. */
function raw(write: (send: (text: string) => boolean) => (() => void) | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(stage.url).port), '127.0.0.1');
    let text = '';
    let stop: (() => void) | undefined;
    socket.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
    socket.on('connect', () => { stop = write((part) => socket.write(part)); });
    socket.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error); });
    socket.on('close', () => {
      stop?.();
      resolve(text);
    });
  });
}

const head = (more: string): string => `POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`;

describe('bad input over HTTP', () => {
  it.each(inputs)('$name', async ({ body, headers, expected }) => {
    const answer = await send(body, headers);
    expect(answer.status, answer.body).toBe(expected.status);
    if (expected.status === 431) return;
    const problem = JSON.parse(answer.body) as { status: number; code: string; errors?: { field: string }[] };
    if (expected.status >= 400) expect(answer.headers.get('content-type')).toContain('application/problem+json');
    if (expected.code !== undefined) expect(problem.code).toBe(expected.code);
    if (expected.fields !== undefined) expect(problem.errors?.map(({ field }) => field)).toEqual(expected.fields);
  });

  it('51 a body said to be of 100 MB is refused before it comes', async () => {
    const answer = await raw((write) => { write(head('Content-Length: 100000000\r\n')); write('{'); return undefined; });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('53 a chunked body that never ends is cut off at the limit', async () => {
    const answer = await raw((write) => {
      write(head('Transfer-Encoding: chunked\r\n'));
      const timer = setInterval(() => write(`2000\r\n${'x'.repeat(0x2000)}\r\n`), 5);
      return () => { clearInterval(timer); };
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('54 a body that trickles is answered 408', async () => {
    const answer = await raw((write) => {
      write(head('Content-Length: 1000\r\n'));
      const timer = setInterval(() => write('x'), 50);
      return () => { clearInterval(timer); };
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*REQUEST_TIMEOUT/);
  });

  it('54 headers that trickle are answered 408', async () => {
    const answer = await raw((write) => {
      write('POST /v1/jobs HTTP/1.1\r\nHost: x\r\n');
      const timer = setInterval(() => write('x-a: b\r\n'), 50);
      return () => { clearInterval(timer); };
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('61 a length and chunks at once are refused, and nothing behind them is read', async () => {
    const answer = await raw((write) => { write(`${head('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n')}0\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n`); return undefined; });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('65 a line break in an idempotency key begins no header', async () => {
    const answer = await raw((write) => { write(head('Idempotency-Key: a\r\n b\r\nContent-Length: 2\r\nConnection: close\r\n') + '{}'); return undefined; });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('70 of a batch of 5,000, one bad line spoils no other', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => (index === 1234 ? '{"kind":"nobody","payload":{}}' : job({}, order(index))));
    const { body } = await send(lines.join('\n'), { 'content-type': 'application/x-ndjson' }, '/v1/jobs/batch');
    const results = body.trim().split('\n').map((line) => JSON.parse(line) as { line: number; status: number });
    expect(results).toHaveLength(5000);
    expect(results.filter(({ status }) => status !== 202)).toMatchObject([{ line: 1235, status: 404, problem: { code: 'UNKNOWN_KIND' } }]);
  });

  it('51 a line without end takes no memory, and those after it count', async () => {
    const { body } = await send(`${job()}\n${'x'.repeat(5_000_000)}\n${job()}`, { 'content-type': 'application/x-ndjson' }, '/v1/jobs/batch');
    expect(body.trim().split('\n').map((line) => (JSON.parse(line) as { status: number }).status)).toEqual([202, 413, 202]);
  });

  it('54 a batch that falls silent ends with a line that says so', async () => {
    const answer = await raw((write) => {
      const line = `${job()}\n`;
      write(`POST /v1/jobs/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${line.length.toString(16)}\r\n${line}\r\n`);
      return undefined;
    });
    expect(answer).toContain('"line":1,"status":202');
    expect(answer).toContain('"line":0,"status":408');
  });

  it('71 a client that is gone before the answer finds its job under its key', async () => {
    const body = job({}, order(71));
    const hold = stage.cluster.faults.onProduce(() => ({ type: 'delay-ack', byMs: 300 }));
    const gone = new AbortController();
    const first = fetch(`${stage.url}/v1/jobs`, { method: 'POST', signal: gone.signal, headers: { 'content-type': 'application/json', 'idempotency-key': 'gone' }, body }).catch(() => 'gone');
    await until(() => stage.door.pendingJobs > 0, 'the job to be under way');
    gone.abort();
    expect(await first).toBe('gone');
    const again = await send(body, { 'idempotency-key': 'gone' });
    hold();
    expect(again.status, again.body).toBe(202);
    const { id } = JSON.parse(again.body) as { id: string };
    expect(stage.records('orders').filter((record) => record.id === id)).toHaveLength(1);
  });
});
