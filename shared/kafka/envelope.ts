/**
 * The envelope: what the headers of a record say about its job. CloudEvents 1.0, Kafka binding, binary mode, and our own `mr_*`.
 *
 * Readers never throw, whatever a producer wrote, and cost nothing for what is not asked. What is unusable counts as absent, and
 * then a default stands in; where that is a choice, it is said at the reader. Of a header that comes several times, the first counts.
 */
export * from '../jobs/redriveKey.ts';
export * from './envelope/buriedRecord.ts';
export * from './envelope/carriedHeaders.ts';
export * from './envelope/failureHeader.ts';
export * from './envelope/headerNames.ts';
export * from './envelope/jobHeaders.ts';
export * from './envelope/origin.ts';
export * from './envelope/readRetryRecord.ts';
export * from './envelope/retryRecord.ts';
