// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { aet, anyAet, headers, headersOf, host, newName, port, seconds, url, user } from './checks';

describe('checks of forms', () => {
  it('takes AE titles of 16 characters without backslash', () => {
    expect(aet('ABCDEFGHIJKLMNOP')).toBeNull();
    expect(aet('ABCDEFGHIJKLMNOPQ')).toBe('wantsAet');
    expect(aet('A\\B')).toBe('wantsAet');
    expect(aet('  ')).toBe('needed');
    expect(anyAet('')).toBeNull();
  });

  it('takes names and addresses of machines', () => {
    expect(['pacs', ' pacs.example ', '192.0.2.1', '2001:db8::1'].filter(host)).toEqual([]);
    const wrong = ['', ' ', 'my host', 'http://pacs', 'pacs/dicom', 'me@pacs', 'pacs:104', '[::1]'];
    expect(wrong.filter((one) => !host(one))).toEqual([]);
  });

  it('takes ports up to 65534 and whole seconds', () => {
    expect(['1', '104', '65534'].map(port)).toEqual([null, null, null]);
    expect(['', '0', '65535', '1.5', '1e3', '-1'].filter((one) => !port(one))).toEqual([]);
    expect(['', '0', '30'].filter(seconds)).toEqual([]);
    expect(['-1', '1.5', 'x'].filter((one) => !seconds(one))).toEqual([]);
  });

  it('takes names that nobody has', () => {
    const check = newName(['pacs']);
    expect(check('pacs2')).toBeNull();
    expect(check('pacs')).toBe('nameTaken');
    expect(check(' pacs ')).toBe('nameTaken');
    expect(check(' archive\t')).toBeNull();
    expect(check('my archive')).toBe('wantsName');
    expect(check('a.b')).toBe('wantsName');
    expect(check('')).toBe('wantsName');
  });

  it('takes addresses without user and query', () => {
    expect(['http://h/', 'https://h:8042/orthanc'].filter(url)).toEqual([]);
    const wrong = [
      '',
      'h',
      'ftp://h/',
      'http://me:pw@h/',
      'http://h/?a=b',
      'http://h/#x',
      'http://a b/',
    ];
    expect(wrong.filter((one) => !url(one))).toEqual([]);
    expect([user('me'), user('a:b')]).toEqual([null, 'wantsUser']);
  });

  it('reads headers', () => {
    expect(headers('X-Room: 2\n\nX-Key: a:b')).toBeNull();
    expect(headersOf('X-Room: 2\n\nX-Key: a:b')).toEqual({ 'X-Room': '2', 'X-Key': 'a:b' });
    expect(headers('no colon')).toBe('wantsHeaders');
    expect(headers('with space: 1')).toBe('wantsHeaders');
  });
});
