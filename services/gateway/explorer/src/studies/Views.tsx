// SPDX-License-Identifier: Apache-2.0
/** Lists that are often wanted, and the labels in use with how many studies have each. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useLocale, useTranslations } from 'use-intl';
import side from '../shell/SideList.module.css';
import type { Address } from './address';
import { SavedViews } from './SavedViews';
import { viewsQuery } from './saved';
import { facetsQuery } from './search';
import styles from './Views.module.css';

const VIEWS: { name: 'today' | 'week' | 'arriving' | 'protected'; search: Address }[] = [
  { name: 'today', search: { date: 'today' } },
  { name: 'week', search: { date: 'last 7 days' } },
  { name: 'arriving', search: { state: 'arriving' } },
  { name: 'protected', search: { state: 'protected' } },
];

interface Props {
  address: Address;
  round: number;
  /** Whether the store is asked for them by now. */
  ask: boolean;
}

export function Views({ address, round, ask }: Props) {
  const t = useTranslations('studies');
  const locale = useLocale();
  const { data: facets } = useQuery({ ...facetsQuery(round), enabled: ask });
  const { data: saved, isFetched, failureCount } = useQuery({ ...viewsQuery, enabled: ask });
  return (
    <>
      <h2 className={side.title}>{t('views')}</h2>
      <ul className={side.list}>
        {VIEWS.map(({ name, search }) => (
          <li key={name}>
            <Entry text={t(`view_${name}`)} search={search} address={address} />
          </li>
        ))}
        {saved && <SavedViews views={saved} address={address} />}
      </ul>
      {/* Below the saved views, which would push them down. */}
      {(isFetched || failureCount > 0) && facets?.labels && facets.labels.length > 0 && (
        <>
          <h2 className={side.title}>{t('labels')}</h2>
          <ul className={side.list}>
            {facets.labels.map(({ value, count }) => (
              <li key={value}>
                <Entry
                  text={value}
                  search={{ label: value }}
                  address={address}
                  count={count.toLocaleString(locale)}
                />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

interface EntryProps {
  text: string;
  search: Address;
  address: Address;
  count?: string;
}

export function Entry({ text, search, address, count }: EntryProps) {
  const here = sameSearch(address, search);
  return (
    <Link
      to="/"
      search={search}
      className={`${side.entry} ${styles.entry}`}
      data-here={here || undefined}
      activeProps={{}}
      aria-current={here ? 'page' : undefined}
    >
      <bdi>{text}</bdi>
      {count && <span>{count}</span>}
    </Link>
  );
}

/** Whatever the order of the list, and that of the members. */
function sameSearch(one: Address, other: Address): boolean {
  const [first, second] = [one, other].map(({ sort: _, ...asked }) =>
    JSON.stringify(Object.entries(asked).sort()),
  );
  return first === second;
}
