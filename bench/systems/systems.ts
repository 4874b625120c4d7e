import type { System } from './system.ts';

/** Loaded by name, so that a process carries the packages of its own contestant alone. */
const loaders = {
  'millrace': async () => (await import('./millrace.ts')).millrace,
  'raw': async () => (await import('./rawKafkajs.ts')).rawKafkajs,
  'bullmq': async () => (await import('./bullmq.ts')).bullmq,
  'bullmq-aof': async () => (await import('./bullmq.ts')).bullmqAof,
  'graphile': async () => (await import('./graphile.ts')).graphile,
  'pgboss': async () => (await import('./pgboss.ts')).pgboss,
} satisfies Readonly<Record<string, () => Promise<System>>>;

export type SystemName = keyof typeof loaders;

export function loadSystem(name: SystemName): Promise<System> {
  return loaders[name]();
}
