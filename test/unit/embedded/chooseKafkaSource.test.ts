import { expect, test } from 'vitest';
import { chooseKafkaSource, waysToGetKafka, type FoundForKafka, type KafkaSource } from '../../../shared/embedded/chooseKafkaSource.ts';

const nothing: FoundForKafka = { givenBrokers: undefined, dockerImage: undefined, javaMajor: undefined, hasMaven: false, hasJars: false };
const everything: FoundForKafka = { givenBrokers: 'a:1,b:2', dockerImage: 'apache/kafka:1', javaMajor: 17, hasMaven: true, hasJars: true };

const table: ReadonlyArray<[string, FoundForKafka, KafkaSource]> = [
  ['a Kafka that was named wins over all else', everything, { kind: 'given', brokers: 'a:1,b:2' }],
  ['an empty KAFKA_BROKERS names none', { ...everything, givenBrokers: ' ' }, { kind: 'docker', image: 'apache/kafka:1' }],
  ['an image on disk wins over the jars', { ...everything, givenBrokers: undefined }, { kind: 'docker', image: 'apache/kafka:1' }],
  ['Java 17 and Maven get the jars', { ...nothing, javaMajor: 17, hasMaven: true }, { kind: 'jars' }],
  ['a newer Java will do', { ...nothing, javaMajor: 25, hasMaven: true }, { kind: 'jars' }],
  ['jars on disk need no Maven', { ...nothing, javaMajor: 17, hasJars: true }, { kind: 'jars' }],
  ['Java without Maven or jars gets nowhere', { ...nothing, javaMajor: 17 }, { kind: 'none' }],
  ['an old Java gets nowhere', { ...nothing, javaMajor: 11, hasMaven: true, hasJars: true }, { kind: 'none' }],
  ['Maven without Java gets nowhere', { ...nothing, hasMaven: true }, { kind: 'none' }],
  ['nothing gets nowhere', nothing, { kind: 'none' }],
];

test.each(table)('%s', (_, found, expected) => {
  expect(chooseKafkaSource(found)).toEqual(expected);
});

test('a person without anything is told each way on a line of its own', () => {
  const lines = waysToGetKafka('apache/kafka:1').split('\n');
  expect(lines.filter((line) => /Java 17 and Maven|docker pull apache\/kafka:1|KAFKA_BROKERS/.test(line))).toHaveLength(3);
});
