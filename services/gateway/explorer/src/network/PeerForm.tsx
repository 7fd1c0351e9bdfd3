// SPDX-License-Identifier: Apache-2.0
/** A peer in a form. Its secrets are never shown: an empty field leaves them as they are. */
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { putJson } from '../api/client';
import type { ChangedPeer, KnownPeer } from '../api/schema';
import { headers, headersOf, newName, seconds, url, user } from '../forms/checks';
import { Flag, Group, TextLine, Tick } from '../forms/fields';
import { Refusal } from '../forms/Refusal';
import { useForm } from '../forms/useForm';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { useChanged } from './remotes';

interface Props {
  known: KnownPeer | null;
  taken: string[];
  onClose: () => void;
  onDone: (name: string) => void;
}

export function PeerForm({ known, taken, onClose, onDone }: Props) {
  const t = useTranslations('network');
  const { show } = useNotices();
  const changed = useChanged();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
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

  /** Null: whatever is there. */
  const run = async (revision: number | null = known?.revision ?? null) => {
    if (!form.ready()) return;
    const { name, Url, Timeout, HttpHeaders, ...rest } = form.values;
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
    setBusy(true);
    setError(null);
    try {
      await putJson(`/explorer/api/peers/${name}`, body, { revision });
      await changed();
      onDone(name);
      show({ text: t('saved', { name }) });
      onClose();
    } catch (failure) {
      setError(form.refused(failure));
      setBusy(false);
    }
  };
  const secret = known ? t('secretStays') : undefined;
  return (
    <Modal
      title={known ? t('changeTitle', { name: known.name }) : t('addPeer')}
      action={t('save')}
      busy={busy}
      lasting
      onAction={() => void run()}
      onClose={onClose}
    >
      {!known && (
        <TextLine form={form} name="name" label={t('name')} hint={t('nameHint')} autoFocus />
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
      <Refusal
        error={error}
        reload={() => {
          void changed();
          onClose();
        }}
        overwrite={() => void run(null)}
      />
    </Modal>
  );
}
