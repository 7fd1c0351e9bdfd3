// SPDX-License-Identifier: Apache-2.0
/** Which studies may go by themselves, and when; looked at before a rule is let loose. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { get } from '../api/client';
import type { KnownRetentionRule } from '../api/schema';
import { useMay } from '../api/session';
import { KnownPage } from '../known/KnownPage';
import { EnableButton } from '../routing/EnableButton';
import { Rests, When } from '../routing/When';
import { Preview } from './Preview';
import { RetentionForm } from './RetentionForm';
import { retentionQuery } from './retention';

const pathOf = (name: string) => `/retention/rules/${name}`;
const read = () => get<KnownRetentionRule[]>('/explorer/api/retention');

export function RetentionPage() {
  const t = useTranslations('retention');
  const routing = useTranslations('routing');
  const may = useMay();
  const queries = useQueryClient();
  const { queryKey } = retentionQuery;
  const { data: rules, error, refetch } = useQuery(retentionQuery);
  const [shown, setShown] = useState<string | null>(null);
  return (
    <KnownPage
      texts={{ title: t('title'), lead: t('lead'), add: routing('add'), none: t('noRules') }}
      known={rules}
      error={error}
      retry={() => void refetch()}
      note={({ rule }) => <Rests rule={rule} />}
      columns={[
        { title: t('KeepDays'), show: ({ rule }) => t('days', { days: rule.KeepDays }) },
        { title: routing('when'), show: ({ rule }) => <When conditions={rule.When} /> },
        { title: t('Delete'), show: ({ rule }) => t(rule.Delete ?? 'AfterKeepDays') },
      ]}
      may={may('retention')}
      actions={(one, open) => (
        <>
          <Button
            aria-label={t('previewOf', { name: one.name })}
            onPress={() => setShown(one.name)}
          >
            {t('preview')}
          </Button>
          {open && <EnableButton one={one} pathOf={pathOf} read={read} queryKey={queryKey} />}
        </>
      )}
      pathOf={pathOf}
      changed={() => queries.invalidateQueries({ queryKey })}
      removal={() => <p>{t('removeWhat')}</p>}
      form={(known, onClose) => (
        <RetentionForm
          known={known}
          taken={(rules ?? []).map(({ name }) => name)}
          onClose={onClose}
        />
      )}
    >
      {shown && rules?.some(({ name }) => name === shown) && <Preview rule={shown} />}
    </KnownPage>
  );
}
