// SPDX-License-Identifier: Apache-2.0
/** What stays while pages change: the bar above, the side bar, and whoever is not signed in is led away. */
import { useQuery } from '@tanstack/react-query';
import { Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { sessionQuery } from '../api/session';
import { useFollowing } from '../live/live';
import { leaveWithOthers } from '../login/leave';
import { prefer, usePreferences } from '../preferences';
import { DropTarget } from '../upload/DropTarget';
import { Away } from './Away';
import { Failure } from './Failure';
import { Keys } from './Keys';
import { keepFocus } from './keepFocus';
import { useShortcuts } from './keys';
import { useNotices } from './notices';
import styles from './Shell.module.css';
import { SideBar } from './SideBar';
import { useStyleGone } from './styles';
import { TopBar } from './TopBar';
import { useSessionEnd } from './useSessionEnd';

export function Shell() {
  const t = useTranslations('shell');
  const { data: session, error, refetch } = useQuery(sessionQuery);
  const { sideBar } = usePreferences();
  const [drawer, setDrawer] = useState(false);
  const navigate = useNavigate();
  const { href, pathname } = useLocation();

  const stranger = session?.user === null;
  useSessionEnd(session);
  useFollowing(session !== undefined && !stranger);
  useEffect(() => (stranger ? undefined : leaveWithOthers()), [stranger]);
  const known = useRef(false);
  useEffect(() => {
    known.current ||= session !== undefined && !stranger;
    // This page stays until the log-in is loaded, and must not lead there again meanwhile.
    if (stranger && !pathname.endsWith('/login'))
      void navigate({
        to: '/login',
        search: known.current ? { next: href, ended: '1' } : { next: href },
        replace: true,
      });
  }, [session, stranger, href, pathname, navigate]);
  const { show } = useNotices();
  const styleGone = useStyleGone();
  useEffect(() => {
    if (!styleGone) return;
    const action = { text: t('loadAnew'), run: () => window.location.reload() };
    show({ text: t('earlierVersion'), bad: true, about: 'styles', action });
  }, [styleGone, show, t]);
  useEffect(() => keepFocus(document.getElementById('app') as HTMLElement), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new address closes the drawer
  useEffect(() => setDrawer(false), [href]);
  const shell = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (drawer) shell.current?.querySelector<HTMLElement>('nav a')?.focus();
  }, [drawer]);
  const closeDrawer = () => {
    setDrawer(false);
    shell.current?.querySelector<HTMLElement>('header button')?.focus();
  };
  useShortcuts(drawer ? [{ keys: 'Escape', text: t('closeSide'), run: closeDrawer }] : []);

  if (stranger) return null;
  return (
    <div
      ref={shell}
      className={styles.shell}
      data-side={sideBar || undefined}
      data-drawer={drawer || undefined}
    >
      <a className={styles.skip} href="#content">
        {t('skip')}
      </a>
      <TopBar
        toggleSide={() => {
          // A narrow window shows it over the page, a wide one beside it.
          if (window.matchMedia('(width < 60rem)').matches) setDrawer(!drawer);
          else prefer({ sideBar: !sideBar });
        }}
      />
      {session && <Away />}
      <SideBar className={styles.side} />
      {drawer && (
        <button
          type="button"
          className={styles.veil}
          aria-label={t('closeSide')}
          onClick={() => setDrawer(false)}
        />
      )}
      <main id="content" tabIndex={-1} className={styles.content}>
        {error && !session ? (
          <div className={styles.failure}>
            <Failure error={error} retry={() => void refetch()} />
          </div>
        ) : (
          session && <Outlet />
        )}
      </main>
      <Keys />
      <DropTarget />
    </div>
  );
}
