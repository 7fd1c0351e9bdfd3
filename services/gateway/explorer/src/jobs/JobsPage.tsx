// SPDX-License-Identifier: Apache-2.0
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { WordSearch } from '../forms/WordSearch';
import { InShell } from '../shell/InShell';
import { Page } from '../shell/Page';
import { JobList } from './JobList';
import { JobTabs } from './JobTabs';

export function JobsPage() {
  const t = useTranslations('jobs');
  const navigate = useNavigate();
  const address = useSearch({ from: '/shell/jobs' });
  return (
    <Page title={t('title')} quiet>
      <InShell place="page">
        <WordSearch
          label={t('search')}
          hint={t('searchHint')}
          value={address.q ?? ''}
          keys="/"
          onChange={(text) => {
            const { q: _, ...others } = address;
            void navigate({
              to: '/jobs',
              search: text.trim() ? { ...others, q: text } : others,
              replace: true,
            });
          }}
        />
      </InShell>
      <JobTabs />
      <JobList to="/jobs" address={address} />
    </Page>
  );
}
