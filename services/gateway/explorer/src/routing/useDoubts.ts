// SPDX-License-Identifier: Apache-2.0
import { useTranslations } from 'use-intl';
import { useNotices } from '../shell/notices';

/** What the store says of a rule that it has kept; of other rules nothing. */
export interface Kept {
  Warnings?: string[];
}

/** Tells why a rule that was saved may not do what it is to do, in the store's own words. */
export function useDoubts(): (path: string, name: string, kept: Kept) => void {
  const t = useTranslations('routing');
  const { show, withdraw } = useNotices();
  return (path, name, { Warnings = [] }) => {
    withdraw([path]);
    if (Warnings.length > 0)
      show({ text: t('doubts', { name, why: Warnings.join(' ') }), bad: true, about: path });
  };
}
