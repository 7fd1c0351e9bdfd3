// SPDX-License-Identifier: Apache-2.0
/** The other stores that this one sends to over HTTP, and what each tells of itself. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import type { KnownPeer } from '../api/schema';
import { useMay } from '../api/session';
import { Failure } from '../shell/Failure';
import { Page } from '../shell/Page';
import styles from './network.module.css';
import { PeerForm } from './PeerForm';
import { Actions, Origin, RemoveDialog, State, Tabs } from './parts';
import { echoPeer, remotesQuery, useEcho } from './remotes';

export function PeersPage() {
  const t = useTranslations('network');
  const may = useMay();
  const { data, error, refetch } = useQuery(remotesQuery);
  const { answers, echo, all, forget } = useEcho(echoPeer);
  const [edited, setEdited] = useState<KnownPeer | 'new' | null>(null);
  const [removed, setRemoved] = useState<KnownPeer | null>(null);
  const known = data?.peers ?? [];
  return (
    <Page title={t('peers')}>
      <Tabs />
      <div className={styles.bar}>
        <p className={styles.lead}>{t('peersLead')}</p>
        {known.length > 0 && (
          <Button className={styles.button} onPress={() => void all(known.map(({ name }) => name))}>
            {t('echoAll')}
          </Button>
        )}
        {may('peers') && (
          <Button className={styles.primary} onPress={() => setEdited('new')}>
            {t('addPeer')}
          </Button>
        )}
      </div>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && known.length === 0 && <p className={styles.empty}>{t('noPeers')}</p>}
      {known.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
        <section className={styles.wide} tabIndex={0} aria-label={t('peers')}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('name')}</th>
                <th scope="col">{t('address')}</th>
                <th scope="col">{t('signsIn')}</th>
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
                    <bdi>{one.peer.Url}</bdi>
                    <Details peer={one} />
                  </td>
                  <td>
                    <bdi>{one.peer.Username ?? t('nobody')}</bdi>
                    {one.peer.CertificateFile && (
                      <span className={styles.below}>{t('withCertificate')}</span>
                    )}
                  </td>
                  <td>
                    <State answer={answers[one.name]} />
                  </td>
                  <td>
                    <Actions
                      name={one.name}
                      source={one.source}
                      may={may('peers')}
                      echo={() => void echo(one.name)}
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
      {edited && (
        <PeerForm
          known={edited === 'new' ? null : edited}
          taken={known.map(({ name }) => name)}
          onClose={() => setEdited(null)}
          onDone={forget}
        />
      )}
      {removed && <RemoveDialog kind="peers" {...removed} onClose={() => setRemoved(null)} />}
    </Page>
  );
}

function Details({ peer: { peer, notes } }: { peer: KnownPeer }) {
  const t = useTranslations('network');
  const told = [
    ...peer.HttpHeaders,
    peer.Timeout ? t('waits', { seconds: peer.Timeout }) : '',
    ...Object.entries(notes).map(([name, value]) => `${name}: ${value}`),
  ].filter(Boolean);
  return told.length > 0 && <bdi className={styles.below}>{told.join(' · ')}</bdi>;
}
