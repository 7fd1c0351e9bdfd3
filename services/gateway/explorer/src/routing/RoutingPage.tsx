// SPDX-License-Identifier: Apache-2.0
/** What is sent to other systems by itself, and when; tried without sending anything. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { get } from '../api/client';
import type { KnownRules } from '../api/schema';
import { useMay } from '../api/session';
import { KnownPage } from '../known/KnownPage';
import styles from '../known/known.module.css';
import { EnableButton } from './EnableButton';
import { Queues } from './Queues';
import { RuleForm } from './RuleForm';
import { rulesQuery } from './rules';
import { Tester } from './Tester';
import { Rests, When } from './When';

const pathOf = (name: string) => `/routing/rules/${name}`;
const read = async () => (await get<KnownRules>('/explorer/api/rules')).rules;

export function RoutingPage() {
  const t = useTranslations('routing');
  const may = useMay();
  const queries = useQueryClient();
  const { queryKey } = rulesQuery;
  const { data, error, refetch } = useQuery(rulesQuery);
  const rules = data?.rules;
  return (
    <KnownPage
      texts={{ title: t('title'), lead: t('lead'), add: t('add'), none: t('noRules') }}
      known={rules}
      error={error}
      retry={() => void refetch()}
      note={({ rule }) => <Rests rule={rule} />}
      columns={[
        { title: t('on'), show: ({ rule }) => t(`on_${rule.On}`) },
        { title: t('when'), show: ({ rule }) => <When conditions={rule.When ?? []} /> },
        {
          title: t('does'),
          show: ({ rule }) => [
            ...(rule.To ?? []).map((to) => (
              <span key={`to ${to}`} className={styles.line}>
                {t('sends', { to })}
              </span>
            )),
            ...(rule.Label ?? []).map((label) => (
              <span key={`label ${label}`} className={styles.line}>
                {t('puts', { label })}
              </span>
            )),
          ],
        },
      ]}
      may={may('routing')}
      actions={(one, open) =>
        open && <EnableButton one={one} pathOf={pathOf} read={read} queryKey={queryKey} />
      }
      pathOf={pathOf}
      changed={() => queries.invalidateQueries({ queryKey })}
      removal={() => <p>{t('removeWhat')}</p>}
      form={(known, onClose) => (
        <RuleForm
          known={known}
          taken={(rules ?? []).map(({ name }) => name)}
          destinations={data?.destinations ?? []}
          onClose={onClose}
        />
      )}
    >
      <Queues />
      {rules && rules.length > 0 && <Tester rules={rules} />}
    </KnownPage>
  );
}
