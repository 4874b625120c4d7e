import { connect } from 'node:net';

/** What a broker says about its cluster. */
export interface ClusterAnswer {
  readonly clusterId: string | null;
  /** Ids of the brokers that are registered and not fenced: those that serve. */
  readonly brokerIds: readonly number[];
  /** -1 while there is none. */
  readonly controllerId: number;
}

const METADATA_API_KEY = 3;
const METADATA_VERSION = 2;
const MAX_ANSWER_BYTES = 1_000_000;

/**
 * Asks one broker of 127.0.0.1 who it is, by one Metadata request (version 2, no topics) on a connection of its own.
 * Undefined when it does not answer within `timeoutMs` or not in Kafka's protocol. A client library would do, but it
 * logs, retries and keeps state, where a start only wants to know: are you up, and are you the one I started?
 */
export async function askCluster(port: number, timeoutMs: number): Promise<ClusterAnswer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const chunks: Buffer[] = [];
    const finish = (answer: ClusterAnswer | undefined): void => { socket.destroy(); resolve(answer); };
    socket.setTimeout(timeoutMs, () => { finish(undefined); });
    socket.once('error', () => { finish(undefined); }).once('close', () => { resolve(undefined); });
    socket.once('connect', () => { socket.write(metadataRequest()); });
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      if (bytes.length < 4) return;
      const size = bytes.readInt32BE(0);
      if (size < 0 || size > MAX_ANSWER_BYTES) finish(undefined);
      else if (bytes.length >= 4 + size) finish(readAnswer(bytes.subarray(4, 4 + size)));
    });
  });
}

function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA_API_KEY, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return request;
}

function readAnswer(bytes: Buffer): ClusterAnswer | undefined {
  let at = 4; // after the correlation id
  const int32 = (): number => { at += 4; return bytes.readInt32BE(at - 4); };
  const text = (): string | null => {
    const length = bytes.readInt16BE(at);
    at += 2 + Math.max(0, length);
    return length < 0 ? null : bytes.toString('utf8', at - length, at);
  };
  try {
    const brokerIds: number[] = [];
    for (let left = int32(); left > 0; left--) {
      brokerIds.push(int32());
      text(); // host
      int32(); // port
      text(); // rack
    }
    return { brokerIds, clusterId: text(), controllerId: int32() };
  } catch {
    return undefined; // a RangeError: whoever listens there is no broker
  }
}
