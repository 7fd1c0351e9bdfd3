// SPDX-License-Identifier: Apache-2.0
/** Which rules would apply to a study or to a file, and why not the others. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button, DropZone, type FileDropItem, FileTrigger, Text } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { post } from '../api/client';
import type { KnownRule, ListedPage } from '../api/schema';
import { anyAet } from '../forms/checks';
import { TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import styles from '../known/known.module.css';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { dateText, personName } from '../studies/dicom';
import { tryOnFile, tryOnStudy, type Verdict, writtenOf } from './rules';

const SHOWN = 8;

export function Tester({ rules }: { rules: KnownRule[] }) {
  const t = useTranslations('routing');
  const locale = useLocale();
  const form = useForm({ text: '', origin: '' }, { origin: anyAet });
  const [tried, setTried] = useState<{ of: string; verdicts: Verdict[] } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const { text } = form.values;
  const found = useQuery({
    queryKey: ['rules', 'studies', text],
    queryFn: ({ signal }) =>
      post<ListedPage>('/explorer/api/studies', { text, limit: SHOWN }, { signal }),
    enabled: text.trim() !== '',
  });
  const run = async (of: string, asked: Promise<Verdict[]>) => {
    setError(null);
    setTried(null);
    try {
      setTried({ of, verdicts: await asked });
    } catch (failure) {
      setError(failure);
    }
  };
  const onFile = (file: File | undefined) => {
    if (file && form.ready()) void run(file.name, tryOnFile(file, form.values.origin));
  };
  return (
    <section className={styles.tester} aria-labelledby="tester" data-own-drop>
      <h2 id="tester">{t('tester')}</h2>
      <p className={styles.soft}>{t('testerLead')}</p>
      <TextLine form={form} name="text" label={t('study')} hint={t('studyHint')} />
      <div className={styles.bar}>
        {found.data?.rows.map((row) => {
          const name = [
            personName(row.patientName) || row.patientId,
            row.date && dateText(row.date, locale),
            row.description,
          ]
            .filter(Boolean)
            .join(' · ');
          const names = rules.map((one) => one.name);
          return (
            <Button
              key={row.id}
              className={styles.button}
              onPress={() => void run(name, tryOnStudy(names, row.id))}
            >
              <bdi>{name}</bdi>
            </Button>
          );
        })}
        {found.data?.rows.length === 0 && <p className={styles.soft}>{t('noStudy')}</p>}
      </div>
      <DropZone
        className={`${styles.empty} ${styles.drop}`}
        onDrop={async ({ items }) => {
          const file = items.find((one): one is FileDropItem => one.kind === 'file');
          onFile(await file?.getFile());
        }}
      >
        <div className={styles.bar}>
          <Text slot="label">{t('drop')}</Text>
          <FileTrigger onSelect={(files) => onFile(files?.[0])}>
            <Button className={styles.button}>{t('choose')}</Button>
          </FileTrigger>
        </div>
        <TextLine form={form} name="origin" label={t('origin')} hint={t('originHint')} />
      </DropZone>
      {(error ?? found.error) && <Failure error={error ?? found.error} />}
      {tried && (
        <div role="status">
          <h3>
            <bdi>{tried.of}</bdi>
          </h3>
          <ul className={styles.verdicts}>
            {tried.verdicts.map((one) => (
              <li key={one.name} className={one.holds ? styles.good : styles.soft}>
                <Icon name={one.holds ? 'check' : 'close'} size={16} />
                <span>
                  <strong>{one.name}</strong> <Told verdict={one} rules={rules} />
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Told({ verdict, rules }: { verdict: Verdict; rules: KnownRule[] }) {
  const t = useTranslations('routing');
  const rule = rules.find(({ name }) => name === verdict.name)?.rule;
  if (!verdict.holds) {
    if (!verdict.unmet) return t('none');
    return (
      <>
        {t('unmet', { condition: writtenOf(verdict.unmet) })}
        {verdict.found !== null && (
          <>
            {' · '}
            <bdi>{verdict.found ? t('found', { text: verdict.found }) : t('foundNothing')}</bdi>
          </>
        )}
      </>
    );
  }
  if (rule?.Enabled === false) return t('wouldRest');
  return t('would', { what: [...(rule?.To ?? []), ...(rule?.Label ?? [])].join(', ') });
}
