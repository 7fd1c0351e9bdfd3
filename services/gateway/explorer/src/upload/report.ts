// SPDX-License-Identifier: Apache-2.0
import type { useTranslations } from 'use-intl';
import type { Upload } from './transfers';

type Say = ReturnType<typeof useTranslations<'upload'>>;

/** A line of the report. A cell that a spreadsheet would take for a formula is none. */
export function csvLine(cells: readonly (string | number)[]): string {
  return cells
    .map((cell) => {
      const text = String(cell).replaceAll('"', '""');
      return `"${/^[=+\-@\t\r]/.test(text) ? `'${text}` : text}"`;
    })
    .join(',');
}

/** Downloads what became of each file. */
export function reportOf(uploads: readonly Upload[], t: Say): void {
  const lines = [
    csvLine([t('columnFile'), t('columnSize'), t('columnState'), '']),
    ...uploads.map(({ path, size, state, why, whyKey }) =>
      csvLine([
        path,
        size,
        t(`state_${state}`),
        [whyKey && t(whyKey), why].filter(Boolean).join(' '),
      ]),
    ),
  ];
  const address = URL.createObjectURL(
    new Blob([`\uFEFF${lines.join('\r\n')}\r\n`], { type: 'text/csv' }),
  );
  const link = document.createElement('a');
  link.href = address;
  link.download = 'upload.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
