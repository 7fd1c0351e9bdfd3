// SPDX-License-Identifier: Apache-2.0
/**
 * The part of an address behind `?`, as people and other programs write it: a text is a text. As
 * JSON, which the router reads by default, a long number would become another one.
 */
import { parseSearchWith, stringifySearchWith } from '@tanstack/react-router';

export const readQuery = parseSearchWith((text) => text);
export const writeQuery = stringifySearchWith(String);
