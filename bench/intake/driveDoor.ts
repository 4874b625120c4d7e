import { connect, type Socket } from 'node:net';
import { benchPayload } from '../jobs/benchPayload.ts';

export interface Drive {
  readonly accepted: number;
  readonly refused: number;
  readonly seconds: number;
  /** Of single posts, ms. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Posts jobs over `concurrency` connections, each of which waits for its answer before it asks again. Bytes are written and read by hand: the
 * driver shares the machine with what it measures, so it must cost little.
 */
export async function driveSingles(address: string, jobs: number, concurrency: number, keyed: boolean): Promise<Drive> {
  const { hostname, port, host } = new URL(address);
  const latencies: number[] = [];
  let next = 0;
  let refused = 0;
  const run = Date.now().toString(36);
  const request = (sequence: number): string => {
    const body = JSON.stringify({ kind: 'bench.order', payload: benchPayload(sequence) });
    return `POST /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${keyed ? `Idempotency-Key: ${run}-${sequence}\r\n` : ''}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, () => new Promise<void>((resolve, reject) => {
    const socket: Socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    let sentAt = 0;
    let text = '';
    const send = (): void => {
      if (next >= jobs) {
        socket.end();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(request(next++));
    };
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      if (text.startsWith('HTTP/1.1 202')) latencies.push(performance.now() - sentAt);
      else refused += 1;
      text = '';
      send();
    });
    socket.on('error', reject);
    socket.on('connect', send);
  })));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  return { accepted: latencies.length, refused, seconds, p50: at(0.5), p99: at(0.99) };
}

/** Posts jobs in batches, one after the other on each of `concurrency` connections. */
export async function driveBatches(address: string, jobs: number, batch: number, concurrency: number): Promise<Drive> {
  let next = 0;
  let accepted = 0;
  let refused = 0;
  const latencies: number[] = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < jobs) {
      const from = next;
      next = Math.min(jobs, next + batch);
      const lines = Array.from({ length: next - from }, (_, index) => JSON.stringify({ kind: 'bench.order', payload: benchPayload(from + index) }));
      const sentAt = performance.now();
      const response = await fetch(`${address}/v1/jobs/batch`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: lines.join('\n') });
      for (const line of (await response.text()).trim().split('\n')) {
        if (line.includes('"status":202')) accepted += 1;
        else refused += 1;
      }
      latencies.push(performance.now() - sentAt);
    }
  }));
  latencies.sort((a, b) => a - b);
  return { accepted, refused, seconds: (performance.now() - started) / 1000, p50: latencies[Math.floor(latencies.length / 2)] ?? NaN, p99: latencies.at(-1) ?? NaN };
}
