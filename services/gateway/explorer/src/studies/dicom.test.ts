// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { timeFormat } from '../formats';
import { prefer } from '../preferences';
import { dateText, dateTimeText, personName, sizeText } from './dicom';

describe('names of persons', () => {
  it.each([
    ['Müller^Anna', 'Müller, Anna'],
    ['Adams^John Robert Quincy^^Rev.^B.A. M.Div.', 'Adams, Rev. John Robert Quincy B.A. M.Div.'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada, Tarou  山田 太郎'],
    ['^Given', 'Given'],
    ['ANON', 'ANON'],
    ['', ''],
  ])('%s', (raw, shown) => expect(personName(raw)).toBe(shown));
});

describe('dates', () => {
  it('are those of the language', () => {
    expect(dateText('20260514', 'de-DE')).toBe('14.05.2026');
    expect(dateTimeText('20260514', '101233.5', 'en-GB')).toBe('14/05/2026 10:12');
    expect(dateTimeText('20260514', '', 'de-DE')).toBe('14.05.2026');
  });
  it('are those of ISO 8601 in every language where that is preferred', () => {
    prefer({ dates: 'iso' });
    try {
      expect(dateText('20260514', 'de-DE')).toBe('2026-05-14');
      expect(dateTimeText('20260514', '101233.5', 'en-GB')).toBe('2026-05-14 10:12');
      const medium = timeFormat('fr-FR', { dateStyle: 'medium', timeStyle: 'medium' });
      expect(medium.format(new Date(2026, 4, 14, 10, 12, 33))).toBe('2026-05-14 10:12:33');
    } finally {
      prefer({ dates: 'local' });
    }
    expect(dateText('20260514', 'de-DE')).toBe('14.05.2026');
  });
  it('are shown as they are when they are none', () => {
    expect(dateText('00000000', 'de-DE')).toBe('00000000');
    expect(dateText('20260231', 'en-GB')).toBe('20260231');
    expect(dateTimeText('soon', '25', 'fr-FR')).toBe('soon 25');
  });
});

it('tells sizes in thousands', () => {
  expect(sizeText(0, 'en-GB')).toBe('0 bytes');
  expect(sizeText(425_300_000, 'en-GB')).toBe('425 MB');
  expect(sizeText(1_234_000_000, 'de-DE')).toBe('1,23\u00A0GB');
});
