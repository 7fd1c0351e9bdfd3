// SPDX-License-Identifier: Apache-2.0
/** What the pages of modalities and of peers are: known by name, and asked whether they are there. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import type { KnownRemotes } from '../api/schema';
import { useMay } from '../api/session';
import { KnownPage } from '../known/KnownPage';
import styles from '../known/known.module.css';
import type { Column } from '../known/Table';
import { useRemotes } from '../live/live';
import { sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { type Contact, contactOf } from './contacts';
import { type Answer, isOutdated, remotesQuery, useChanged, useEcho, wasAsked } from './remotes';
import { ContactDetails } from './Standing';

type Kind = 'modalities' | 'peers';
type Of<K extends Kind> = KnownRemotes[K][number];

/** What forms of remotes are given. */
export interface FormProps<T> {
  /** The one that is changed; null for a new one. */
  known: T | null;
  taken: string[];
  /** Whether this store has a certificate to show. */
  certificate: boolean;
  onClose: () => void;
  /** It is another by now: what it has answered says nothing. */
  onDone: (name: string) => void;
}

interface Props<K extends Kind> {
  kind: K;
  texts: { title: string; lead: string; add: string; none: string };
  /** Null: it may not be asked. */
  ask: ((name: string) => Promise<string>) | null;
  columns: readonly Column<Of<K>>[];
  form: (props: FormProps<Of<K>>) => ReactNode;
}

export function RemotesPage<K extends Kind>({ kind, texts, ask, columns, form }: Props<K>) {
  const t = useTranslations('network');
  const removing = `removeWhat_${kind as Kind}` as const;
  const may = useMay();
  const changed = useChanged();
  const { data, error, refetch } = useQuery(remotesQuery);
  const remotes = useRemotes();
  const known: readonly Of<K>[] | undefined = data?.[kind];
  const lastContact = (name: string): Contact =>
    remotes
      ? contactOf(remotes, kind === 'peers' ? 'peer' : 'modality', name)
      : known?.find((one) => one.name === name)?.contact;
  const { answers, echo, all, forget } = useEcho(ask, lastContact);
  const taken = (known ?? []).map(({ name }) => name);
  return (
    <KnownPage
      texts={texts}
      tabs={
        <nav className={styles.tabs} aria-label={t('kinds')}>
          <Link to="/operate/modalities">{t('modalities')}</Link>
          <Link to="/operate/peers">{t('peers')}</Link>
        </nav>
      }
      buttons={
        ask &&
        taken.length > 0 && (
          <Button className={styles.button} onPress={() => void all(taken)}>
            {t('echoAll')}
          </Button>
        )
      }
      known={known}
      error={error}
      retry={() => void refetch()}
      columns={[
        ...columns,
        {
          title: t('state'),
          show: ({ name }) => <State answer={answers[name]} contact={lastContact(name)} />,
        },
      ]}
      may={may(kind)}
      actions={({ name }) =>
        ask && (
          <Button aria-label={t('echoOf', { name })} onPress={() => void echo(name)}>
            {t('echo')}
          </Button>
        )
      }
      pathOf={(name) => `/${kind}/${name}`}
      changed={changed}
      removal={({ source }) => (
        <>
          <p>{t(removing)}</p>
          {source === 'changed' && <p>{t('removeOfSettings')}</p>}
        </>
      )}
      form={(one, onClose) =>
        form({
          known: one,
          taken,
          certificate: data?.certificate ?? false,
          onClose,
          onDone: forget,
        })
      }
    />
  );
}

/** Whether it answered, and what it has to say; its last contact, where that tells more by now. */
function State({ answer, contact }: { answer: Answer | undefined; contact: Contact }) {
  const t = useTranslations('network');
  const shell = useTranslations('shell');
  if (answer === 'asking') return <span className={styles.soft}>{t('asking')}</span>;
  if (!answer || isOutdated(answer, contact)) return <ContactDetails contact={contact} />;
  if ('error' in answer) {
    const why = answer.error instanceof Error ? answer.error.message : '';
    return (
      <span className={styles.bad}>
        <Icon name="close" size={16} />
        <span>
          {wasAsked(answer.error) && t('askedInVain')}{' '}
          <bdi>{why || shell(sentenceOf(answer.error))}</bdi>
        </span>
      </span>
    );
  }
  return (
    <span className={styles.good}>
      <Icon name="check" size={16} />
      <span>
        {t('answered', { milliseconds: answer.milliseconds })} <bdi>{answer.told}</bdi>
      </span>
    </span>
  );
}
