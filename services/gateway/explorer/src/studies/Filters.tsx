// SPDX-License-Identifier: Apache-2.0
/** A field for each column that can be filtered by. */
import { type ClipboardEvent, type FormEvent, useState } from 'react';
import { Button, Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import styles from '../shell/Toolbar.module.css';
import { type Address, isListFilter, LONGEST_SEARCH, STATES, TEXT_FILTERS } from './address';
import { cellsOf } from './identifiers';

/** A field of one line would lose the ends of lines. */
function pasteCells(event: ClipboardEvent<HTMLInputElement>) {
  const cells = cellsOf(event.clipboardData.getData('text'));
  if (!cells) return;
  event.preventDefault();
  const { selectionStart, selectionEnd } = event.currentTarget;
  event.currentTarget.setRangeText(cells.join(', '), selectionStart ?? 0, selectionEnd ?? 0, 'end');
}

const FIELDS = [...TEXT_FILTERS, 'modality', 'label'] as const;

export function Filters({
  address,
  onChange,
}: {
  address: Address;
  onChange: (address: Address) => void;
}) {
  const t = useTranslations('studies');
  const [open, setOpen] = useState(false);
  useShortcuts([{ keys: 'f', text: t('filter'), run: () => setOpen(true) }]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const filtered: Address = {};
    if (address.q) filtered.q = address.q;
    if (address.sort) filtered.sort = address.sort;
    for (const name of [...FIELDS, 'state'] as const) {
      const text = String(form.get(name) ?? '').trim();
      if (text) filtered[name] = name === 'modality' ? text.toUpperCase() : text;
    }
    setOpen(false);
    onChange(filtered);
  };
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <Button className={styles.button}>
        <Icon name="filter" />
        {t('filter')}
      </Button>
      <Popover className={styles.popover} placement="bottom start">
        <Dialog className={styles.panel}>
          <Heading slot="title" level={2}>
            {t('filter')}
          </Heading>
          <form onSubmit={submit}>
            <div className={styles.fields}>
              {FIELDS.map((name) => (
                <div key={name} className={styles.field}>
                  <label htmlFor={`filter-${name}`}>{t(`filter_${name}`)}</label>
                  <input
                    id={`filter-${name}`}
                    name={name}
                    defaultValue={address[name] ?? ''}
                    maxLength={isListFilter(name) ? LONGEST_SEARCH : 200}
                    onPaste={isListFilter(name) ? pasteCells : undefined}
                    autoComplete="off"
                    spellCheck="false"
                    placeholder={
                      name === 'date' || name === 'birthDate'
                        ? t('dateHint')
                        : name === 'modality'
                          ? 'CT,MR'
                          : isListFilter(name)
                            ? t('listHint')
                            : undefined
                    }
                  />
                </div>
              ))}
              <div className={styles.field}>
                <label htmlFor="filter-state">{t('filter_state')}</label>
                <select id="filter-state" name="state" defaultValue={address.state ?? ''}>
                  <option value="">{t('any')}</option>
                  {STATES.map((state) => (
                    <option key={state} value={state}>
                      {t(`state_${state}`)}
                    </option>
                  ))}
                </select>
              </div>
            </div>
            <div className={styles.ends}>
              <button type="submit" className={styles.primary}>
                {t('apply')}
              </button>
            </div>
          </form>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
