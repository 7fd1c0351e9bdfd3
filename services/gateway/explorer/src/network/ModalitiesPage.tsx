// SPDX-License-Identifier: Apache-2.0
/** The DICOM systems that this store knows: whether they answer, and what each may ask of it. */
import { useFormatter, useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import styles from '../known/known.module.css';
import { ModalityForm } from './ModalityForm';
import { RemotesPage } from './RemotesPage';
import { echoModality, type ModalityValues, permissionsOf } from './remotes';

export function ModalitiesPage() {
  const t = useTranslations('network');
  const may = useMay();
  return (
    <RemotesPage
      kind="modalities"
      texts={{
        title: t('modalities'),
        lead: t('modalitiesLead'),
        add: t('addModality'),
        none: t('noModalities'),
      }}
      ask={may('echo') ? echoModality : null}
      columns={[
        {
          title: t('address'),
          show: ({ modality }) => (
            <>
              <bdi>
                {modality.AET} · {modality.Host}:{modality.Port}
              </bdi>
              <Details modality={modality} />
            </>
          ),
        },
        { title: t('may'), show: ({ modality }) => <Permissions modality={modality} /> },
      ]}
      form={(props) => <ModalityForm {...props} />}
    />
  );
}

/** What of it is not as of most others. */
function Details({ modality }: { modality: ModalityValues }) {
  const t = useTranslations('network');
  const told = [
    modality.UseDicomTls && 'TLS',
    modality.Manufacturer !== 'Generic' && modality.Manufacturer,
    modality.LocalAet && t('calledAs', { aet: modality.LocalAet }),
    modality.RetrieveMethod !== 'SystemDefault' && modality.RetrieveMethod,
    modality.Timeout ? t('waits', { seconds: modality.Timeout }) : '',
    modality.AllowTranscoding === false && t('asStored'),
  ].filter(Boolean);
  return told.length > 0 && <span className={styles.below}>{told.join(' · ')}</span>;
}

function Permissions({ modality }: { modality: ModalityValues }) {
  const t = useTranslations('network');
  const format = useFormatter();
  const [how, which] = permissionsOf(modality);
  if (how === 'everything' || how === 'nothing') return t(how);
  const list = format.list((which ?? []).map((one) => t(one)));
  return how === 'only' ? list : t('allBut', { list });
}
