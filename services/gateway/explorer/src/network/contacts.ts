// SPDX-License-Identifier: Apache-2.0
/** How the last contact with a modality or a peer went, in the words of people. */
import { useTranslations } from 'use-intl';
import type { LastContact, RemoteState } from '../api/schema';
import { useJobTexts } from '../jobs/texts';

export type Contact = LastContact | null | undefined;
export type Standing = LastContact['outcome'] | 'unknown';

export const standingOf = (contact: Contact): Standing => contact?.outcome ?? 'unknown';

/** Of a remote, by what the stream says; null where it says nothing of it. */
export function contactOf(
  remotes: readonly RemoteState[] | null,
  kind: RemoteState['kind'],
  name: string,
): LastContact | null {
  return remotes?.find((one) => one.kind === kind && one.name === name)?.contact ?? null;
}

/** Those to show where not all have room, in their order: first those that something is wrong with. */
export function foremost(remotes: readonly RemoteState[], most: number): readonly RemoteState[] {
  if (remotes.length <= most) return remotes;
  const wrong = ({ contact }: RemoteState) => Boolean(contact && contact.outcome !== 'well');
  const chosen = new Set(
    [...remotes.filter(wrong), ...remotes.filter((one) => !wrong(one))].slice(0, most),
  );
  return remotes.filter((one) => chosen.has(one));
}

export function useContactTexts() {
  const t = useTranslations('network');
  const { shortly } = useJobTexts();
  const standing = (contact: Contact) => t(`standing_${standingOf(contact)}`);
  /** When it was and what was done, why it failed, and when it went well before. */
  const details = (contact: LastContact) => ({
    when: `${shortly(contact.at)} · ${contact.did}`,
    why: contact.why,
    well:
      contact.outcome === 'well'
        ? ''
        : contact.well
          ? t('wellAt', { when: shortly(contact.well) })
          : t('neverWell'),
  });
  return {
    standing,
    details,
    whole: (contact: Contact) =>
      contact
        ? [standing(contact), ...Object.values(details(contact))].filter(Boolean).join(' · ')
        : standing(contact),
  };
}
