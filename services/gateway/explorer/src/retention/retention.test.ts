// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { previewOf } from './retention';

it('asks for no further page once nobody looks any more', async () => {
  const leaving = new AbortController();
  let asked = 0;
  vi.stubGlobal('fetch', async (_path: string, { signal }: RequestInit) => {
    asked += 1;
    if (asked === 3) leaving.abort();
    signal?.throwIfAborted();
    return Response.json({ Studies: [], Done: false, Last: asked });
  });
  await expect(previewOf('old', leaving.signal)).rejects.toThrow();
  expect(asked).toBe(3);
  vi.unstubAllGlobals();
});
