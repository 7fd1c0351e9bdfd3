// SPDX-License-Identifier: Apache-2.0
/** Why a resource cannot be shown; of one that was deleted, when and by whom. */
import { useQuery } from '@tanstack/react-query';
import { useLocale, useTranslations } from 'use-intl';
import { ApiError, get } from '../api/client';
import type { LoggedDeletion } from '../api/schema';
import { timeFormat } from '../formats';
import { Failure } from '../shell/Failure';
import styles from './study.module.css';

interface Props {
  id: string;
  error: unknown;
  retry?: () => void;
}

export function Missing({ id, error, retry }: Props) {
  const t = useTranslations('study');
  const locale = useLocale();
  const { data: deletion, isLoading } = useQuery({
    queryKey: ['deletion', id],
    queryFn: ({ signal }) =>
      get<LoggedDeletion>(`/explorer/api/deletions/${encodeURIComponent(id)}`, { signal }).catch(
        (refused: unknown) => {
          if (refused instanceof ApiError && refused.status === 404) return null;
          throw refused;
        },
      ),
    enabled: error instanceof ApiError && error.status === 404 && id !== '',
  });
  if (isLoading) return <p className={styles.quietText}>{t('loading')}</p>;
  if (!deletion) return <Failure error={error} retry={retry} />;
  const at = timeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(deletion.at),
  );
  const { cause, by } = deletion;
  const sentence =
    cause === 'asked' && !by ? t('deleted_unnamed', { at }) : t(`deleted_${cause}`, { at, by });
  return <Failure error={error} sentence={sentence} />;
}
