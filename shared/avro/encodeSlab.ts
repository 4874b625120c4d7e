import type { Type } from 'avsc';
import { HEADER_BYTES, writeHeader } from './wireFormat.ts';

/** Encodes framed values one behind the other into a shared slab: one allocation for many values. */
export interface EncodeSlab {
  /** The framed value, a view of the slab (or a buffer of its own when it is large). Whatever avsc throws passes through. */
  encode(type: Type, schemaId: number, payload: unknown): Buffer;
}

/** A value that outlives its neighbours keeps the whole slab alive, so slabs are small; a larger one was no faster. */
const SLAB_BYTES = 256 * 1024;

export function createEncodeSlab(slabBytes: number = SLAB_BYTES): EncodeSlab {
  let slab: Buffer = Buffer.alloc(0);
  let used = 0;
  return {
    encode(type, schemaId, payload) {
      if (slab.length - used < HEADER_BYTES) {
        slab = Buffer.allocUnsafeSlow(slabBytes);
        used = 0;
      }
      let target = slab;
      let start = used;
      let end = type.encode(payload, target, start + HEADER_BYTES);
      if (end < 0) {
        // avsc answers how many bytes were missing, so the second try fits.
        const needed = target.length - start - end;
        const own = needed > slabBytes / 4;
        target = Buffer.allocUnsafeSlow(own ? needed : slabBytes);
        start = 0;
        end = type.encode(payload, target, HEADER_BYTES);
        if (!own) slab = target;
      }
      writeHeader(target, start, schemaId);
      if (target === slab) used = end;
      return target.subarray(start, end);
    },
  };
}
