// SPDX-License-Identifier: Apache-2.0
/** What is known of a study or patient, in one list: what is not known is left out. */
import { isValidElement, type ReactElement } from 'react';
import { dateText } from '../studies/dicom';

export type Fact = string | ReactElement | undefined;

export function Facts({ className, facts }: { className: string | undefined; facts: Fact[] }) {
  return (
    <ul className={className}>
      {facts.map(
        (fact) =>
          fact && (
            <li key={isValidElement(fact) ? fact.key : fact} dir="auto">
              {fact}
            </li>
          ),
      )}
    </ul>
  );
}

/** Sex and date of birth of a patient, as DICOM has them. */
export function bornText(sex: string | undefined, birthDate: string | undefined, locale: string) {
  return [sex, dateText(birthDate ?? '', locale)].filter(Boolean).join(' ');
}
