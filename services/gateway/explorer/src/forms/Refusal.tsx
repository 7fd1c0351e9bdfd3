// SPDX-License-Identifier: Apache-2.0
/** What is wrong with a form as a whole; where somebody else was quicker, a choice of what to do. */
import { useEffect, useRef } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { isUnreached } from '../api/reach';
import { Failure } from '../shell/Failure';
import styles from './fields.module.css';

interface Props {
  error: unknown;
  /** Leave what was typed, and show what is there now. */
  reload: () => void;
  /** Write what was typed, whatever is there. */
  overwrite: () => void;
}

export function Refusal({ error, reload, overwrite }: Props) {
  const t = useTranslations('forms');
  const place = useRef<HTMLDivElement>(null);
  // It stands above the fields, of which there may be more than the window has room for.
  useEffect(() => {
    if (error !== null) place.current?.scrollIntoView({ block: 'center' });
  }, [error]);
  if (error === null) return null;
  return (
    <div ref={place}>
      {error instanceof ApiError && error.outdated ? (
        <div role="alert" className={styles.outdated}>
          <p>{t('outdated')}</p>
          <div className={styles.choice}>
            <Button onPress={reload}>{t('reload')}</Button>
            <Button onPress={overwrite}>{t('overwrite')}</Button>
          </div>
        </div>
      ) : (
        <Failure
          error={error}
          sentence={
            error instanceof ApiError && isUnreached(error.status) ? t('unsure') : undefined
          }
        />
      )}
    </div>
  );
}
