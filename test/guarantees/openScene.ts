import { inject, onTestFinished } from 'vitest';
import { Scene, type SceneOptions } from './scene.ts';

export { nameEntities } from './nameEntities.ts';

/** A scene on the test run's Kafka, closed when the test has ended. */
export async function openScene(options: Omit<SceneOptions, 'brokers' | 'registryUrl'> = {}): Promise<Scene> {
  const scene = await Scene.open({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), ...options });
  onTestFinished(() => scene.close());
  return scene;
}
