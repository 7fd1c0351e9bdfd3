# SPDX-License-Identifier: Apache-2.0
"""Attributes that the setting `ingest.dictionary` adds to those that are known.

Dictionaries belong to the process, and so does this: it learns once, when it starts, before
anything is read. pydicom, which converts datasets, learns the same.
"""

from collections.abc import Mapping

from pydicom.datadict import add_dict_entry, add_private_dict_entry

from pons.dicom.added_attributes import Attribute
from pons.dicom.tag_names import name_attribute, parse_tag
from pons.dicom.vocabulary import add_attribute, add_private_attribute

FIRST_PRIVATE_ELEMENT = 0x1000
"""Elements below are private creators (PS3.5 7.8.1), whose name and VR are given."""


def learn(attributes: Mapping[str, Attribute], default_creator: str = "") -> None:
    """Know these attributes, by tag, from now on, in this process.

    Private ones without a creator have `default_creator`; without that, nothing can be said of
    them.
    """
    for spelling, (vr, name, creator) in attributes.items():
        tag = parse_tag(spelling)
        number = int(tag, 16)
        owner = creator or default_creator
        if not number >> 16 & 1:
            add_attribute(number, vr, name)
            add_dict_entry(number, vr, name, name)
            name_attribute(tag, "", name)
        elif owner and number & 0xFFFF >= FIRST_PRIVATE_ELEMENT:
            add_private_attribute(number, owner, vr, name)
            add_private_dict_entry(owner, number, vr, name)
            name_attribute(tag, owner, name)
