import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin, Broker } from '../../shared/kafka/port.ts';
import { provisionTopics } from '../../shared/kafka/provision.ts';
import { uniqueName } from '../topicNames.ts';
import type { Workload } from '../guarantees/process/workload.ts';
import { WitnessReader } from '../guarantees/witnessFile.ts';
import { chaosWorkload, nameChaosEntities } from './chaosKinds.ts';
import type { ChaosCluster } from './cluster/chaosCluster.ts';
import type { ClusterStage } from './cluster/clusterStage.ts';
import type { Dice } from './fault.ts';
import type { Journal } from './journal.ts';
import { Load } from './load/load.ts';
import type { ChaosOptions } from './options.ts';
import { openChaosRegistry, type ChaosRegistry } from './registry/chaosRegistry.ts';
import type { RegistryStage } from './registry/registryFaults.ts';
import { TopicControl } from './topics/topicControl.ts';
import type { TopicStage } from './topics/topicFaults.ts';
import { Fleet } from './worker/fleet.ts';
import type { WorkerStage } from './worker/workerStage.ts';
import { RoomWatch } from './watch/roomWatch.ts';

/** All that a chaos run's faults reach. */
export type Reach = ClusterStage & WorkerStage & RegistryStage & TopicStage;

export interface ChaosStage extends Reach {
  readonly workload: Workload;
  readonly load: Load;
  readonly witness: WitnessReader;
  readonly watch: RoomWatch;
  /** On the brokers' own addresses. */
  readonly broker: Broker;
  readonly admin: Admin;
  /** Ends workers and clients; the cluster is its owner's. */
  close(): Promise<void>;
}

const NEW_SCHEMA_EVERY_MS = 8000;

/** Sets the stage: topics, workers behind the proxies, a load that is not started yet, and those who watch. */
export async function openChaosStage(options: ChaosOptions, cluster: ChaosCluster, realRegistryUrl: string, dataDir: string, dice: Dice, journal: Journal): Promise<ChaosStage> {
  const workload: Workload = { ...chaosWorkload, queue: uniqueName('chaos') };
  const { queue } = workload;
  const group = `millrace.${queue}`;
  await mkdir(dataDir, { recursive: true });
  const broker = createKafkajsBroker({ brokers: cluster.directBootstrap.split(',') });
  const admin = broker.createAdmin({ clientId: 'chaos' });
  const topics = new TopicControl(cluster.directBootstrap, queue, options.partitions);
  await provisionTopics(admin, [topics.topics]);
  const registry: ChaosRegistry = await openChaosRegistry(realRegistryUrl, () => dice.next());

  const witnessFile = join(dataDir, 'witness.jsonl');
  const descriptor = openSync(witnessFile, 'a+');
  const witness = new WitnessReader(descriptor);
  const fleet = new Fleet({
    size: options.workers,
    parameters: {
      brokers: cluster.bootstrap, registryUrl: registry.url, workload, witnessFile, mendedFile: join(dataDir, 'mended'),
      concurrency: 100, sessionTimeoutMs: options.sessionTimeoutMs, drainTimeoutMs: options.drainTimeoutMs, frontierPatienceMs: null,
    },
    tell: (line) => { journal.tell('worker', line); },
  });
  const load = new Load({
    brokers: cluster.bootstrap, registryUrl: realRegistryUrl, workload, entities: nameChaosEntities(options.entities), jobsPerSecond: options.jobsPerSecond,
    newSchemaEveryMs: NEW_SCHEMA_EVERY_MS, dice,
  });
  const watch = new RoomWatch({ broker, admin, queue, group, countLines: () => witness.read().length });
  return {
    cluster, queue, group, fleet, registry, topics, workload, load, witness, watch, broker, admin,
    async close() {
      await fleet.close();
      await registry.close();
      await topics.close();
      await admin.close();
      closeSync(descriptor);
    },
  };
}
