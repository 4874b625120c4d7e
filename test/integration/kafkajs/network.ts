import net from 'node:net';
import type { SocketFactory } from '../../../shared/kafka/kafkajs/internals.ts';

/** All connections that one broker object opens, with the faults that a test does to them. */
export interface Network {
  readonly socketFactory: SocketFactory;
  /** Breaks every connection; new ones may open. */
  breakAll(): void;
  /** Breaks every connection, and refuses new ones until {@link mend}. */
  cut(): void;
  mend(): void;
  /** What is open now stays open, but no answer comes through any more; requests still arrive. */
  mute(): void;
  opened(): number;
}

export function createNetwork(): Network {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  let opened = 0;
  const breakAll = (): void => { for (const socket of sockets) socket.destroy(new Error('the connection broke')); };
  return {
    socketFactory({ host, port, onConnect }) {
      const socket = net.connect({ host, port }, onConnect);
      opened += 1;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (isCut) socket.destroy(new Error('the network is cut'));
      return socket;
    },
    breakAll,
    cut() {
      isCut = true;
      breakAll();
    },
    mend() { isCut = false; },
    mute() { for (const socket of sockets) socket.pause(); },
    opened: () => opened,
  };
}
