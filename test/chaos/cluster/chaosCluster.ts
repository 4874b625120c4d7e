import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostProcess, Report } from '../../../shared/embedded/hostProcess.ts';
import { startKafkaCluster, type KafkaCluster } from '../../../shared/embedded/kafka.ts';
import { BrokerDisk } from './brokerDisk.ts';
import { FaultProxy } from './faultProxy.ts';

export const NODES = [1, 2, 3] as const;
/** The broker with a disk of its own. */
const DISK_NODE = 3;
const DISK_MB = 4096;

export interface ChaosClusterOptions {
  readonly host: HostProcess;
  /** Where Kafka's jars are. */
  readonly cacheDir: string;
  /** A folder of this run's own; removed with all in it by `close`. */
  readonly dataDir: string;
  /** Broker properties that win over the usual ones. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly report?: Report;
}

/** Three brokers of one cluster (replication 3, 2 in sync, offsets topic too), each with a proxy before its clients' listener. */
export interface ChaosCluster {
  /** Proxies' addresses, `host:port`, comma-separated: who begins here stays behind the proxies. */
  readonly bootstrap: string;
  /** The brokers' own addresses, for those who watch and must not be disturbed. */
  readonly directBootstrap: string;
  readonly kafka: KafkaCluster;
  /** By node id, 1 to 3. */
  proxy(nodeId: number): FaultProxy;
  /** The broker disk that can be filled, and whose it is; null where this machine does not allow to mount one. */
  readonly disk: { readonly nodeId: number; readonly disk: BrokerDisk } | null;
  /** Why {@link disk} is null. */
  readonly noDiskBecause: string | null;
  /** Nodes that a fault has hold of: the next one chooses among the others. */
  readonly afflicted: Set<number>;
  /** Stops all, and removes the data. */
  close(): Promise<void>;
}

/** Starts it; resolves when every broker serves. */
export async function openChaosCluster(options: ChaosClusterOptions): Promise<ChaosCluster> {
  const { dataDir } = options;
  const proxies = new Map<number, FaultProxy>();
  for (const nodeId of NODES) proxies.set(nodeId, await FaultProxy.open());
  const proxy = (nodeId: number): FaultProxy => {
    const found = proxies.get(nodeId);
    if (found === undefined) throw new RangeError(`no broker ${nodeId}`);
    return found;
  };

  let disk: BrokerDisk | null = null;
  let noDiskBecause: string | null = null;
  try {
    disk = await BrokerDisk.mount(options.host, join(dataDir, `broker-${DISK_NODE}`, 'log'), DISK_MB);
  } catch (error) {
    noDiskBecause = error instanceof Error ? error.message : String(error);
  }
  const tidyUp = async (): Promise<void> => {
    for (const each of proxies.values()) each.close();
    await disk?.unmount();
    await rm(dataDir, { recursive: true, force: true });
  };

  let kafka: KafkaCluster;
  try {
    kafka = await startKafkaCluster({
      ...options,
      port: 0,
      brokers: NODES.length,
      // Leadership that a fault took from a broker goes back to it soon, or the next one strikes a broker that leads nothing.
      properties: { 'leader.imbalance.check.interval.seconds': '5', ...options.properties },
      front: (nodeId, port) => {
        proxy(nodeId).lead(port);
        return Promise.resolve(proxy(nodeId).port);
      },
    });
  } catch (error) {
    await tidyUp();
    throw error;
  }
  return {
    bootstrap: NODES.map((nodeId) => `127.0.0.1:${proxy(nodeId).port}`).join(','),
    directBootstrap: kafka.brokers,
    kafka,
    proxy,
    disk: disk === null ? null : { nodeId: DISK_NODE, disk },
    noDiskBecause,
    afflicted: new Set(),
    async close() {
      await kafka.stop();
      await tidyUp();
    },
  };
}
