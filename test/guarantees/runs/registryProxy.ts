import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** `down`: connections are cut at once; `hanging`: requests are taken and never answered. */
export type RegistryState = 'up' | 'down' | 'hanging';

/** Stands before a schema registry, counts what it is asked, and can play its outage. */
export class RegistryProxy {
  /** Epoch ms of each request, or of each connection while it is down. */
  readonly askedMs: number[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #state: RegistryState = 'up';

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((incoming, reply) => { this.#answer(incoming, reply); });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => { this.#sockets.delete(socket); });
      socket.on('error', () => undefined);
      if (this.#state !== 'down') return;
      this.askedMs.push(Date.now());
      socket.destroy();
    });
  }

  static async open(registryUrl: string): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(new URL(registryUrl));
    await new Promise<void>((resolve) => { proxy.#server.listen(0, '127.0.0.1', resolve); });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#target.pathname}`;
  }

  /** Cuts the connections there are, so that the new state holds for everybody at once. */
  become(state: RegistryState): void {
    this.#state = state;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => { this.#server.close(resolve); });
  }

  #answer(incoming: IncomingMessage, reply: ServerResponse): void {
    this.askedMs.push(Date.now());
    if (this.#state === 'hanging') return;
    const { method, headers, url } = incoming;
    const forward = request({ host: this.#target.hostname, port: this.#target.port, path: url, method, headers: { ...headers, host: this.#target.host } }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    forward.on('error', () => { reply.destroy(); });
    incoming.pipe(forward);
  }
}
