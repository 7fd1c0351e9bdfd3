// SPDX-License-Identifier: Apache-2.0
/** What has to hold, in a form: simple questions line by line, anything else as JSON. */
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { conditions, needed } from '../forms/checks';
import { Group, Pair, TextLine } from '../forms/fields';
import type { Checks, Form } from '../forms/useForm';
import styles from '../known/known.module.css';
import { type Condition, conditionOf, questionsOf } from './rules';

/** Lines for conditions; more of them are written as JSON. */
const LINES = [0, 1, 2, 3] as const;

/** Whether the lines can hold them. */
export const areSimple = (when: readonly Condition[]): boolean =>
  when.length <= LINES.length && questionsOf(when) !== null;

/** The fields of a form that holds them. */
export function conditionValues(when: readonly Condition[]): Record<string, string> {
  const simple = areSimple(when) ? questionsOf(when) : null;
  return {
    // What is not shown is no field of which something could be told.
    ...(simple ? {} : { When: JSON.stringify(when, null, 1) }),
    ...Object.fromEntries(
      LINES.flatMap((line) => [
        [`of${line}`, simple?.[line]?.of ?? ''],
        [`is${line}`, simple?.[line]?.is ?? ''],
      ]),
    ),
  };
}

const isFilled = (values: Record<string, string>, name: string) => Boolean(values[name]?.trim());

/** Half a line is a mistake: left out, the rule would hold of more than was meant. */
export function conditionChecks(
  values: Record<string, string>,
  written: boolean,
): Checks<Record<string, string>> {
  if (written) return { When: conditions };
  const halves = LINES.flatMap((line) => [
    [`of${line}`, `is${line}`] as const,
    [`is${line}`, `of${line}`] as const,
  ]).filter(([, other]) => isFilled(values, other));
  return Object.fromEntries(halves.map(([half]) => [half, needed]));
}

/** Says at the line of a form what the store has said of a condition. */
export function atItsLine(error: unknown, values: Record<string, string>): unknown {
  if (!(error instanceof ApiError)) return error;
  const [, place, told] = /\bWhen\.(\d+)\.Tag: (.*), got .*\)$/s.exec(error.message) ?? [];
  const line = LINES.filter((one) => isFilled(values, `of${one}`))[Number(place)];
  if (line === undefined) return error;
  return new ApiError(error.method, error.path, error.status, { Details: `of${line}: ${told}` });
}

/** What the fields say, once they are checked. */
export function conditionsIn(values: Record<string, string>, written: boolean): Condition[] {
  if (written) return JSON.parse(values.When ?? '') as Condition[];
  return LINES.map((line) => ({
    of: (values[`of${line}`] ?? '').trim(),
    is: values[`is${line}`] ?? '',
  }))
    .filter(({ of, is }) => of || is.trim())
    .map(conditionOf);
}

interface Props {
  form: Form<Record<string, string>>;
  /** As JSON. */
  written: boolean;
  /** From now on as JSON. */
  write: () => void;
  hint?: string;
}

export function Conditions({ form, written, write, hint }: Props) {
  const t = useTranslations('routing');
  return (
    <Group title={t('when')}>
      <p className={styles.soft}>{hint ?? t('whenHint')}</p>
      {written ? (
        <TextLine form={form} name="When" label={t('written')} lines={6} />
      ) : (
        <>
          {LINES.map((line) => (
            <Pair key={line}>
              <TextLine form={form} name={`of${line}`} label={t('of', { number: line + 1 })} />
              <TextLine form={form} name={`is${line}`} label={t('is', { number: line + 1 })} />
            </Pair>
          ))}
          <Button
            className={styles.button}
            onPress={() => {
              form.set('When', JSON.stringify(conditionsIn(form.values, false), null, 1));
              write();
            }}
          >
            {t('write')}
          </Button>
        </>
      )}
    </Group>
  );
}
