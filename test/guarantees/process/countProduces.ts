import { connect, type Socket } from 'node:net';
import type { SocketFactory } from '../../../shared/kafka/kafkajs/internals.ts';

const PRODUCE = 0;
const KEEP_ALIVE_DELAY_MS = 60_000;

/** Sockets that tell of each Produce request which topics are in it, by looking at the bytes that go out. */
export function countProduces(topics: readonly string[], produced: (topic: string) => void): SocketFactory {
  // A topic's name is led by its length, so that the main topic's is not found in those of the others.
  const names = topics.map((topic) => ({ topic, bytes: Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 0xff]), Buffer.from(topic)]) }));
  return ({ host, port, onConnect }) => {
    const socket: Socket = connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    const write = socket.write.bind(socket);
    socket.write = ((data: unknown, ...rest: []) => {
      // KafkaJS writes a request at once: four bytes of length, then two of its kind.
      if (Buffer.isBuffer(data) && data.length > 6 && data.readInt16BE(4) === PRODUCE) {
        for (const { topic, bytes } of names) if (data.includes(bytes)) produced(topic);
      }
      return write(data as never, ...rest);
    });
    return socket;
  };
}
