# SPDX-License-Identifier: Apache-2.0
"""What a store and its namespace may be called."""

import re

from pons_k8s.refusal import Refusal

STORE = re.compile(r"[a-z][a-z0-9-]{0,29}")
"""As the setting `store.name` has it."""
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, as Kubernetes has it."""
PREFIX = "pons-"
"""Of namespaces for which no other name is given."""
STORE_LABEL = "pons/store"
"""Label of a namespace: the store that it was made for."""
OVERLAY_LABEL = "pons/overlay"
"""Label of a namespace: the overlay that its store was made by."""


def store_name(text: str) -> str:
    """The name, if a store may have it; raises `Refusal`."""
    if not STORE.fullmatch(text) or text.endswith("-"):
        raise Refusal(
            f"{text!r} cannot be the name of a store: it begins with a letter, has at most 30 "
            "small letters, digits and hyphens, and does not end with a hyphen"
        )
    return text


def namespace_name(text: str, store: str) -> str:
    """The namespace that is asked for, or the store's usual one; raises `Refusal`."""
    name = text or PREFIX + store
    if not NAMESPACE.fullmatch(name):
        raise Refusal(
            f"{name!r} cannot be the name of a namespace: it has at most 63 small letters, digits "
            "and hyphens, and neither begins nor ends with a hyphen"
        )
    if name == "default" or name.startswith("kube-"):
        raise Refusal(
            f"the namespace {name!r} is Kubernetes' own: a store needs a namespace of its own"
        )
    return name
