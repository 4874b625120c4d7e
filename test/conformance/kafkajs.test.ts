import { afterAll, beforeAll, inject } from 'vitest';
import { describeBrokerConformance } from './broker.ts';
import { describeCoordinator } from './coordinator.ts';
import { connectHands, createKafkajsStage, type Hands } from './kafkajsStage.ts';
import { connectCoordinator } from './realCoordinator.ts';

const brokers = inject('brokers').split(',');
let hands: Hands;
beforeAll(async () => { hands = await connectHands(brokers); });
afterAll(() => hands.close());

describeBrokerConformance('the KafkaJS driver', () => Promise.resolve(createKafkajsStage(brokers, hands)), { concurrent: true });
describeCoordinator('the broker', () => connectCoordinator(brokers));
