import { Worker } from 'node:worker_threads';
import type { PlantedFind, PlantedTask } from './plantedBug.worker.ts';

/** Searches in a thread of its own, whose copy of the code has the bug. */
export function findPlantedBug(task: PlantedTask): Promise<PlantedFind> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('plantedBug.worker.ts', import.meta.url), { workerData: task, execArgv: ['--no-warnings'] });
    thread.once('message', (found: PlantedFind) => { void thread.terminate().then(() => { resolve(found); }); });
    thread.once('error', reject);
  });
}
