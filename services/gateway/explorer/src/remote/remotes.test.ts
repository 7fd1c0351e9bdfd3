// SPDX-License-Identifier: Apache-2.0
import { hashKey } from '@tanstack/react-query';
import { expect, it } from 'vitest';
import { remotesQuery as known } from '../network/remotes';
import { remotesQuery as toAsk } from './remotes';

it('keeps the archives apart from what the page of modalities has, and is told of its changes', () => {
  expect(hashKey(toAsk.queryKey)).not.toBe(hashKey(known.queryKey));
  expect(toAsk.queryKey.slice(0, known.queryKey.length)).toEqual([...known.queryKey]);
});
