import fc from 'fast-check';
import { AssignerProtocol } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from '../../../../shared/kafka/kafkajs/group/memberData.ts';

const subscription = (userData: string): Buffer => AssignerProtocol.MemberMetadata.encode({ version: 1, topics: ['t'], userData: Buffer.from(userData) });

describe('what members and leader tell each other', () => {
  it('brings topics, claim and generation to the leader', () => {
    expect(decodeSubscription('m', encodeSubscription(['a', 'b'], { owned: [0, 4], generation: 12, retiring: true }))).toEqual({ topics: ['a', 'b'], claim: { memberId: 'm', owned: [0, 4], generation: 12, retiring: true }, kinds: null });
  });

  it('tells which kinds the member runs: all of them, or none where they are too many', () => {
    const claim = { owned: [], generation: -1, retiring: false };
    expect(decodeSubscription('m', encodeSubscription(['a'], claim, ['mail.send', 'order.charge'])).kinds).toEqual(['mail.send', 'order.charge']);
    expect(decodeSubscription('m', encodeSubscription(['a'], claim, Array.from({ length: 2000 }, (_, index) => `kind-${index}`))).kinds).toBeNull();
  });

  it('brings the share to the member, and shows it for each topic to whoever describes the group', () => {
    const bytes = encodeAssignment(['a', 'b'], { partitions: [1, 3], voided: [2] });
    expect(decodeAssignment(bytes)).toEqual({ partitions: [1, 3], voided: [2] });
    expect(AssignerProtocol.MemberAssignment.decode(bytes)?.assignment).toEqual({ a: [1, 3], b: [1, 3] });
  });

  it('understands a later version by the fields it knows', () => {
    expect(decodeSubscription('m', subscription('{"v":9,"owned":[2],"generation":5,"zone":"x"}')).claim).toEqual({ memberId: 'm', owned: [2], generation: 5, retiring: false });
  });

  it.each(['', 'not json', '[]', 'null', '{"owned":"all"}', '{"owned":[-1,"x",1.5,null],"generation":"high","retiring":1,"kinds":["a",1]}'])('takes user data %j for no claim', (userData) => {
    expect(decodeSubscription('m', subscription(userData))).toEqual({ topics: ['t'], claim: { memberId: 'm', owned: [], generation: -1, retiring: false }, kinds: null });
  });

  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(decodeSubscription('m', Buffer.from(bytes)).claim.memberId).toBe('m');
      expect(Array.isArray(decodeAssignment(Buffer.from(bytes)).partitions)).toBe(true);
    }));
  });

  it('takes no assignment for an empty share', () => {
    expect(decodeAssignment(null)).toEqual({ partitions: [], voided: [] });
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [], voided: [] });
  });
});
