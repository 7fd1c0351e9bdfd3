// SPDX-License-Identifier: Apache-2.0
/** The DICOM systems that this store knows: whether they answer, and what each may ask of it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useFormatter, useTranslations } from 'use-intl';
import type { KnownModality } from '../api/schema';
import { useMay } from '../api/session';
import { Failure } from '../shell/Failure';
import { Page } from '../shell/Page';
import { ModalityForm } from './ModalityForm';
import styles from './network.module.css';
import { Actions, Origin, RemoveDialog, State, Tabs } from './parts';
import { echoModality, type ModalityValues, permissionsOf, remotesQuery, useEcho } from './remotes';

export function ModalitiesPage() {
  const t = useTranslations('network');
  const may = useMay();
  const { data, error, refetch } = useQuery(remotesQuery);
  const { answers, echo, all, forget } = useEcho(echoModality);
  const [edited, setEdited] = useState<KnownModality | 'new' | null>(null);
  const [removed, setRemoved] = useState<KnownModality | null>(null);
  const known = data?.modalities ?? [];
  return (
    <Page title={t('modalities')}>
      <Tabs />
      <div className={styles.bar}>
        <p className={styles.lead}>{t('modalitiesLead')}</p>
        {may('echo') && known.length > 0 && (
          <Button className={styles.button} onPress={() => void all(known.map(({ name }) => name))}>
            {t('echoAll')}
          </Button>
        )}
        {may('modalities') && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {t('addModality')}
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && known.length === 0 && <p className={styles.empty}>{t('noModalities')}</p>}
      {known.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
        <section className={styles.wide} tabIndex={0} aria-label={t('modalities')}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('name')}</th>
                <th scope="col">{t('address')}</th>
                <th scope="col">{t('may')}</th>
                <th scope="col">{t('state')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {known.map((one) => (
                <tr key={one.name}>
                  <th scope="row">
                    {one.name}
                    <Origin source={one.source} />
                  </th>
                  <td>
                    <bdi>
                      {one.modality.AET} · {one.modality.Host}:{one.modality.Port}
                    </bdi>
                    <Details modality={one.modality} />
                  </td>
                  <td>
                    <Permissions modality={one.modality} />
                  </td>
                  <td>
                    <State answer={answers[one.name]} />
                  </td>
                  <td>
                    <Actions
                      name={one.name}
                      source={one.source}
                      may={may('modalities')}
                      echo={may('echo') ? () => void echo(one.name) : undefined}
                      change={() => setEdited(one)}
                      remove={() => setRemoved(one)}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {edited && data && (
        <ModalityForm
          known={edited === 'new' ? null : edited}
          taken={known.map(({ name }) => name)}
          certificate={data.certificate}
          onClose={() => setEdited(null)}
          onDone={forget}
        />
      )}
      {removed && <RemoveDialog kind="modalities" {...removed} onClose={() => setRemoved(null)} />}
    </Page>
  );
}

/** What of it is not as of most others. */
function Details({ modality }: { modality: ModalityValues }) {
  const t = useTranslations('network');
  const told = [
    modality.UseDicomTls && 'TLS',
    modality.Manufacturer !== 'Generic' && modality.Manufacturer,
    modality.LocalAet && t('calledAs', { aet: modality.LocalAet }),
    modality.RetrieveMethod !== 'SystemDefault' && modality.RetrieveMethod,
    modality.Timeout ? t('waits', { seconds: modality.Timeout }) : '',
    modality.AllowTranscoding === false && t('asStored'),
  ].filter(Boolean);
  return told.length > 0 && <span className={styles.below}>{told.join(' · ')}</span>;
}

function Permissions({ modality }: { modality: ModalityValues }) {
  const t = useTranslations('network');
  const format = useFormatter();
  const [how, which] = permissionsOf(modality);
  if (how === 'everything' || how === 'nothing') return t(how);
  const list = format.list((which ?? []).map((one) => t(one)));
  return how === 'only' ? list : t('allBut', { list });
}
