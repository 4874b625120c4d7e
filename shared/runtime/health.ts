/** What a check found; `reason` is for people, also when all is well ("6 partitions active"). */
export interface CheckResult {
  readonly ok: boolean;
  readonly reason: string;
}

/** One named question about the process. Must be cheap, and must not wait. */
export interface HealthCheck {
  readonly name: string;
  check(): CheckResult;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Asks every check; the whole is well when each is. A check that throws has failed. */
export function reportHealth(checks: readonly HealthCheck[]): HealthReport {
  const results = checks.map((each): [string, CheckResult] => {
    try {
      return [each.name, each.check()];
    } catch (error) {
      return [each.name, { ok: false, reason: `the check itself failed: ${error instanceof Error ? error.message : 'it threw'}` }];
    }
  });
  return { ok: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
}
