import { describeBrokerConformance } from './broker.ts';
import { describeCoordinator } from './coordinator.ts';
import { createMemoryCoordinator } from './memoryCoordinator.ts';
import { createMemoryStage } from './memoryStage.ts';

let seed = 0;
describeBrokerConformance('the in-memory driver', () => Promise.resolve(createMemoryStage(seed += 1)));
describeCoordinator('the simulated coordinator', () => Promise.resolve(createMemoryCoordinator()));
