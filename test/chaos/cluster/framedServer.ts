import { connect, createServer, type Socket } from 'node:net';
import { FrameCutter } from './kafkaFrames.ts';

/** A stand-in for a broker: answers each framed request with its body. */
export interface FramedServer {
  readonly port: number;
  /** Bodies of the requests that arrived, in order. */
  readonly seen: string[];
  /** What became of connections: `end` (end of file), `error <code>`. */
  readonly story: string[];
  close(): void;
}

export async function openFramedServer(): Promise<FramedServer> {
  const seen: string[] = [];
  const story: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    readFrames(socket, 'requests', (correlationId, body) => {
      seen.push(body);
      if (socket.writable) socket.write(frame([], correlationId, body));
    });
    socket.on('error', (error) => { story.push(`error ${'code' in error ? String(error.code) : error.message}`); });
    socket.on('end', () => { story.push('end'); });
  });
  await new Promise<void>((resolve) => { server.listen({ port: 0, host: '127.0.0.1' }, resolve); });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen,
    story,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A client of it, over one connection. */
export interface FramedClient {
  readonly replies: string[];
  readonly story: string[];
  ask(body: string, apiKey?: number): void;
  close(): void;
}

/** @throws when it is refused */
export async function openFramedClient(port: number): Promise<FramedClient> {
  const replies: string[] = [];
  const story: string[] = [];
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => { socket.once('connect', resolve).once('error', reject); });
  socket.on('error', (error) => { story.push(`error ${'code' in error ? String(error.code) : error.message}`); });
  socket.on('end', () => { story.push('end'); });
  readFrames(socket, 'replies', (_, body) => { replies.push(body); });
  let correlationId = 0;
  return {
    replies,
    story,
    ask(body, apiKey = 3) { socket.write(frame([apiKey, 0], ++correlationId, body)); },
    close() { socket.destroy(); },
  };
}

/** As Kafka frames them: length, in a request the api's key and version, correlation id, body. */
export function frame(api: readonly number[], correlationId: number, body: string): Buffer {
  const bytes = Buffer.alloc(8 + 2 * api.length + Buffer.byteLength(body));
  bytes.writeInt32BE(bytes.length - 4, 0);
  api.forEach((number, index) => bytes.writeInt16BE(number, 4 + 2 * index));
  bytes.writeInt32BE(correlationId, 4 + 2 * api.length);
  bytes.write(body, 8 + 2 * api.length);
  return bytes;
}

function readFrames(socket: Socket, of: 'requests' | 'replies', take: (correlationId: number, body: string) => void): void {
  const cutter = new FrameCutter(of);
  const headBytes = of === 'requests' ? 12 : 8;
  let pieces: Buffer[] = [];
  let correlationId = 0;
  socket.on('data', (chunk: Buffer) => {
    for (const { bytes, head, last } of cutter.cut(chunk)) {
      if (head !== null) ({ correlationId } = head);
      pieces.push(bytes);
      if (!last) continue;
      take(correlationId, Buffer.concat(pieces).toString('utf8', headBytes));
      pieces = [];
    }
  });
}
