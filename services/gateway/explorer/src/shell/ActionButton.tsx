// SPDX-License-Identifier: Apache-2.0
/** A button that says why it does nothing where that is so: to the pointer, to who is read to, and
 *  to who presses it. */
import { useId } from 'react';
import { Icon, type IconName } from './Icon';
import { useNotices } from './notices';

export interface Action {
  name: string;
  icon: IconName;
  /** The key that does the same. */
  keys: string;
  danger?: boolean;
  /** Why it cannot be done now. */
  why?: string;
  run: () => void;
}

/** What a button or its key does: what it is for, or saying why not. */
export function useRun(): (action: Action) => () => void {
  const { show } = useNotices();
  return ({ why, run }) => (why ? () => show({ text: why, about: why }) : run);
}

export function ActionButton({ action, className }: { action: Action; className?: string }) {
  const { name, icon, danger, why } = action;
  const reason = useId();
  return (
    <button
      type="button"
      className={className}
      data-danger={danger || undefined}
      aria-disabled={why !== undefined || undefined}
      aria-describedby={why && reason}
      title={why}
      onClick={useRun()(action)}
    >
      <Icon name={icon} />
      {name}
      {why && (
        <span id={reason} hidden>
          {why}
        </span>
      )}
    </button>
  );
}
