// SPDX-License-Identifier: Apache-2.0
import { useLocale, useTranslations } from 'use-intl';
import { STATES, type State } from './address';
import styles from './jobs.module.css';

interface Props {
  /** How many jobs there are in each state. */
  states: Record<string, number>;
  chosen: readonly State[];
  onChange: (states: State[]) => void;
}

/** A button for each state: pressed ones are shown, all where none is pressed. */
export function StateFilter({ states, chosen, onChange }: Props) {
  const t = useTranslations('jobs');
  const locale = useLocale();
  return (
    <fieldset className={styles.states}>
      <legend>{t('filterState')}</legend>
      {STATES.map((state) => {
        const pressed = chosen.includes(state);
        const count = states[state] ?? 0;
        return (
          <button
            key={state}
            type="button"
            aria-pressed={pressed}
            data-state={state}
            data-none={(count === 0 && !pressed) || undefined}
            onClick={() =>
              onChange(STATES.filter((one) => (one === state ? !pressed : chosen.includes(one))))
            }
          >
            {t(`state_${state}`)} <span>{count.toLocaleString(locale)}</span>
          </button>
        );
      })}
    </fieldset>
  );
}
