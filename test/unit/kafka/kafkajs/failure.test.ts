import { KafkaJSConnectionError, KafkaJSNonRetriableError } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../../shared/errors/MillraceError.ts';
import { code, errorOfCode, errorOfFailure } from '../../../../shared/kafka/kafkajs/failure.ts';

describe('what the driver makes of a failure', () => {
  it.each<[keyof typeof code, string, boolean]>([
    ['NOT_LEADER_OR_FOLLOWER', 'BROKER_UNAVAILABLE', true],
    ['NOT_ENOUGH_REPLICAS', 'BROKER_UNAVAILABLE', true],
    ['REQUEST_TIMED_OUT', 'BROKER_UNAVAILABLE', true],
    ['NOT_COORDINATOR', 'BROKER_UNAVAILABLE', true],
    ['KAFKA_STORAGE_ERROR', 'BROKER_UNAVAILABLE', true],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_MISSING', false],
    ['MESSAGE_TOO_LARGE', 'BROKER_RECORD_TOO_LARGE', false],
    ['RECORD_LIST_TOO_LARGE', 'BROKER_RECORD_TOO_LARGE', false],
    ['INVALID_RECORD', 'BROKER_REFUSED', false],
    ['INVALID_TOPIC', 'BROKER_REFUSED', false],
    ['OFFSET_METADATA_TOO_LARGE', 'BROKER_REFUSED', false],
    ['UNSUPPORTED_VERSION', 'BROKER_REFUSED', false],
  ])('%s becomes %s (worth a retry: %s)', (name, expected, retriable) => {
    expect(errorOfCode(code[name])).toMatchObject({ code: expected, retriable });
  });

  it.each([29, 30, 31, 44, 999])('code %i, which it knows nothing of, is a refusal', (unknown) => {
    expect(errorOfCode(unknown)).toMatchObject({ code: 'BROKER_REFUSED' });
  });

  it('leaves a MillraceError as it is', () => {
    const error = new MillraceError('TOPIC_DRIFT');
    expect(errorOfFailure(error)).toBe(error);
  });

  it.each<[string, unknown, string]>([
    ['a broken connection', new KafkaJSConnectionError('reset'), 'BROKER_UNAVAILABLE'],
    ['a protocol error', Object.assign(new Error('x'), { name: 'KafkaJSProtocolError', code: 29 }), 'BROKER_REFUSED'],
    ['wrong credentials', new KafkaJSNonRetriableError('SASL PLAIN authentication failed'), 'BROKER_REFUSED'],
    ['a connection error with a system code', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'BROKER_UNAVAILABLE'],
    ['a defect', new TypeError('undefined is not a function'), 'BROKER_UNAVAILABLE'],
    ['no error at all', 'text', 'BROKER_UNAVAILABLE'],
  ])('makes of %s what can be branched on, and keeps the cause', (_what, error, expected) => {
    expect(errorOfFailure(error, { at: 'here' })).toMatchObject({ code: expected, cause: error, detail: { at: 'here' } });
  });
});
