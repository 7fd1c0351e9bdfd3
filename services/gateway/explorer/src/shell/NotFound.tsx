// SPDX-License-Identifier: Apache-2.0
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { Page } from './Page';

export function NotFound() {
  const t = useTranslations('shell');
  return (
    <Page title={t('notFound')}>
      <p>{t('notFoundWhat')}</p>
      <p>
        <Link to="/">{t('toStudies')}</Link>
      </p>
    </Page>
  );
}
