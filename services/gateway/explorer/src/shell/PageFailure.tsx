// SPDX-License-Identifier: Apache-2.0
/** A page that failed in itself: one panel, never a blank window. */
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { Failure } from './Failure';
import { Page } from './Page';

export function PageFailure({ error, reset }: ErrorComponentProps) {
  const t = useTranslations('shell');
  return (
    <Page title={t('failed')}>
      <Failure error={error} retry={reset} />
    </Page>
  );
}
