// SPDX-License-Identifier: Apache-2.0
import { useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import type { StoreState } from '../api/schema';
import styles from './store.module.css';

/** What people do on a page that is shown. */
const ANYTHING = ['wheel', 'touchstart', 'pointerdown', 'keydown'];

/** What this store is. */
export function About({ store }: { store: StoreState }) {
  const t = useTranslations('store');
  const section = useRef<HTMLElement>(null);
  const { hash } = useLocation();
  useEffect(() => {
    const here = section.current;
    if (hash !== 'store-about' || !here?.parentElement) return;
    // It comes later than the page, when the browser has already looked for it; what is above comes
    // later still, and would push it away. Who scrolls, or does anything else, has seen it.
    const stay = new ResizeObserver(() => here.scrollIntoView());
    stay.observe(here.parentElement);
    const leave = () => stay.disconnect();
    for (const event of ANYTHING) window.addEventListener(event, leave, { once: true });
    return () => {
      leave();
      for (const event of ANYTHING) window.removeEventListener(event, leave);
    };
  }, [hash]);
  return (
    <section ref={section} className={styles.section} aria-labelledby="store-about">
      <h2 id="store-about">{t('about')}</h2>
      <dl className={styles.facts}>
        <Fact name={t('name')}>
          {store.title} ({store.name})
        </Fact>
        <Fact name={t('version')}>Pons {store.version}</Fact>
        <Fact name={t('dicom')}>
          {t(store.dicomTls ? 'dicomTls' : 'dicomPlain', {
            aet: store.aet,
            port: String(store.dicomPort),
          })}
        </Fact>
        <Fact name={t('http')}>{t('port', { port: String(store.httpPort) })}</Fact>
        <Fact name={t('users')}>{t('userCount', { count: store.users })}</Fact>
        <Fact name={t('files')}>
          {t(store.objects === 'S3' ? 'inS3' : 'inFolder')}
          {', '}
          {t(store.compressed ? 'compressed' : 'uncompressed')}
        </Fact>
        <Fact name={t('again')}>{t(`again_${store.overwrites}`)}</Fact>
        <Fact name={t('stable')}>{t('stableAfter', { seconds: store.stableSeconds })}</Fact>
        <Fact name={t('writing')}>{t(store.readOnly ? 'readOnly' : 'takes')}</Fact>
      </dl>
      <p>
        <a href="/docs">{t('rest')}</a>
      </p>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
