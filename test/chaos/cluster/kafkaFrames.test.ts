import fc from 'fast-check';
import { expect, it } from 'vitest';
import { frame } from './framedServer.ts';
import { FrameCutter } from './kafkaFrames.ts';

const requests = fc.array(fc.record({ apiKey: fc.integer({ min: 0, max: 90 }), correlationId: fc.integer({ min: 0, max: 2 ** 31 - 1 }), body: fc.string({ maxLength: 40 }) }), { maxLength: 8 });
const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 });

it('finds every frame and loses no byte, however the network cut the stream', () => {
  fc.assert(fc.property(requests, cuts, fc.boolean(), (asked, sizes, areRequests) => {
    const whole = Buffer.concat(asked.map(({ apiKey, correlationId, body }) => frame(areRequests ? [apiKey, 7] : [], correlationId, body)));
    const cutter = new FrameCutter(areRequests ? 'requests' : 'replies');
    const pieces = [];
    for (let at = 0, n = 0; at < whole.length; n++) {
      const chunk = whole.subarray(at, at + (sizes[n % sizes.length] ?? 1));
      at += chunk.length;
      pieces.push(...cutter.cut(chunk));
    }
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes))).toEqual(whole);
    expect(pieces.flatMap(({ head }) => head ?? [])).toEqual(asked.map(({ apiKey, correlationId }) => ({ apiKey: areRequests ? apiKey : null, correlationId })));
    expect(pieces.filter(({ last }) => last)).toHaveLength(asked.length);
  }));
});
