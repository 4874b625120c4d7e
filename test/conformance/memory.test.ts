import { describeBrokerConformance } from './broker.ts';
import { createMemoryStage } from './memoryStage.ts';

let seed = 0;
describeBrokerConformance('the in-memory driver', () => Promise.resolve(createMemoryStage(seed += 1)));
