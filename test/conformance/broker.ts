import { describe, it } from 'vitest';
import { describeAdmin } from './admin.ts';
import { describeCommits } from './commits.ts';
import { describeFetching } from './fetching.ts';
import { describeHandover } from './handover.ts';
import { describeMembership } from './membership.ts';
import { describeProducing } from './producing.ts';
import { describeRoundTrip } from './roundTrip.ts';
import { openScene, type Scene } from './scene.ts';
import type { BrokerStage } from './stage.ts';

/** Declares one test that gets a scene of its own and closes it, whatever happens. */
export type Scenario = (title: string, play: (scene: Scene) => Promise<void>) => void;

/**
 * What `shared/kafka/port.ts` promises, as tests. Every driver of the port passes all of them. `concurrent`: several scenes play at once, for
 * stages on which time is real and mostly waited for.
 */
export function describeBrokerConformance(name: string, createStage: () => Promise<BrokerStage>, { concurrent }: { readonly concurrent: boolean } = { concurrent: false }): void {
  const scenario: Scenario = (title, play) => {
    it(title, async () => {
      const scene = openScene(await createStage());
      try {
        await play(scene);
      } catch (error) {
        // The test's own failure tells more than what goes wrong in closing after it.
        await scene.close().catch(() => undefined);
        throw error;
      }
      await scene.close();
    });
  };
  describe(name, { concurrent }, () => {
    describe('a producer', () => { describeProducing(scenario); });
    describe('a record', () => { describeRoundTrip(scenario); });
    describe('fetching', () => { describeFetching(scenario); });
    describe('membership', () => { describeMembership(scenario); });
    describe('a handover', () => { describeHandover(scenario); });
    describe('a commit', () => { describeCommits(scenario); });
    describe('the admin', () => { describeAdmin(scenario); });
  });
}
