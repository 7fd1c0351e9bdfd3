// SPDX-License-Identifier: Apache-2.0
import { useFormatter, useTranslations } from 'use-intl';
import type { ServicesPresent } from '../api/schema';
import styles from './store.module.css';

/** Every process that answers, and the services of which none does. */
export function Services({ services }: { services: ServicesPresent }) {
  const t = useTranslations('store');
  const format = useFormatter();
  return (
    <div className={styles.wide}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t('service')}</th>
            <th scope="col">{t('process')}</th>
            <th scope="col">{t('version')}</th>
            <th scope="col">{t('since')}</th>
            <th scope="col">{t('condition')}</th>
          </tr>
        </thead>
        <tbody>
          {services.processes.map((one) => (
            <tr key={one.process}>
              <th scope="row">
                {one.service}
                <span className={styles.soft}>{t(`does_${nameOf(one.service)}`)}</span>
              </th>
              <td>
                <bdi>{one.process}</bdi>
              </td>
              <td>{one.version}</td>
              <td>{format.relativeTime(new Date(Date.now() - one.seconds * 1000), new Date())}</td>
              <td>
                <span className={styles.state} data-bad={!one.ready || undefined}>
                  {t(one.ready ? 'ready' : 'notReady')}
                </span>
                {Object.entries(one.failures).map(([name, why]) => (
                  <span key={name} className={styles.why} lang="en">
                    {name}: {why}
                  </span>
                ))}
              </td>
            </tr>
          ))}
          {services.silent.map((service) => (
            <tr key={service}>
              <th scope="row">
                {service}
                <span className={styles.soft}>{t(`does_${nameOf(service)}`)}</span>
              </th>
              <td>–</td>
              <td>–</td>
              <td>–</td>
              <td>
                <span className={styles.state} data-bad>
                  {t('noAnswer')}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const KNOWN = ['dicom-ingress', 'egress', 'gateway', 'index', 'render'] as const;

/** One that a later version has is shown without words of its own. */
function nameOf(service: string) {
  return KNOWN.find((one) => one === service) ?? 'other';
}
