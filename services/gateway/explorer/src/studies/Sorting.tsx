// SPDX-License-Identifier: Apache-2.0
/** The order of the list where its headings, which sort by a press, have no room. */
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useNarrow } from '../grid/useNarrow';
import { Icon } from '../shell/Icon';
import { isSort, SORTS, type Sort } from './address';
import { COLUMNS } from './chosen';
import { COLUMN } from './columns';
import styles from './Toolbar.module.css';

/** Each order that a column has, and that column. */
const OFFERED = SORTS.flatMap((sort) => {
  const column = COLUMNS.find((one) => COLUMN[one].sort === sort);
  return column ? [{ sort, column }] : [];
});

export function Sorting({ sort, onSort }: { sort: Sort; onSort: (sort: Sort) => void }) {
  const t = useTranslations('studies');
  const narrow = useNarrow();
  if (!narrow) return null;
  const down = sort.startsWith('-');
  const by = sort.replace(/^-/, '');
  const choose = (column: string, downwards: boolean) => {
    const next = downwards ? `-${column}` : column;
    if (isSort(next)) onSort(next);
  };
  return (
    <span className={styles.sorting}>
      <select
        aria-label={t('sortBy')}
        value={by}
        onChange={({ target }) => choose(target.value, down)}
      >
        {!OFFERED.some((one) => one.sort === by) && <option value={by} hidden />}
        {OFFERED.map(({ sort: one, column }) => (
          <option key={one} value={one}>
            {t(`column_${column}`)}
          </option>
        ))}
      </select>
      <Button
        className={styles.button}
        aria-label={t(down ? 'sortUp' : 'sortDown')}
        onPress={() => choose(by, !down)}
      >
        <Icon name={down ? 'arrowDown' : 'arrowUp'} size={16} />
      </Button>
    </span>
  );
}
