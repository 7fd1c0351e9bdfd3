// SPDX-License-Identifier: Apache-2.0
/** How long to wait before asking again: each time twice as long as before. In milliseconds. */
export class Pauses {
  private pause: number;
  private next = 0;

  constructor(private readonly first: number) {
    this.pause = first;
  }

  /** Until the next time; nothing at first. */
  left(now: number): number {
    return Math.max(0, this.next - now);
  }

  asked(now: number): void {
    this.next = now + this.pause;
    this.pause *= 2;
  }

  forget(): void {
    this.pause = this.first;
    this.next = 0;
  }
}
