// SPDX-License-Identifier: Apache-2.0
/** Why a store that is only read has no buttons that change anything: said where they would be. */
import { useTranslations } from 'use-intl';
import { useSession } from '../api/session';
import { Icon } from './Icon';

export function ReadOnly({ className }: { className?: string | undefined }) {
  const t = useTranslations('shell');
  if (!useSession()?.readOnly) return null;
  return (
    <span role="note" className={className}>
      <Icon name="lock" size={15} />
      {t('readOnlyWhy')}
    </span>
  );
}
