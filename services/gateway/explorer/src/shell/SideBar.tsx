// SPDX-License-Identifier: Apache-2.0
import { Link, useLocation } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { useHas, useMay, useSession } from '../api/session';
import { SideRemotes } from '../network/SideRemotes';
import { Icon } from './Icon';
import styles from './SideBar.module.css';
import { type Section, sectionOf } from './sections';

const WITHIN = { 'data-status': 'active', 'aria-current': true } as const;

export function SideBar({ className }: { className: string | undefined }) {
  const t = useTranslations('shell');
  const may = useMay();
  const has = useHas();
  const session = useSession();
  const here = useLocation({ select: ({ pathname }) => sectionOf(pathname) });
  /** Marks an entry also on the other pages that belong to it. */
  const entry = (section: Section) => ({
    className: styles.entry,
    activeOptions: { exact: true, includeSearch: false },
    inactiveProps: section === here ? WITHIN : {},
  });
  return (
    <nav className={className} aria-label={t('pages')}>
      <div className={styles.list}>
        <Link to="/" {...entry('studies')}>
          <Icon name="studies" />
          {t('studies')}
        </Link>
        {has('patients') && (
          <Link to="/patients" search={{}} {...entry('patients')}>
            <Icon name="patients" />
            {t('patients')}
          </Link>
        )}
        {may('upload') && (
          <Link to="/upload" {...entry('upload')}>
            <Icon name="upload" />
            {t('upload')}
          </Link>
        )}
        {may('query') && (
          <Link to="/remote/{-$names}" {...entry('remote')}>
            <Icon name="archives" />
            {t('remote')}
          </Link>
        )}
        <Link to="/worklist" {...entry('worklist')}>
          <Icon name="calendar" />
          {t('worklist')}
        </Link>
        <Link to="/jobs" search={{}} {...entry('jobs')}>
          <Icon name="jobs" />
          {t('jobs')}
        </Link>
        <Link to="/operate/modalities" {...entry('network')}>
          <Icon name="network" />
          {t('network')}
        </Link>
        <Link to="/operate/routing" {...entry('routing')}>
          <Icon name="route" />
          {t('routing')}
        </Link>
        <Link to="/operate" {...entry('store')}>
          <Icon name="store" />
          {t('store')}
        </Link>
        <div id="side-tools" className={styles.tools} />
        {/* Below what a page has there: they come later, and would push it down. */}
        <SideRemotes />
        <div className={styles.foot}>
          {session?.readOnly && (
            <span className={styles.readOnly}>
              <Icon name="lock" size={15} />
              {t('readOnly')}
            </span>
          )}
          <Link to="/operate" hash="store-about" activeOptions={{ exact: true, includeHash: true }}>
            {t('aboutStore')}
          </Link>
          <a href="/docs">{t('rest')}</a>
          <span>Pons {session?.version}</span>
        </div>
      </div>
    </nav>
  );
}
