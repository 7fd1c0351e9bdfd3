// SPDX-License-Identifier: Apache-2.0
import { useTranslations } from 'use-intl';
import { putJson, type Revision } from '../api/client';
import type { KnownModality } from '../api/schema';
import { useSession } from '../api/session';
import { aet, anyAet, host, newName, port, seconds } from '../forms/checks';
import { Choice, Flag, Group, Pair, TextLine } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { FormDialog } from '../known/FormDialog';
import type { FormProps } from './RemotesPage';
import { PERMISSIONS, useChanged } from './remotes';

/** As the store names them. */
const MANUFACTURERS = [
  'Generic',
  'GenericNoWildcardInDates',
  'GenericNoUniversalWildcard',
  'GE',
  'SiemensSyngoCT',
  'Vitrea',
] as const;
const METHODS = ['SystemDefault', 'C-MOVE', 'C-GET'] as const;

type Props = FormProps<KnownModality>;

export function ModalityForm({ known, taken, certificate, onClose, onDone }: Props) {
  const t = useTranslations('network');
  const texts = useTranslations('known');
  const changed = useChanged();
  const store = useSession();
  const before = known?.modality;
  const form = useForm(
    {
      name: known?.name ?? '',
      AET: before?.AET ?? '',
      Host: before?.Host ?? '',
      Port: String(before?.Port ?? 104),
      LocalAet: before?.LocalAet ?? '',
      Timeout: String(before?.Timeout || ''),
      Manufacturer: before?.Manufacturer ?? 'Generic',
      RetrieveMethod: before?.RetrieveMethod ?? 'SystemDefault',
      UseDicomTls: before?.UseDicomTls ?? false,
      AllowTranscoding: before?.AllowTranscoding ?? true,
      AllowEcho: before?.AllowEcho ?? true,
      AllowStore: before?.AllowStore ?? true,
      AllowFind: before?.AllowFind ?? true,
      AllowFindWorklist: before?.AllowFindWorklist ?? true,
      AllowGet: before?.AllowGet ?? true,
      AllowMove: before?.AllowMove ?? true,
      AllowNAction: before?.AllowNAction ?? true,
      AllowEventReport: before?.AllowEventReport ?? true,
    },
    {
      ...(known ? {} : { name: newName(taken) }),
      AET: aet,
      Host: host,
      Port: port,
      LocalAet: anyAet,
      Timeout: seconds,
    },
  );

  const name = form.values.name.trim();
  const save = async (revision: Revision) => {
    const { name: _, Port, Timeout, Host, ...rest } = form.values;
    const body = { ...rest, Host: Host.trim(), Port: Number(Port), Timeout: Number(Timeout) };
    await putJson(`/modalities/${name}`, body, { revision });
    onDone(name);
  };
  return (
    <FormDialog
      form={form}
      title={known ? texts('changeOf', { name }) : t('addModality')}
      revision={known?.revision ?? 'new'}
      save={save}
      changed={changed}
      saved={texts('saved', { name })}
      onClose={onClose}
    >
      {!known && (
        <TextLine form={form} name="name" label={texts('name')} hint={t('nameHint')} autoFocus />
      )}
      <TextLine form={form} name="AET" label={t('aet')} autoFocus={known !== null} />
      <Pair>
        <TextLine form={form} name="Host" label={t('host')} hint={t('hostHint')} />
        <TextLine form={form} name="Port" label={t('port')} inputMode="numeric" />
      </Pair>
      <Group title={t('permissions')}>
        {PERMISSIONS.map((one) => (
          <Flag key={one} form={form} name={one} label={t(one)} />
        ))}
      </Group>
      <Group title={t('calling')}>
        <Flag
          form={form}
          name="UseDicomTls"
          label={t('tls')}
          hint={certificate ? t('tlsWith') : t('tlsWithout')}
        />
        <Flag form={form} name="AllowTranscoding" label={t('transcoding')} />
        <TextLine
          form={form}
          name="LocalAet"
          label={t('localAet')}
          hint={t('localAetHint', { aet: store?.aet ?? '' })}
        />
        <TextLine
          form={form}
          name="Timeout"
          label={t('timeout')}
          hint={t('timeoutHint')}
          inputMode="numeric"
        />
        <Choice
          form={form}
          name="RetrieveMethod"
          label={t('retrieve')}
          of={METHODS.map((one) => [one, one === 'SystemDefault' ? t('asSettings') : one])}
        />
        <Choice
          form={form}
          name="Manufacturer"
          label={t('manufacturer')}
          hint={t('manufacturerHint')}
          of={MANUFACTURERS.map((one) => [one, one])}
        />
      </Group>
    </FormDialog>
  );
}
