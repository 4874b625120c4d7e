/** Told what a scheduler does; for logs and metrics. Must not throw. */
export interface SchedulerObserver {
  /** This process is the active scheduler, or no longer. */
  active(is: boolean): void;
  /** Kafka has a run's job. @param lateMs after its tick (and jitter); null: it is no tick's */
  started(schedule: string, lateMs: number | null): void;
  /** Something failed that is tried again by itself. */
  trouble(error: unknown): void;
}

export const deafObserver: SchedulerObserver = { active: () => undefined, started: () => undefined, trouble: () => undefined };
