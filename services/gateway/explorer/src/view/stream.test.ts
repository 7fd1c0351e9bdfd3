// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FrameReader } from './stream';

function record(head: object, values: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(8 + text.length + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, values.length, true);
  bytes.set(text, 8);
  bytes.set(values, 8 + text.length);
  return bytes;
}

const head = { Slice: 3, Rows: 2, Columns: 2, Pixels: 'Int16' };
const values = new Uint8Array(new Int16Array([-1, 2, 300, -32768]).buffer);
const refused = { Slice: 4, Error: 'The decoder crashed' };
const stream = new Uint8Array([...record(head, values), ...record(refused)]);

describe('a stream of frames', () => {
  it.each([1, 3, 8, 9, 1000])('is the same in pieces of %i bytes', (size) => {
    const reader = new FrameReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) {
      found.push(...reader.push(stream.subarray(at, at + size)));
    }
    reader.end();
    expect(found.map((one) => one.head.Slice)).toEqual([3, 4]);
    expect([...(found[0]?.values ?? [])]).toEqual([-1, 2, 300, -32768]);
    expect(found[1]?.head.Error).toBe('The decoder crashed');
    expect(found[1]?.values).toBeNull();
  });

  it('gives each frame as soon as it is complete', () => {
    const reader = new FrameReader();
    const first = record(head, values).length;
    expect(reader.push(stream.subarray(0, first - 1))).toEqual([]);
    expect(reader.push(stream.subarray(first - 1, first))).toHaveLength(1);
  });

  it('tells when it broke off', () => {
    const reader = new FrameReader();
    reader.push(stream.subarray(0, stream.length - 1));
    expect(() => reader.end()).toThrow('broke off');
  });

  it('takes nothing else for one', () => {
    const text = new TextEncoder().encode('{"HttpStatus": 503, "Details": "…"}');
    expect(() => new FrameReader().push(text)).toThrow('no stream of frames');
    const short = record(head, values.subarray(0, 4));
    expect(() => new FrameReader().push(short)).toThrow('has 4 bytes');
  });
});
