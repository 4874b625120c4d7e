import { inject } from 'vitest';
import { describeBrokerConformance } from './broker.ts';
import { createKafkajsStage } from './kafkajsStage.ts';

const brokers = inject('brokers').split(',');
describeBrokerConformance('the KafkaJS driver', () => Promise.resolve(createKafkajsStage(brokers)));
