// SPDX-License-Identifier: Apache-2.0
/** Which studies may go by themselves, and when; looked at before a rule is let loose. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { del, putJson } from '../api/client';
import type { KnownRetentionRule } from '../api/schema';
import { useMay } from '../api/session';
import styles from '../network/network.module.css';
import { Origin } from '../network/parts';
import { writtenOf } from '../routing/rules';
import { Failure } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { Page } from '../shell/Page';
import { Preview } from './Preview';
import { RetentionForm } from './RetentionForm';
import { retentionQuery } from './retention';

export function RetentionPage() {
  const t = useTranslations('retention');
  const routing = useTranslations('routing');
  const may = useMay();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(retentionQuery);
  const [edited, setEdited] = useState<KnownRetentionRule | 'new' | null>(null);
  const [removed, setRemoved] = useState<KnownRetentionRule | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const rules = data ?? [];
  const change = async (what: () => Promise<void>) => {
    setFailure(null);
    await what().catch(setFailure);
    await queries.invalidateQueries({ queryKey: retentionQuery.queryKey });
  };
  const enable = ({ name, revision, rule }: KnownRetentionRule) =>
    putJson(`/retention/rules/${name}`, { ...rule, Enabled: rule.Enabled === false }, { revision });
  return (
    <Page title={t('title')}>
      <div className={styles.bar}>
        <p className={styles.lead}>{t('lead')}</p>
        {may('retention') && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {routing('add')}
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
                <th scope="col">{routing('name')}</th>
                <th scope="col">{t('KeepDays')}</th>
                <th scope="col">{routing('when')}</th>
                <th scope="col">{t('Delete')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {rules.map((one) => (
                <tr key={one.name}>
                  <th scope="row">
                    {one.name}
                    {one.rule.Enabled === false && (
                      <span className={styles.below}>{routing('rests')}</span>
                    )}
                    <Origin source={one.source} />
                  </th>
                  <td>{t('days', { days: one.rule.KeepDays })}</td>
                  <td>
                    {one.rule.When.map(writtenOf).map((line) => (
                      <bdi key={line} className={styles.line}>
                        {line}
                      </bdi>
                    ))}
                  </td>
                  <td>{t(one.rule.Delete ?? 'AfterKeepDays')}</td>
                  <td>
                    <div className={styles.actions}>
                      <Button
                        aria-label={t('previewOf', { name: one.name })}
                        onPress={() => setShown(one.name)}
                      >
                        {t('preview')}
                      </Button>
                      {may('retention') && one.source !== 'settings' && (
                        <>
                          <Button
                            aria-label={routing(
                              one.rule.Enabled === false ? 'enableOf' : 'disableOf',
                              { name: one.name },
                            )}
                            onPress={() => void change(() => enable(one))}
                          >
                            {one.rule.Enabled === false ? routing('enable') : routing('disable')}
                          </Button>
                          <Button
                            aria-label={routing('changeTitle', { name: one.name })}
                            onPress={() => setEdited(one)}
                          >
                            {routing('change')}
                          </Button>
                          <Button
                            aria-label={routing('removeOf', { name: one.name })}
                            onPress={() => setRemoved(one)}
                          >
                            {routing('remove')}
                          </Button>
                        </>
                      )}
                    </div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {shown && rules.some(({ name }) => name === shown) && <Preview rule={shown} />}
      {edited && (
        <RetentionForm
          known={edited === 'new' ? null : edited}
          taken={rules.map(({ name }) => name)}
          onClose={() => setEdited(null)}
        />
      )}
      {removed && (
        <Modal
          title={routing('removeTitle', { name: removed.name })}
          action={routing('remove')}
          danger
          onAction={() => {
            setRemoved(null);
            void change(() => del(`/retention/rules/${removed.name}`));
          }}
          onClose={() => setRemoved(null)}
        >
          <p>{t('removeWhat')}</p>
        </Modal>
      )}
    </Page>
  );
}
