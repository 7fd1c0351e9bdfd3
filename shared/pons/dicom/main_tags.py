# SPDX-License-Identifier: Apache-2.0
"""The main DICOM tags in force: the built-in ones, and those that `index.extra_main_tags` adds."""

from collections.abc import Mapping, Sequence

from pons.dicom.attributes import MAIN_SEQUENCES, MAIN_TAGS, Tags
from pons.dicom.levels import Level
from pons.dicom.tag_names import is_sequence, parse_tag, tag_name


def main_tags(extra: Mapping[Level, Sequence[str]]) -> Tags:
    """The main tags that hold text, in a store that has `extra` ones, in any spelling of a tag.

    Raises `BadRequest` for a word that is no tag.
    """
    return _with_extra(MAIN_TAGS, extra, sequences=False)


def main_sequences(extra: Mapping[Level, Sequence[str]]) -> Tags:
    """The main tags that are sequences, as `main_tags` gives the others."""
    return _with_extra(MAIN_SEQUENCES, extra, sequences=True)


def listed_tags(texts: Tags, sequences: Tags) -> Tags:
    """All main tags in force but the sequences that are built in: what makes a list another one."""
    return {
        level: dict(sorted((tags.items() | sequences[level].items()) - built_in.items()))
        for (level, tags), built_in in zip(texts.items(), MAIN_SEQUENCES.values(), strict=True)
    }


def _with_extra(built_in: Tags, extra: Mapping[Level, Sequence[str]], *, sequences: bool) -> Tags:
    found = {}
    for level, tags in built_in.items():
        added = map(parse_tag, extra.get(level, ()))
        names = {tag: tag_name(tag) for tag in added if is_sequence(tag) == sequences}
        found[level] = dict(sorted({**tags, **names}.items()))
    return found
