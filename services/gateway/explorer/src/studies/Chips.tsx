// SPDX-License-Identifier: Apache-2.0
/** What is searched for, as the store has understood it: each piece can be taken away. */
import { useLocale, useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import styles from '../shell/Toolbar.module.css';
import { type Address, isListFilter, LIST_FILTERS, TEXT_FILTERS } from './address';
import { dateText } from './dicom';
import { shortened } from './identifiers';
import type { Term } from './search';

const FILTERS = [...TEXT_FILTERS, 'modality', 'label', 'state'] as const;

interface Props {
  address: Address;
  understood: Term[];
  onChange: (address: Address) => void;
}

export function Chips({ address, understood, onChange }: Props) {
  const t = useTranslations('studies');
  const locale = useLocale();
  const without = (name: keyof Address) => {
    const { [name]: _, ...others } = address;
    return others;
  };
  const inShort = (text: string) => {
    const { few, more } = shortened(text);
    return more ? t('andMore', { few, count: more }) : few;
  };
  return (
    <>
      {understood.map((term) => (
        <Chip
          key={`${term.kind} ${term.value} ${term.without}`}
          kind={t(`kind_${term.kind}`)}
          value={term.kind in LIST_FILTERS ? inShort(term.value) : textOf(term, locale)}
          remove={() => onChange(term.without ? { ...address, q: term.without } : without('q'))}
        />
      ))}
      {FILTERS.filter((name) => address[name]).map((name) => (
        <Chip
          key={name}
          kind={t(`filter_${name}`)}
          value={isListFilter(name) ? inShort(address[name] ?? '') : (address[name] ?? '')}
          remove={() => onChange(without(name))}
        />
      ))}
    </>
  );
}

/** A date as a span, since the text alone may mean another in another country. */
function textOf(term: Term, locale: string): string {
  if (!term.from && !term.to) return term.value;
  const [from, to] = [dateText(term.from ?? '', locale), dateText(term.to ?? '', locale)];
  return from === to ? from : `${from} – ${to}`;
}

function Chip({ kind, value, remove }: { kind: string; value: string; remove: () => void }) {
  const t = useTranslations('studies');
  return (
    <span className={styles.chip}>
      <span>
        {kind && <em>{kind}</em>}
        <bdi>{value}</bdi>
      </span>
      <button type="button" aria-label={t('removeFilter', { kind, value })} onClick={remove}>
        <Icon name="close" size={14} />
      </button>
    </span>
  );
}
