// SPDX-License-Identifier: Apache-2.0
/** The order of a list where its headings, which sort by a press, have no room. */
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import toolbar from '../shell/Toolbar.module.css';
import { useNarrow } from './useNarrow';

interface Props {
  /** Each order that a column has, with the title of that column. */
  offered: { id: string; title: string }[];
  sort: string;
  onSort: (sort: string) => void;
}

export function Sorting({ offered, sort, onSort }: Props) {
  const t = useTranslations('grid');
  const narrow = useNarrow();
  if (!narrow) return null;
  const down = sort.startsWith('-');
  const by = sort.replace(/^-/, '');
  const choose = (column: string, downwards: boolean) => onSort(downwards ? `-${column}` : column);
  return (
    <span className={toolbar.sorting}>
      <select
        aria-label={t('sortBy')}
        value={by}
        onChange={({ target }) => choose(target.value, down)}
      >
        {!offered.some(({ id }) => id === by) && <option value={by} hidden />}
        {offered.map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
      <Button
        className={toolbar.button}
        aria-label={t(down ? 'sortUp' : 'sortDown')}
        onPress={() => choose(by, !down)}
      >
        <Icon name={down ? 'arrowDown' : 'arrowUp'} size={16} />
      </Button>
    </span>
  );
}
