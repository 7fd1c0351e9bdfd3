// SPDX-License-Identifier: Apache-2.0
/** Whom to ask, and for what: nothing is asked before the button. */
import { type FormEvent, useId, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { type Asked, FIELDS } from './address';
import styles from './remote.module.css';

interface Props {
  known: readonly string[];
  names: readonly string[];
  asked: Asked;
  onAsk: (names: string[], asked: Asked) => void;
}

export function Form({ known, names, asked, onAsk }: Props) {
  const t = useTranslations('remote');
  const id = useId();
  const first = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    new Set(names.length || known.length > 1 ? names : known),
  );
  const [lacking, setLacking] = useState<'chooseWhere' | 'sayWhat' | null>(null);
  useShortcuts([{ keys: '/', text: t('keySearch'), run: () => first.current?.focus() }]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next: Asked = {};
    for (const name of FIELDS) {
      const text = String(form.get(name) ?? '').trim();
      if (text) next[name] = text;
    }
    const asking = known.filter((name) => chosen.has(name));
    if (!asking.length) setLacking('chooseWhere');
    else if (!Object.keys(next).length) setLacking('sayWhat');
    else {
      setLacking(null);
      onAsk(asking, next);
    }
  };
  const choose = (name: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(name);
    else next.delete(name);
    setChosen(next);
  };
  const all = known.every((name) => chosen.has(name));
  return (
    <form className={styles.form} onSubmit={submit}>
      <fieldset className={styles.remotes}>
        <legend>{t('where')}</legend>
        {known.length > 1 && (
          <label>
            <input
              type="checkbox"
              checked={all}
              onChange={() => setChosen(all ? new Set() : new Set(known))}
            />
            {t('all')}
          </label>
        )}
        {known.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={chosen.has(name)}
              onChange={(event) => choose(name, event.target.checked)}
            />
            <bdi>{name}</bdi>
          </label>
        ))}
      </fieldset>
      <search className={styles.fields} aria-label={t('criteria')}>
        {FIELDS.map((name, index) => (
          <div key={name} className={styles.field} data-field={name}>
            <label htmlFor={`${id}-${name}`}>{t(`field_${name}`)}</label>
            <input
              ref={index ? null : first}
              id={`${id}-${name}`}
              name={name}
              type={name === 'from' || name === 'to' ? 'date' : 'text'}
              defaultValue={asked[name] ?? ''}
              maxLength={200}
              spellCheck="false"
              autoComplete="off"
              aria-describedby={`${id}-hint`}
            />
          </div>
        ))}
        <Button type="submit" className={styles.primary}>
          <Icon name="search" size={16} />
          {t('ask')}
        </Button>
        {lacking ? (
          <p id={`${id}-hint`} role="alert" className={styles.lacking}>
            {t(lacking)}
          </p>
        ) : (
          <p id={`${id}-hint`} className={styles.hint}>
            {t('wildcards')}
          </p>
        )}
      </search>
    </form>
  );
}
