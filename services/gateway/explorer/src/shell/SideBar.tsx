// SPDX-License-Identifier: Apache-2.0
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { useMay, useSession } from '../api/session';
import { Icon } from './Icon';
import styles from './SideBar.module.css';

export function SideBar({ className }: { className: string | undefined }) {
  const t = useTranslations('shell');
  const may = useMay();
  const session = useSession();
  return (
    <nav className={className} aria-label={t('pages')}>
      <div className={styles.list}>
        <Link to="/" className={styles.entry} activeOptions={{ exact: true, includeSearch: false }}>
          <Icon name="studies" />
          {t('studies')}
        </Link>
        {may('upload') && (
          <Link to="/upload" className={styles.entry}>
            <Icon name="upload" />
            {t('upload')}
          </Link>
        )}
        {may('query') && (
          <Link to="/remote/{-$names}" className={styles.entry}>
            <Icon name="archives" />
            {t('remote')}
          </Link>
        )}
        <Link to="/worklist" className={styles.entry}>
          <Icon name="calendar" />
          {t('worklist')}
        </Link>
        <Link
          to="/jobs"
          search={{}}
          className={styles.entry}
          activeOptions={{ includeSearch: false }}
        >
          <Icon name="jobs" />
          {t('jobs')}
        </Link>
        <Link to="/operate/modalities" className={styles.entry}>
          <Icon name="network" />
          {t('network')}
        </Link>
        <Link to="/operate/routing" className={styles.entry} activeOptions={{ exact: true }}>
          <Icon name="route" />
          {t('routing')}
        </Link>
        <Link
          to="/operate"
          className={styles.entry}
          activeOptions={{ exact: true, includeSearch: false }}
        >
          <Icon name="store" />
          {t('store')}
        </Link>
        <div id="side-tools" className={styles.tools} />
        <div className={styles.foot}>
          {session?.readOnly && (
            <span className={styles.readOnly}>
              <Icon name="lock" size={15} />
              {t('readOnly')}
            </span>
          )}
          <Link to="/operate" hash="store-about">
            {t('aboutStore')}
          </Link>
          <a href="/docs">{t('rest')}</a>
          <span>Pons {session?.version}</span>
        </div>
      </div>
    </nav>
  );
}
