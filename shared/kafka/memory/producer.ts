import { MillraceError } from '../../errors/MillraceError.ts';
import type { Broker, OutgoingRecord, Producer } from '../port.ts';
import type { Liveness } from './liveness.ts';
import { batchBytes } from './recordSize.ts';
import { createResponses } from './responses.ts';
import { createWire, type Wire } from './wire.ts';
import type { World } from './world.ts';

export function createMemoryProducer(world: World, broker: Broker, liveness: Liveness, clientId: string): Producer {
  const wires = new Map<string, Wire>();
  const ackAfter = createResponses(world.clock);
  const underWay = new Set<Promise<unknown>>();
  let state: 'new' | 'running' | 'closed' = 'new';
  let closing: Promise<void> | null = null;
  world.clients.push({ broker, clientId, liveness, memberId: () => null });
  world.onHooksChanged(() => { for (const wire of wires.values()) wire.retry(); });

  const wireTo = (topic: string, partition: number): Wire => {
    const name = `${topic}/${partition}`;
    let wire = wires.get(name);
    if (wire === undefined) wires.set(name, (wire = createWire(world.clock)));
    return wire;
  };

  /** @throws MillraceError when the brokers would not take it. */
  const append = (topic: string, partition: number, records: readonly OutgoingRecord[], timestampMs: number): number => {
    const target = world.topics.get(topic);
    const log = world.topics.log(topic, partition);
    const maxBytes = target.limit('max.message.bytes');
    for (const record of records) {
      if (batchBytes(record) > maxBytes) throw new MillraceError('BROKER_RECORD_TOO_LARGE', { at: `${topic}/${partition}`, expected: `at most ${maxBytes} bytes`, got: batchBytes(record) });
      if (target.compacted && record.key === null) throw new MillraceError('BROKER_REFUSED', { at: `${topic}/${partition}`, expected: 'a key on every record of a compacted topic', got: null });
    }
    const baseOffset = log.append(records, timestampMs);
    if (world.gapShare > 0 && world.random() < world.gapShare) log.skipOffsets(1);
    return baseOffset;
  };

  const send = (topic: string, partition: number, records: readonly OutgoingRecord[]): Promise<{ baseOffset: number }> => new Promise((resolve, reject) => {
    const timestampMs = world.clock.now();
    const unavailable = (): MillraceError => new MillraceError('BROKER_UNAVAILABLE', { at: `${topic}/${partition}` });
    const answer = (afterMs: number, result: { baseOffset: number } | Error): void => {
      ackAfter(afterMs, () => {
        if (liveness.state() === 'disconnected') reject(unavailable());
        else liveness.fromBroker(() => { if (result instanceof Error) reject(result); else resolve(result); });
      });
    };
    const appendLater = (afterMs: number): void => {
      world.clock.after(afterMs, () => {
        try { append(topic, partition, records, timestampMs); } catch { /* Nobody is left to be told. */ }
      });
    };
    let asked = false;
    const arrive = () => {
      const decision = asked ? undefined : world.produceHooks.decide({ clientId, topic, partition, records });
      if (decision?.type === 'stall') return 'stall';
      if (decision?.type === 'hold') {
        asked = true;
        return { holdMs: decision.forMs };
      }
      const ackMs = world.latencyMs('ack');
      if (decision?.type === 'refuse') answer(ackMs, new MillraceError(decision.code, { at: `${topic}/${partition}` }));
      else if (decision?.type === 'lose-ack' && decision.storeAfterMs > 0) {
        appendLater(decision.storeAfterMs);
        answer(ackMs, unavailable());
      } else {
        try {
          const baseOffset = append(topic, partition, records, timestampMs);
          if (decision?.type === 'duplicate') appendLater(decision.afterMs);
          answer(ackMs + (decision?.type === 'delay-ack' ? decision.byMs : 0), decision?.type === 'lose-ack' ? unavailable() : { baseOffset });
        } catch (error) { answer(ackMs, error as Error); }
      }
      return 'handled';
    };
    liveness.inProcess(() => {
      if (liveness.state() === 'disconnected') answer(world.latencyMs('produce'), unavailable());
      else wireTo(topic, partition).send(world.latencyMs('produce'), arrive);
    });
  });

  const notRunning = (): MillraceError => new MillraceError('NOT_RUNNING', { at: `producer ${clientId}`, got: state });
  const track = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    const forget = (): void => { underWay.delete(work); };
    work.then(forget, forget);
    return work;
  };

  return {
    async start() {
      if (state === 'closed') throw notRunning();
      await new Promise<void>((resolve) => { world.clock.after(world.latencyMs('admin'), () => { liveness.fromBroker(resolve); }); });
      if (state === 'new') state = 'running';
    },
    send: (topic, partition, records) => (state === 'running' ? track(send(topic, partition, records)) : Promise.reject(notRunning())),
    async partitionCount(topic) {
      if (state !== 'running') throw notRunning();
      await new Promise<void>((resolve) => { world.clock.after(world.latencyMs('admin'), () => { liveness.fromBroker(resolve); }); });
      return world.topics.get(topic).logs.length;
    },
    close() {
      state = 'closed';
      closing ??= Promise.allSettled(underWay).then(() => undefined);
      return closing;
    },
  };
}
