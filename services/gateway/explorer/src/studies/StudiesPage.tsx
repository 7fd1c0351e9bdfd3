// SPDX-License-Identifier: Apache-2.0
import { useTranslations } from 'use-intl';
import { Page } from '../shell/Page';

export function StudiesPage() {
  const t = useTranslations('studies');
  return (
    <Page title={t('title')}>
      <p>
        <a href="/app/home.html">{t('home')}</a>
      </p>
    </Page>
  );
}
