import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeFailure } from '../jobs/describeFailure.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { reportHealth, type HealthCheck } from './health.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import { createService, type Service } from './service.ts';

export interface HttpEndpointOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, 'render'>;
  /** Restart the process when one of these fails. */
  readonly live: readonly HealthCheck[];
  /** Count on the process when none of these fails. */
  readonly ready: readonly HealthCheck[];
  readonly logger: Logger;
}

/** Answers `GET /metrics`, `/livez` and `/readyz`: 200, or 503 with the reasons as JSON. */
export interface HttpEndpoint {
  /** @returns the port. @throws MillraceError BAD_CONFIG when the address cannot be listened on */
  start(): Promise<number>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export function createHttpEndpoint({ host, port, metrics, live, ready, logger }: HttpEndpointOptions): HttpEndpoint {
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    switch (path) {
      case '/metrics': {
        const { contentType, text } = await metrics.render();
        return send(response, 200, contentType, text);
      }
      case '/livez':
      case '/readyz': {
        const report = reportHealth(path === '/livez' ? live : ready);
        return send(response, report.ok ? 200 : 503, 'application/json', `${JSON.stringify(report)}\n`);
      }
      default:
        return send(response, 404, 'text/plain', 'There are /metrics, /livez and /readyz.\n');
    }
  };

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000, connectionsCheckingInterval: 5000, maxHeaderSize: 8192 }, (request, response) => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'Only GET.\n');
    const path = (request.url ?? '/').replace(/\?.*$/s, '');
    answer(path, response).catch((error: unknown) => {
      logger.error({ err: error, path }, 'an HTTP answer failed');
      if (!response.headersSent) send(response, 500, 'text/plain', 'It failed; see the log.\n');
      else response.destroy();
    });
  });
  server.maxConnections = 100;
  let stopping: Promise<void> | null = null;

  return {
    start: () => listen(server, host, port),
    stop() {
      stopping ??= new Promise<void>((resolve) => {
        server.close(() => { resolve(); });
        server.closeAllConnections();
      });
      return stopping;
    },
  };
}

/** The endpoint as a service of its process, which comes first: it answers while the others are still starting. */
export function createEndpointService(options: HttpEndpointOptions): Service {
  const endpoint = createHttpEndpoint(options);
  return createService('http', {
    start: async () => { options.logger.info({ host: options.host, port: await endpoint.start() }, 'serving /metrics, /livez and /readyz'); },
    stop: () => endpoint.stop(),
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const { code } = describeFailure(cause, 0);
      reject(new MillraceError('BAD_CONFIG', { at: `${host}:${port}`, expected: 'an address to listen on', got: code, fix: 'Set MILLRACE_HTTP_HOST and MILLRACE_HTTP_PORT', cause }));
    });
    server.listen(port, host, () => { resolve((server.address() as AddressInfo).port); });
  });
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' });
  response.end(text);
}
