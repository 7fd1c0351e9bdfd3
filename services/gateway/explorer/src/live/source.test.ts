// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DELAYS, SILENCE, Source, type Stream, type Told } from './source';

class Fake implements Stream {
  readyState = 0;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly address: string) {}

  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, listener);
  }

  send(name: string, data: unknown, lastEventId = ''): void {
    const event = { data: JSON.stringify(data), lastEventId } as MessageEvent<string>;
    this.listeners.get(name)?.(event);
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.send('error', null);
  }

  close(): void {
    this.closed = true;
  }
}

describe('the stream', () => {
  let opened: Fake[];
  let told: Told[];
  let source: Source;
  const latest = () => {
    const stream = opened.at(-1);
    if (!stream) throw new Error('nothing was opened');
    return stream;
  };
  const states = () => told.flatMap((one) => (one.kind === 'state' ? [one.state] : []));

  beforeEach(() => {
    vi.useFakeTimers();
    opened = [];
    told = [];
    source = new Source(
      (one) => told.push(one),
      (address) => {
        const stream = new Fake(address);
        opened.push(stream);
        return stream;
      },
    );
    source.start();
  });
  afterEach(() => {
    source.stop();
    vi.useRealTimers();
  });

  it('is one however often it is started', () => {
    source.start();
    expect(opened.map(({ address }) => address)).toEqual(['/explorer/api/events']);
  });

  it('goes on behind the last study where the store had refused', () => {
    latest().send('open', null);
    latest().send('study', { id: 'a' }, '7');
    latest().fail(2);
    expect(states()).toEqual(['open', 'refused']);
    vi.advanceTimersByTime(DELAYS[0] ?? 0);
    expect(latest().address).toBe('/explorer/api/events?since=7');
    latest().send('open', null);
    expect(states()).toEqual(['open', 'refused', 'open']);
  });

  it('tells of studies that are gone, and goes on where it was', () => {
    latest().send('study', { id: 'a' }, '7');
    latest().send('gone', { ids: ['a', 'b'] });
    expect(told.at(-1)).toEqual({ kind: 'gone', ids: ['a', 'b'] });
    vi.advanceTimersByTime(SILENCE + 1);
    expect(latest().address).toBe('/explorer/api/events?since=7');
  });

  it('goes on where it began, if no study has come yet', () => {
    latest().send('open', null);
    latest().send('beat', {}, '21');
    vi.advanceTimersByTime(SILENCE + 1);
    expect(latest().address).toBe('/explorer/api/events?since=21');
  });

  it('asks less often the longer it is refused, and never twice at once', () => {
    for (const delay of [...DELAYS, 5_000]) {
      latest().fail(2);
      const before = opened.length;
      vi.advanceTimersByTime(delay - 1);
      expect(opened.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(opened.length).toBe(before + 1);
    }
    expect(opened.filter(({ closed }) => !closed).length).toBe(1);
  });

  it('leaves it to the browser to come back where the connection was cut', () => {
    latest().fail(0);
    vi.advanceTimersByTime(SILENCE - 1);
    expect([states(), opened.length]).toEqual([['paused'], 1]);
  });

  it('is opened anew when nothing is heard, and not as long as it beats', () => {
    latest().send('open', null);
    for (let beat = 0; beat < 10; beat += 1) {
      vi.advanceTimersByTime(SILENCE - 1);
      latest().send('beat', {});
    }
    expect(opened.length).toBe(1);
    vi.advanceTimersByTime(SILENCE + 1);
    expect([opened.length, opened[0]?.closed]).toEqual([2, true]);
    expect(states()).toEqual(['open', 'paused']);
  });

  it('does not come back when nobody listens any more', () => {
    latest().fail(2);
    source.stop();
    vi.advanceTimersByTime(10 * SILENCE);
    expect(opened.length).toBe(1);
  });
});
