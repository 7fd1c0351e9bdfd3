// SPDX-License-Identifier: Apache-2.0
/** Query and retrieve: several archives are asked at once, and what they have is fetched from them. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Page } from '../shell/Page';
import { type Address, type Asked, askedOf, namesOf, saysSomething } from './address';
import { useAsking } from './asking';
import { Details } from './Details';
import { Form } from './Form';
import { useHeld } from './held';
import { merge, openedOf, sorted } from './merging';
import { Results } from './Results';
import styles from './remote.module.css';
import { remotesQuery } from './remotes';
import { Sources } from './Sources';
import { useEnded } from './useEnded';

export function RemotePage() {
  const t = useTranslations('remote');
  const { data: remotes, error, refetch } = useQuery(remotesQuery);
  return (
    <Page title={t('title')} quiet>
      {error && !remotes && (
        <div className={styles.aside}>
          <Failure error={error} retry={() => void refetch()} />
        </div>
      )}
      {remotes?.length === 0 && (
        <div className={styles.aside}>
          <h2>{t('noRemotes')}</h2>
          <p className={styles.soft}>{t('noRemotesWhat')}</p>
        </div>
      )}
      {remotes && remotes.length > 0 && <Archives remotes={remotes} />}
    </Page>
  );
}

const NEWEST = '-date';

function Archives({ remotes }: { remotes: { name: string; method: 'C-MOVE' | 'C-GET' }[] }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { names: path } = useParams({ from: '/shell/remote/{-$names}' });
  const address = useSearch({ from: '/shell/remote/{-$names}' });
  const [round, setRound] = useState(0);
  const known = useMemo(() => remotes.map(({ name }) => name), [remotes]);
  const text = JSON.stringify(askedOf(address));
  const asked = useMemo(() => JSON.parse(text) as Asked, [text]);
  const names = useMemo(() => namesOf(path), [path]);
  const asking = useAsking(names, asked, round);
  const sort = address.sort ?? NEWEST;
  const question = `${path} ${text}`;

  const answers = asking.map((one) => one.answers);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each answer that has come
  const rows = useMemo(
    () => sorted(merge(names.map((remote, at) => ({ remote, answers: answers[at] ?? [] }))), sort),
    [names, sort, ...answers],
  );
  const held = useHeld(rows);
  useEnded(rows, held);

  const change = (next: Address, to: string[] = names) =>
    void navigate({
      to: '/remote/{-$names}',
      params: { names: to.join(',') || undefined },
      search: next,
    });
  const ask = (to: string[], next: Asked) => {
    // The same question once more is a new one.
    queries.removeQueries({ queryKey: ['remote'], type: 'inactive' });
    setRound((before) => before + 1);
    change({ ...next, ...(address.sort ? { sort: address.sort } : {}) }, to);
  };
  const { open: _, ...closed } = address;
  const opened = openedOf(rows, address.open);
  const close = () => {
    change(closed);
    document.querySelector<HTMLElement>('[role="grid"]')?.focus();
  };
  useEffect(() => () => void queries.cancelQueries({ queryKey: ['remote', 'studies'] }), [queries]);
  return (
    <div className={styles.archives}>
      <Form key={question} known={known} names={names} asked={asked} onAsk={ask} />
      {names.length > 0 && saysSomething(asked) && (
        <>
          <Sources asking={asking} />
          {held.error !== null && (
            <div className={styles.aside}>
              <Failure error={held.error} retry={held.retry} />
            </div>
          )}
          <div className={styles.panes}>
            <Results
              key={question}
              rows={rows}
              remotes={remotes}
              held={held}
              sort={sort}
              busy={asking.some(({ state }) => state === 'asking')}
              onSort={(next) => change({ ...address, sort: next })}
              onOpen={(row) => change({ ...closed, open: row.key.trim() })}
            />
            {opened && (
              <Details row={opened} remotes={remotes} held={held.of(opened.key)} onClose={close} />
            )}
          </div>
        </>
      )}
    </div>
  );
}
