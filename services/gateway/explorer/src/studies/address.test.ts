// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readQuery, writeQuery } from '../query';
import { readAddress } from './address';

describe('the address of a list', () => {
  it.each([
    ['patientId', '12345678901234567890'],
    ['patientId', '0012'],
    ['accession', '1e5'],
    ['date', '2024.10'],
    ['date', '2024'],
    ['q', 'true'],
    ['q', '"Doe"'],
    ['q', 'müller ct & more'],
  ])('has %s %s as it was written', (name, text) => {
    const written = `?${new URLSearchParams({ [name]: text })}`;
    expect(readAddress(readQuery(written))).toEqual({ [name]: text });
    expect(readAddress(readQuery(writeQuery({ [name]: text })))).toEqual({ [name]: text });
  });
});
