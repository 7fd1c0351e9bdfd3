// SPDX-License-Identifier: Apache-2.0
/** The store: what needs attention, how full it is, what it did for a week, who serves it. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Page } from '../shell/Page';
import { About } from './About';
import { Attention } from './Attention';
import { Now } from './Now';
import {
  historyQuery,
  jobsStateQuery,
  RANGES,
  type Range,
  servicesQuery,
  storeQuery,
} from './queries';
import { Rules } from './Rules';
import { Services } from './Services';
import styles from './store.module.css';

const Charts = lazy(() => import('./Charts').then(({ Charts }) => ({ default: Charts })));

export function StorePage() {
  const t = useTranslations('store');
  const { hours = 24 } = useSearch({ from: '/shell/operate' });
  const navigate = useNavigate();
  const store = useQuery(storeQuery);
  const services = useQuery(servicesQuery);
  const jobs = useQuery(jobsStateQuery);
  const history = useQuery(historyQuery(hours));
  const lately = useQuery(historyQuery(1));
  return (
    <Page title={t('title')}>
      {store.error && <Failure error={store.error} retry={() => void store.refetch()} />}
      {jobs.error && <Failure error={jobs.error} retry={() => void jobs.refetch()} />}
      <Attention services={services.data} store={store.data} jobs={jobs.data} />
      {store.data && <Now store={store.data} history={lately.data} />}
      <section className={styles.section} aria-labelledby="store-history">
        <div className={styles.heading}>
          <h2 id="store-history">{t('history')}</h2>
          <ToggleButtonGroup
            className={styles.ranges}
            aria-label={t('range')}
            disallowEmptySelection
            selectedKeys={[hours]}
            onSelectionChange={(keys) => {
              const [chosen] = [...keys] as Range[];
              void navigate({
                to: '/operate',
                search: chosen === 24 ? {} : { hours: chosen },
                replace: true,
              });
            }}
          >
            {RANGES.map((one) => (
              <ToggleButton key={one} id={one} className={styles.range}>
                {t(`range_${one}`)}
              </ToggleButton>
            ))}
          </ToggleButtonGroup>
        </div>
        {history.error && <Failure error={history.error} retry={() => void history.refetch()} />}
        <Suspense fallback={<div className={styles.charts} />}>
          {history.data && <Charts history={history.data} hours={hours} />}
        </Suspense>
      </section>
      <section className={styles.section} aria-labelledby="store-services">
        <h2 id="store-services">{t('services')}</h2>
        {services.error && <Failure error={services.error} retry={() => void services.refetch()} />}
        {services.data && <Services services={services.data} />}
      </section>
      {store.data && <Rules store={store.data} />}
      {store.data && <About store={store.data} />}
    </Page>
  );
}
