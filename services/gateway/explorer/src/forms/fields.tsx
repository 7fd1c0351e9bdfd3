// SPDX-License-Identifier: Apache-2.0
/** Fields of forms: a label, what is typed, and below it a hint or what is wrong. */
import { type ReactNode, useId } from 'react';
import { FieldError, Input, Label, Text, TextArea, TextField } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import styles from './fields.module.css';
import { type Form, useMistake, type Values } from './useForm';

interface Props<V extends Values> {
  form: Form<V>;
  name: keyof V & string;
  label: string;
  hint?: string | undefined;
}

interface TextProps<V extends Values> extends Props<V> {
  type?: 'text' | 'password' | 'url' | 'date' | 'time';
  inputMode?: 'numeric' | 'text';
  lines?: number;
  autoFocus?: boolean;
  isDisabled?: boolean;
}

export function TextLine<V extends Values>({
  form,
  name,
  label,
  hint,
  type = 'text',
  inputMode = 'text',
  lines,
  ...rest
}: TextProps<V>) {
  const t = useTranslations('forms');
  const mistake = useMistake(form, name);
  return (
    <TextField
      className={styles.field}
      name={name}
      type={type}
      value={String(form.values[name])}
      onChange={(text) => form.set(name, text as V[typeof name])}
      onBlur={({ relatedTarget }) => {
        // A line more would move the button from under the pointer that is about to press it.
        if (!(relatedTarget instanceof HTMLButtonElement)) form.left(name);
      }}
      isInvalid={mistake !== null}
      validationBehavior="aria"
      {...rest}
    >
      <Label>{label}</Label>
      {lines ? (
        <TextArea rows={lines} spellCheck="false" />
      ) : (
        <Input
          inputMode={inputMode}
          autoComplete={type === 'password' ? 'new-password' : 'off'}
          spellCheck="false"
        />
      )}
      {mistake ? (
        <FieldError className={styles.error}>
          {'key' in mistake ? t(mistake.key) : mistake.told}
        </FieldError>
      ) : (
        hint && (
          <Text slot="description" className={styles.hint}>
            {hint}
          </Text>
        )
      )}
    </TextField>
  );
}

export function Choice<V extends Values>({
  form,
  name,
  label,
  hint,
  of,
}: Props<V> & { of: readonly (readonly [value: string, text: string])[] }) {
  const id = useId();
  const t = useTranslations('forms');
  const mistake = useMistake(form, name);
  const told = mistake && ('key' in mistake ? t(mistake.key) : mistake.told);
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={String(form.values[name])}
        aria-invalid={mistake !== null}
        aria-describedby={(told ?? hint) ? `${id}-hint` : undefined}
        onChange={(event) => form.set(name, event.target.value as V[typeof name])}
      >
        {of.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {(told ?? hint) && (
        <span id={`${id}-hint`} className={told ? styles.error : styles.hint}>
          {told ?? hint}
        </span>
      )}
    </div>
  );
}

export function Flag<V extends Values>({ form, name, label, hint }: Props<V>) {
  const t = useTranslations('forms');
  const mistake = useMistake(form, name);
  return (
    <Tick
      label={label}
      hint={hint}
      mistake={mistake && ('key' in mistake ? t(mistake.key) : mistake.told)}
      checked={form.values[name] === true}
      change={(checked) => form.set(name, checked as V[typeof name])}
    />
  );
}

interface TickProps {
  label: string;
  hint?: string | undefined;
  /** What is wrong with it. */
  mistake?: string | null;
  checked: boolean;
  change: (checked: boolean) => void;
}

export function Tick({ label, hint, mistake, checked, change }: TickProps) {
  const id = useId();
  const told = mistake ?? hint;
  return (
    <div className={styles.flag}>
      <input
        id={id}
        className={styles.box}
        type="checkbox"
        checked={checked}
        aria-invalid={mistake ? true : undefined}
        aria-describedby={told ? `${id}-hint` : undefined}
        onChange={(event) => change(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {told && (
        <span id={`${id}-hint`} className={mistake ? styles.error : styles.hint}>
          {told}
        </span>
      )}
    </div>
  );
}

export const Pair = ({ children }: { children: ReactNode }) => (
  <div className={styles.pair}>{children}</div>
);

export function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={styles.group}>
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
