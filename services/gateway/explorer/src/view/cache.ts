// SPDX-License-Identifier: Apache-2.0
/** Frames that are in memory, within a budget: those far from the one that is looked at go first. */
import type { Arrived } from './frame';

export const BUDGET = 256 << 20;

export class FrameCache {
  private readonly frames = new Map<number, Arrived>();
  private bytes = 0;
  private readonly budget: number;

  constructor(budget = BUDGET) {
    this.budget = budget;
  }

  get(slice: number): Arrived | undefined {
    return this.frames.get(slice);
  }

  has(slice: number): boolean {
    return this.frames.has(slice);
  }

  /** Keep a frame. What is farthest from `current` goes, the frame itself where that is it.
   *
   * Gives how far the nearest that went was; infinite where none did.
   */
  add(frame: Arrived, current: number): number {
    const slice = frame.head.Slice;
    this.remove(slice);
    this.frames.set(slice, frame);
    this.bytes += sizeOf(frame);
    let nearest = Number.POSITIVE_INFINITY;
    while (this.bytes > this.budget && this.frames.size > 1) {
      const gone = this.farthest(current);
      nearest = Math.abs(gone - current);
      this.remove(gone);
    }
    return nearest;
  }

  remove(slice: number): void {
    const frame = this.frames.get(slice);
    if (!frame) return;
    this.frames.delete(slice);
    this.bytes -= sizeOf(frame);
  }

  clear(): void {
    this.frames.clear();
    this.bytes = 0;
  }

  /** How many frames of such a size there is room for. */
  room(frame: Arrived | undefined): number {
    return frame?.values ? Math.max(1, Math.floor(this.budget / sizeOf(frame))) : 1;
  }

  get size(): number {
    return this.frames.size;
  }

  private farthest(current: number): number {
    let [found, distance] = [current, -1];
    for (const slice of this.frames.keys()) {
      const away = Math.abs(slice - current);
      if (away > distance) [found, distance] = [slice, away];
    }
    return found;
  }
}

const sizeOf = (frame: Arrived) => (frame.values?.byteLength ?? 0) + 4096;
