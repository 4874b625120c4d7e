import { connect } from 'node:net';
import { createRegistry } from '../avro/registry.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';

const ASK_EVERY_MS = 500;
const CONNECT_TIMEOUT_MS = 2000;

/**
 * Waits until one of the brokers that `KAFKA_BROKERS` names takes connections: it may just be starting.
 * @throws MillraceError BROKER_UNAVAILABLE when none does within `timeoutMs`, BAD_CONFIG for what is no address
 */
export async function requireGivenKafka(brokers: string, clock: Clock, timeoutMs = 5000): Promise<void> {
  const addresses = brokers.split(',').map((one) => readAddress(one.trim()));
  const startMs = clock.monotonic();
  for (;;) {
    const failures = await Promise.all(addresses.map(tryToConnect));
    if (failures.includes(null)) return;
    if (clock.monotonic() - startMs > timeoutMs) {
      throw new MillraceError('BROKER_UNAVAILABLE', {
        at: `KAFKA_BROKERS ${brokers}`, expected: 'a broker that takes connections', got: failures[0]?.message, fix: 'Start it, or unset KAFKA_BROKERS to have one started here',
      });
    }
    await sleep(clock, ASK_EVERY_MS);
  }
}

/** Asks the registry that `SCHEMA_REGISTRY_URL` names. @throws MillraceError REGISTRY_UNAVAILABLE, BAD_CONFIG */
export async function requireGivenRegistry(url: string): Promise<void> {
  await createRegistry({ url }).latest('millrace.JobEvents');
}

function readAddress(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) throw new MillraceError('BAD_CONFIG', { at: 'KAFKA_BROKERS', expected: 'addresses such as "kafka-1:9092,kafka-2:9092"', got: text });
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}

/** Null when it did; the connection is closed again. */
function tryToConnect({ host, port }: { host: string; port: number }): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (failure: Error | null): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => { finish(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`)); });
    socket.once('connect', () => { finish(null); }).once('error', finish);
  });
}
