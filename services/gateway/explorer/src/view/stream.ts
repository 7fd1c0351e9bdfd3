// SPDX-License-Identifier: Apache-2.0
/** Frames out of the bytes of a stream, however these are cut into pieces. */
import { type Arrived, framed, type Head, type Refused } from './frame';

const LENGTHS = 8;
const LONGEST_HEAD = 64 << 20;

export class FrameReader {
  /** What of a record has come: lengths, then its head, then its values. */
  private lengths = new Uint8Array(LENGTHS);
  private headBytes: Uint8Array<ArrayBuffer> | null = null;
  private values: Uint8Array<ArrayBuffer> | null = null;
  private head: Head | Refused | null = null;
  private filled = 0;

  /** The frames that are complete with these bytes. Raises `Error` for what is no record. */
  push(bytes: Uint8Array): Arrived[] {
    const found: Arrived[] = [];
    let at = 0;
    while (at < bytes.length || this.isComplete()) {
      if (this.isComplete()) {
        const frame = this.advance();
        if (frame) found.push(frame);
        continue;
      }
      const part = this.part();
      const taken = Math.min(part.length - this.filled, bytes.length - at);
      part.set(bytes.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
    }
    return found;
  }

  /** Raises `Error` where the stream ended within a record. */
  end(): void {
    if (this.headBytes || this.filled) throw new Error('the stream of frames broke off');
  }

  private part(): Uint8Array {
    return this.values ?? this.headBytes ?? this.lengths;
  }

  private isComplete(): boolean {
    return this.filled === this.part().length;
  }

  /** Go on to the next part; the frame, after its last one. */
  private advance(): Arrived | null {
    this.filled = 0;
    if (!this.headBytes) {
      const length = new DataView(this.lengths.buffer).getUint32(0, true);
      if (length === 0 || length > LONGEST_HEAD) throw new Error('this is no stream of frames');
      this.headBytes = new Uint8Array(length);
      return null;
    }
    if (!this.values || !this.head) {
      this.head = JSON.parse(new TextDecoder().decode(this.headBytes)) as Head | Refused;
      const length = new DataView(this.lengths.buffer).getUint32(4, true);
      this.values = new Uint8Array(length);
      return null;
    }
    const frame = framed(this.head, this.values);
    this.headBytes = this.values = this.head = null;
    return frame;
  }
}
