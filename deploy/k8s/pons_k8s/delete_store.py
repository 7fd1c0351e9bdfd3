# SPDX-License-Identifier: Apache-2.0
"""`delete-store NAME`: a store and everything that it keeps in the cluster, after it was asked."""

import argparse
import base64
import sys
from collections.abc import Sequence
from typing import Any

from pons_k8s.kubectl import find, find_all, kubectl
from pons_k8s.names import STORE_LABEL, namespace_name, store_name
from pons_k8s.refusal import Refusal


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="delete-store", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="of the store")
    parser.add_argument("--namespace", default="", help="default: pons-NAME")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would delete")
    try:
        asked = parser.parse_args(words)
        name = store_name(asked.name)
        namespace = namespace_name(asked.namespace, name)
        require_own(name, namespace)
        print(what_goes(name, namespace), flush=True)
        if asked.dry_run:
            return 0
        print(f"Type the name of the store to delete all of this: {name}", flush=True)
        if sys.stdin.readline().strip() != name:
            raise Refusal("that was not its name: nothing was deleted")
        kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=600s")
        print(f"the store {name} is deleted")
    except Refusal as refusal:
        print(f"delete-store: {refusal}", file=sys.stderr)
        return 1
    return 0


def require_own(name: str, namespace: str) -> None:
    """Raise `Refusal` unless the namespace was made for this store."""
    found = find("namespace", namespace)
    if found is None:
        raise Refusal(f"there is no namespace {namespace}: say which by --namespace")
    of = found["metadata"].get("labels", {}).get(STORE_LABEL)
    if of != name:
        whose = f"belongs to the store {of!r}" if of else "was not made by new-store"
        raise Refusal(f"the namespace {namespace} {whose}: nothing is deleted")


def what_goes(name: str, namespace: str) -> str:
    """What deleting the namespace takes with it, and what it leaves."""
    lines = [f"The namespace {namespace} with the store {name}:"]
    for kind in ("deployment", "statefulset", "persistentvolumeclaim", "secret"):
        found = find_all(kind, namespace)
        if found:
            lines.append(f"  {kind}s: {', '.join(map(_shown, found))}")
    lines.append(_about_objects(find("secret", "pons-objects", namespace), name))
    return "\n".join(lines)


def _shown(one: dict[str, Any]) -> str:
    name = str(one["metadata"]["name"])
    size = one.get("spec", {}).get("resources", {}).get("requests", {}).get("storage")
    return f"{name} ({size})" if size else name


def _about_objects(secret: dict[str, Any] | None, name: str) -> str:
    if secret is None:
        return "Where its objects are is not known: there is no Secret pons-objects."
    told = {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}
    endpoint, bucket = told["PONS_STORAGE_S3_ENDPOINT"], told["PONS_STORAGE_S3_BUCKET"]
    if endpoint.startswith("minio:"):
        return (
            "Every file that it has received goes with them: the bucket is on one of the volumes."
        )
    return (
        f"What stays: its files at {endpoint}, in the bucket {bucket} below {name}/, and the "
        "backups of its database. Delete them there, if you mean to."
    )
