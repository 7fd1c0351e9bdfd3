// SPDX-License-Identifier: Apache-2.0
/** What is sent to other systems by itself, and when; tried without sending anything. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { del, get, putJson } from '../api/client';
import type { KnownRule, KnownRules } from '../api/schema';
import { useMay } from '../api/session';
import styles from '../network/network.module.css';
import { Origin } from '../network/parts';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { Page } from '../shell/Page';
import { RuleForm } from './RuleForm';
import { rulesQuery, writtenOf } from './rules';
import { Tester } from './Tester';

export function RoutingPage() {
  const t = useTranslations('routing');
  const may = useMay();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(rulesQuery);
  const [edited, setEdited] = useState<KnownRule | 'new' | null>(null);
  const [removed, setRemoved] = useState<KnownRule | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const rules = data?.rules ?? [];
  const change = async (what: () => Promise<void>) => {
    setFailure(null);
    try {
      await what();
    } catch (refusal) {
      setFailure(refusal);
    }
    await queries.invalidateQueries({ queryKey: rulesQuery.queryKey });
  };
  /** Nothing of it but this: what it says is asked for again, since somebody else may have changed it. */
  const enable = async (name: string, Enabled: boolean) => {
    const { rules: now } = await get<KnownRules>('/explorer/api/rules');
    const one = now.find((other) => other.name === name);
    if (!one) return;
    const { rule, revision } = one;
    await putJson(`/routing/rules/${name}`, { ...rule, Enabled }, { revision });
  };
  return (
    <Page title={t('title')}>
      <div className={styles.bar}>
        <p className={styles.lead}>{t('lead')}</p>
        {may('routing') && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {t('add')}
          </Button>
        )}
      </div>
      {(failure ?? error) && <Failure error={failure ?? error} retry={() => void refetch()} />}
      {data && rules.length === 0 && <p className={styles.empty}>{t('noRules')}</p>}
      {rules.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
        <section className={styles.wide} tabIndex={0} aria-label={t('title')}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('name')}</th>
                <th scope="col">{t('on')}</th>
                <th scope="col">{t('when')}</th>
                <th scope="col">{t('does')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {rules.map((one) => (
                <tr key={one.name}>
                  <th scope="row">
                    {one.name}
                    {one.rule.Enabled === false && (
                      <span className={styles.below}>{t('rests')}</span>
                    )}
                    <Origin source={one.source} />
                  </th>
                  <td>{t(`on_${one.rule.On}`)}</td>
                  <td>
                    {one.rule.When?.length
                      ? one.rule.When.map(writtenOf).map((line) => (
                          <bdi key={line} className={styles.line}>
                            {line}
                          </bdi>
                        ))
                      : t('always')}
                  </td>
                  <td>
                    {one.rule.To?.map((to) => (
                      <span key={to} className={styles.line}>
                        {t('sends', { to })}
                      </span>
                    ))}
                    {one.rule.Label?.map((label) => (
                      <span key={label} className={styles.line}>
                        {t('puts', { label })}
                      </span>
                    ))}
                  </td>
                  <td>
                    {may('routing') && one.source !== 'settings' && (
                      <div className={styles.actions}>
                        <Button
                          aria-label={t(one.rule.Enabled === false ? 'enableOf' : 'disableOf', {
                            name: one.name,
                          })}
                          onPress={() =>
                            void change(() => enable(one.name, one.rule.Enabled === false))
                          }
                        >
                          {one.rule.Enabled === false ? t('enable') : t('disable')}
                        </Button>
                        <Button
                          aria-label={t('changeTitle', { name: one.name })}
                          onPress={() => setEdited(one)}
                        >
                          {t('change')}
                        </Button>
                        <Button
                          aria-label={t('removeOf', { name: one.name })}
                          onPress={() => setRemoved(one)}
                        >
                          {t('remove')}
                        </Button>
                      </div>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {rules.length > 0 && <Tester rules={rules} />}
      {edited && data && (
        <RuleForm
          known={edited === 'new' ? null : edited}
          taken={rules.map(({ name }) => name)}
          destinations={data.destinations}
          onClose={() => setEdited(null)}
        />
      )}
      {removed && (
        <Modal
          title={t('removeTitle', { name: removed.name })}
          action={t('remove')}
          danger
          onAction={() => {
            setRemoved(null);
            void change(() => del(`/routing/rules/${removed.name}`));
          }}
          onClose={() => setRemoved(null)}
        >
          <p>{t('removeWhat')}</p>
        </Modal>
      )}
    </Page>
  );
}
