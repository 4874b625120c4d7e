import { request, type Cluster } from '../cluster.ts';
import { errorOfCode, isStaleCoordinatorCode } from '../failure.ts';
import type { Link } from '../link.ts';
import type { FindCoordinatorReply } from '../replies.ts';

/** The broker that keeps a group's members and offsets, as far as it is known. */
export class Coordinator {
  readonly #cluster: Cluster;
  readonly #group: string;
  #nodeId: number | null = null;

  constructor(cluster: Cluster, group: string) {
    this.#cluster = cluster;
    this.#group = group;
  }

  /**
   * A link to it. Joins have one of their own, which is theirs to close; `group` is for what is answered quickly.
   * @throws MillraceError BROKER_UNAVAILABLE, BROKER_REFUSED
   */
  async link(purpose: 'join' | 'group'): Promise<Link> {
    if (this.#nodeId === null) {
      const reply = await request<FindCoordinatorReply>(await this.#cluster.anyLink('control'), 'GroupCoordinator', { groupId: this.#group });
      if (reply.errorCode !== 0) throw errorOfCode(reply.errorCode, { at: `coordinator of ${this.#group}` });
      this.#nodeId = reply.coordinator.nodeId;
    }
    try {
      return await this.#cluster.link(this.#nodeId, purpose);
    } catch (error) {
      this.#nodeId = null;
      await this.#cluster.refresh();
      throw error;
    }
  }

  /** Asks the broker that is taken for it. @returns whether it is another by now; the next link goes there */
  async hasMoved(): Promise<boolean> {
    const reply = await request<FindCoordinatorReply>(await this.link('group'), 'GroupCoordinator', { groupId: this.#group });
    if (reply.errorCode !== 0 || reply.coordinator.nodeId === this.#nodeId) return false;
    this.#nodeId = null;
    return true;
  }

  /** A reply of it said this; if it says that it is not the coordinator, the next link looks for the one that is. */
  heard(errorCode: number): void {
    if (isStaleCoordinatorCode(errorCode)) this.#nodeId = null;
  }
}
