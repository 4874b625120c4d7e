import type { ClientMode, ClientTold } from '../children/clientPlan.ts';
import type { Load } from '../jobs/load.ts';
import { startChild } from '../process/child.ts';
import { cpuSecondsOf } from '../process/cpu.ts';
import type { Place, Settings } from '../systems/system.ts';
import type { SystemName } from '../systems/systems.ts';

export interface Enqueued extends Omit<Extract<ClientTold, { type: 'figures' }>, 'type'> {
  /** Of the server meanwhile; null: it is not ours. */
  readonly serverCpuSeconds: number | null;
}

/** Enqueues a load from a process of its own, which is connected before the clock starts. */
export async function enqueueLoad(options: {
  readonly system: SystemName; readonly place: Place; readonly load: Load; readonly settings: Settings; readonly mode: ClientMode; readonly serverPid: number | null;
}): Promise<Enqueued> {
  const { serverPid, ...plan } = options;
  const child = startChild<ClientTold>('children/client.main.ts', { ...plan });
  try {
    await child.hear('ready');
    const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
    child.send({ type: 'go' });
    const { type: _, ...figures } = await child.hear('figures');
    const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
    child.send({ type: 'stop' });
    return { ...figures, serverCpuSeconds: before === null || after === null ? null : after - before };
  } finally {
    await child.dismiss();
  }
}
