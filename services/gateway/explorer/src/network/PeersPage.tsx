// SPDX-License-Identifier: Apache-2.0
/** The other stores that this one sends to over HTTP, and what each tells of itself. */
import { useTranslations } from 'use-intl';
import type { KnownPeer } from '../api/schema';
import styles from '../known/known.module.css';
import { PeerForm } from './PeerForm';
import { RemotesPage } from './RemotesPage';
import { echoPeer } from './remotes';

export function PeersPage() {
  const t = useTranslations('network');
  return (
    <RemotesPage
      kind="peers"
      texts={{
        title: t('peers'),
        lead: t('peersLead'),
        add: t('addPeer'),
        none: t('noPeers'),
      }}
      ask={echoPeer}
      columns={[
        {
          title: t('address'),
          show: (one) => (
            <>
              <bdi>{one.peer.Url}</bdi>
              <Details peer={one} />
            </>
          ),
        },
        {
          title: t('signsIn'),
          show: ({ peer }) => (
            <>
              <bdi>{peer.Username ?? t('nobody')}</bdi>
              {peer.CertificateFile && <span className={styles.below}>{t('withCertificate')}</span>}
            </>
          ),
        },
      ]}
      form={(props) => <PeerForm {...props} />}
    />
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
