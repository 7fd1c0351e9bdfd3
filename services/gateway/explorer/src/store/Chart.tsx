// SPDX-License-Identifier: Apache-2.0
/** One chart, drawn by uPlot; what it shows is told in words and as a table, too. */
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useLocale, useTranslations } from 'use-intl';
import { timeFormat } from '../formats';
import { usePreferences } from '../preferences';
import { rowsOf } from './rows';
import styles from './store.module.css';

export interface Line {
  name: string;
  values: (number | null)[];
  text: (value: number) => string;
  /** As the axis tells it, where that is shorter. */
  short?: (value: number) => string;
}

interface Props {
  title: string;
  at: number[];
  hours: number;
  lines: Line[];
}

const HEIGHT = 150;
const COLOURS = ['--accent', '--warn'] as const;

export function Chart({ title, at, hours, lines }: Props) {
  const t = useTranslations('store');
  const locale = useLocale();
  const place = useRef<HTMLDivElement>(null);
  const [tabled, setTabled] = useState(false);
  const dark = useDark();
  const when = (seconds: number) =>
    timeFormat(locale, {
      ...(hours > 24 ? { day: '2-digit', month: '2-digit' } : {}),
      hour: '2-digit',
      minute: '2-digit',
    }).format(seconds * 1000);
  const tick = (seconds: number) =>
    hours > 24
      ? timeFormat(locale, { day: '2-digit', month: '2-digit' }).format(seconds * 1000)
      : when(seconds);
  const latest = useRef({ tick, lines });
  latest.current = { tick, lines };

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours follow the theme
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const colour = (name: string) => {
      element.style.color = `var(${name})`;
      return getComputedStyle(element).color;
    };
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 } };
    const first = lines[0];
    const plot = new uPlot(
      {
        width: Math.max(element.clientWidth, 100),
        height: HEIGHT,
        cursor: { drag: { x: false, y: false } },
        legend: { show: false },
        scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          { ...axis, values: (_, splits) => splits.map((one) => latest.current.tick(one)) },
          {
            ...axis,
            size: 78,
            values: (_, splits) => splits.map((one) => (first?.short ?? first?.text)?.(one) ?? ''),
          },
        ],
        series: [
          {},
          ...lines.map((line, index) => ({
            label: line.name,
            stroke: colour(COLOURS[index % COLOURS.length] ?? '--accent'),
            width: 1.5,
            ...(index ? { dash: [5, 4] } : {}),
            spanGaps: false,
            points: { show: false },
          })),
        ],
      },
      [at, ...lines.map(({ values }) => values)],
      element,
    );
    element.style.color = '';
    const watch = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(element.clientWidth, 100), height: HEIGHT }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [at, dark, title]);

  const last = lines.map(({ values }) => values.findLast((one) => one !== null) ?? null);
  const most = lines.map(({ values }) => Math.max(...values.map((one) => one ?? 0)));
  const known = last.some((one) => one !== null);
  return (
    <figure className={styles.chart}>
      <figcaption>
        <h3>{title}</h3>
        <ul className={styles.legend}>
          {lines.map(({ name, text }, index) => (
            <li key={name} data-line={index}>
              {last[index] === null
                ? t('unknown', { name })
                : t('lastAndMost', {
                    name,
                    last: text(last[index] ?? 0),
                    most: text(most[index] ?? 0),
                  })}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} className={styles.plot} aria-hidden="true" />
      {!known && <p className={styles.soft}>{t('noHistory')}</p>}
      <details onToggle={({ currentTarget }) => setTabled(currentTarget.open)}>
        <summary>{t('asTable', { title })}</summary>
        {tabled && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
          <section className={styles.tabled} tabIndex={0} aria-label={title}>
            <table className={styles.table}>
              <thead>
                <tr>
                  <th scope="col">{t('from')}</th>
                  {lines.map(({ name }) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rowsOf(at, lines).map(({ from, values }) => (
                  <tr key={from}>
                    <th scope="row">{when(from)}</th>
                    {lines.map(({ name, text }, index) => {
                      const value = values[index] ?? null;
                      return <td key={name}>{value === null ? t('gap') : text(value)}</td>;
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </details>
    </figure>
  );
}

/** Whether the page is dark now: uPlot draws colours that it is given once. */
function useDark(): boolean {
  const { theme } = usePreferences();
  const [system, setSystem] = useState(() => darkSystem().matches);
  useEffect(() => {
    const query = darkSystem();
    const changed = () => setSystem(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return theme === 'system' ? system : theme === 'dark';
}

const darkSystem = () => window.matchMedia('(prefers-color-scheme: dark)');
