// SPDX-License-Identifier: Apache-2.0
/** What went wrong in a sentence, what to do, and the technical line for whoever looks into it. */
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import styles from './Failure.module.css';

/** The key of the sentence for a failure. */
export function sentenceOf(error: unknown) {
  if (!(error instanceof ApiError)) return 'errorOther' as const;
  if (error.status === 0) return 'errorUnreachable' as const;
  if (error.status === 401) return 'errorSignedOut' as const;
  if (error.status === 403) return 'errorForbidden' as const;
  if (error.status === 404) return 'errorMissing' as const;
  if (error.status === 507) return 'errorFull' as const;
  return error.status >= 500 ? ('errorStore' as const) : ('errorRefused' as const);
}

interface Props {
  error: unknown;
  retry?: (() => void) | undefined;
  /** What is known beyond what the error says. */
  sentence?: string | undefined;
}

export function Failure({ error, retry, sentence }: Props) {
  const t = useTranslations('shell');
  const told = error instanceof Error ? error.message : String(error);
  return (
    <div role="alert" className={styles.failure}>
      <p className={styles.sentence}>{sentence ?? t(sentenceOf(error))}</p>
      {told && <p className={styles.told}>{told}</p>}
      {retry && (
        <Button className={styles.retry} onPress={retry}>
          {t('tryAgain')}
        </Button>
      )}
      <details>
        <summary>{t('technical')}</summary>
        <code>{error instanceof ApiError ? error.technical : String(error)}</code>
      </details>
    </div>
  );
}
