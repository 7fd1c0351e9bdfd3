// SPDX-License-Identifier: Apache-2.0
/** A peer in a form. Its secrets are never shown: an empty field leaves them as they are. */
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson, type Revision } from '../api/client';
import type { ChangedPeer, KnownPeer } from '../api/schema';
import { headers, headersOf, newName, seconds, url, user } from '../forms/checks';
import { Flag, Group, TextLine, Tick } from '../forms/fields';
import { useForm } from '../forms/useForm';
import { FormDialog } from '../known/FormDialog';
import type { FormProps } from './RemotesPage';
import { useChanged } from './remotes';

export function PeerForm({ known, taken, onClose, onDone }: FormProps<KnownPeer>) {
  const t = useTranslations('network');
  const texts = useTranslations('known');
  const changed = useChanged();
  const before = known?.peer;
  const there = before?.HttpHeaders ?? [];
  const [kept, setKept] = useState(there);
  const form = useForm(
    {
      name: known?.name ?? '',
      Url: before?.Url ?? '',
      Username: before?.Username ?? '',
      Password: '',
      HttpHeaders: '',
      Timeout: String(before?.Timeout || ''),
      CertificateFile: before?.CertificateFile ?? '',
      CertificateKeyFile: before?.CertificateKeyFile ?? '',
      CertificateKeyPassword: '',
      Pkcs11: before?.Pkcs11 ?? false,
    },
    {
      ...(known ? {} : { name: newName(taken) }),
      Url: url,
      Username: user,
      HttpHeaders: headers,
      Timeout: seconds,
    },
  );

  const name = form.values.name.trim();
  const save = async (revision: Revision) => {
    const { name: _, Url, Timeout, HttpHeaders, ...rest } = form.values;
    const body: ChangedPeer = {
      peer: {
        ...known?.notes,
        ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== '')),
        Url: Url.trim(),
        HttpHeaders: headersOf(HttpHeaders),
        Timeout: Number(Timeout),
      },
      keepPassword: known !== null && rest.Username !== '' && rest.Password === '',
      keepKeyPassword:
        known !== null && rest.CertificateFile !== '' && rest.CertificateKeyPassword === '',
      keepHeaders: kept,
    };
    await putJson(`/explorer/api/peers/${name}`, body, { revision });
    onDone(name);
  };
  const secret = known ? t('secretStays') : undefined;
  return (
    <FormDialog
      form={form}
      edited={kept.length < there.length}
      title={known ? texts('changeOf', { name }) : t('addPeer')}
      revision={known?.revision ?? 'new'}
      save={save}
      changed={changed}
      saved={texts('saved', { name })}
      onClose={onClose}
    >
      {!known && (
        <TextLine form={form} name="name" label={texts('name')} hint={t('nameHint')} autoFocus />
      )}
      <TextLine
        form={form}
        name="Url"
        type="url"
        label={t('url')}
        hint={t('urlHint')}
        autoFocus={known !== null}
      />
      <TextLine form={form} name="Username" label={t('user')} />
      <TextLine form={form} name="Password" type="password" label={t('password')} hint={secret} />
      <TextLine
        form={form}
        name="Timeout"
        label={t('timeout')}
        hint={t('timeoutHint')}
        inputMode="numeric"
      />
      <Group title={t('headers')}>
        {there.map((one) => (
          <Tick
            key={one}
            label={t('keepHeader', { name: one })}
            checked={kept.includes(one)}
            change={(checked) =>
              setKept(checked ? [...kept, one] : kept.filter((other) => other !== one))
            }
          />
        ))}
        <TextLine
          form={form}
          name="HttpHeaders"
          label={t('moreHeaders')}
          hint={t('headersHint')}
          lines={2}
        />
      </Group>
      <Group title={t('ownCertificate')}>
        <TextLine
          form={form}
          name="CertificateFile"
          label={t('certificateFile')}
          hint={t('pathHint')}
        />
        <TextLine form={form} name="CertificateKeyFile" label={t('keyFile')} hint={t('pathHint')} />
        <TextLine
          form={form}
          name="CertificateKeyPassword"
          type="password"
          label={t('keyPassword')}
          hint={secret}
        />
        {before?.Pkcs11 && <Flag form={form} name="Pkcs11" label={t('pkcs11')} />}
      </Group>
    </FormDialog>
  );
}
