# SPDX-License-Identifier: Apache-2.0
"""`new-store NAME`: a store in a namespace of its own, made, or brought up to date.

It may be run again: Secrets that are there are kept, everything else is applied as it is now, and
the database is brought to the version's schema before new pods serve.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pons_k8s.kubectl import create, find, find_all, kubectl
from pons_k8s.manifests import (
    Store,
    namespace_manifest,
    overlay_manifests,
    overlay_names,
    secret_manifest,
)
from pons_k8s.names import OVERLAY_LABEL, STORE_LABEL, namespace_name, store_name
from pons_k8s.nats_chart import NatsChart, nats_chart
from pons_k8s.refusal import Refusal
from pons_k8s.secrets import Bucket, make_secrets, password_hash
from pons_k8s.waiting import wait_until_ready

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""Variables with the keys of an S3 store, which no list of processes should show."""


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    try:
        asked = _parser().parse_args(words)
        name = store_name(asked.name)
        store = Store(
            name=name,
            namespace=namespace_name(asked.namespace, name),
            overlay=asked.overlay,
            tag=asked.tag,
            registry=asked.images,
            backups=asked.backups,
            backups_url=asked.backups_url or _address(asked),
            s3_url=_address(asked) if asked.s3_endpoint else "",
            old_api=asked.old_api,
        )
        bucket = _bucket(asked, os.environ)
        nats = nats_chart(store, asked.nats_chart)
        if asked.print:
            print(printed(store, bucket, nats))
        else:
            make(store, bucket, nats, asked.seconds)
    except Refusal as refusal:
        print(f"new-store: {refusal}", file=sys.stderr)
        return 1
    return 0


def printed(store: Store, bucket: Bucket | None, nats: NatsChart | None) -> str:
    """Everything that would be applied to an empty cluster, with fresh secrets."""
    secrets = make_secrets(bucket, password_hash)
    own = [namespace_manifest(store)]
    own += [secret_manifest(store, name, secret) for name, secret in secrets.items()]
    texts = [json.dumps(one, indent=2) for one in own]
    texts += [nats.manifests()] if nats else []
    return "\n---\n".join([*texts, overlay_manifests(store)])


def make(store: Store, bucket: Bucket | None, nats: NatsChart | None, seconds: int) -> None:
    """Apply it, wait until it works, and say how to reach it."""
    text = overlay_manifests(store)  # before anything is made: it may be refused
    found = find("namespace", store.namespace)
    if found is None:
        create(namespace_manifest(store))
    else:
        _require_same(store, found["metadata"])
    _make_secrets(store, bucket)
    if nats:
        nats.install()
    # A Job cannot be changed, and has to run for each version.
    kubectl("delete", "job", "migrate", "--namespace", store.namespace, "--ignore-not-found")
    kubectl("apply", "--filename", "-", given=text)
    print(f"applied {store.overlay} for the store {store.name} in {store.namespace}", flush=True)
    if seconds:
        wait_until_ready(store.namespace, seconds)
        print("every service is ready", flush=True)
    print(how_to_reach(store.namespace))


def _require_same(store: Store, metadata: Mapping[str, Any]) -> None:
    """Raise `Refusal` unless a namespace was made for this store and by this overlay, and stays.

    Another overlay would leave the store without a way to its database and its objects.
    """
    labels = metadata.get("labels", {})
    if (of := labels.get(STORE_LABEL)) != store.name:
        whose = f"belongs to the store {of!r}" if of else "was not made by new-store"
        raise Refusal(f"the namespace {store.namespace} {whose}: name another by --namespace")
    if (made := labels.get(OVERLAY_LABEL)) != store.overlay:
        raise Refusal(
            f"the store {store.name} was made by the overlay {made}, not by {store.overlay}: "
            f"say --overlay {made}"
        )
    if "deletionTimestamp" in metadata:
        raise Refusal(
            f"the namespace {store.namespace} is being deleted: run this again once it is gone"
        )


def _make_secrets(store: Store, bucket: Bucket | None) -> None:
    """Those that are missing; all of them or none, as they name each other's passwords."""
    there = {one["metadata"]["name"] for one in find_all("secret", store.namespace)}
    wanted = ("pons-database", "pons-nats", "pons-objects", "pons-users")
    if all(name in there for name in wanted):
        return
    volumes = find_all("persistentvolumeclaim", store.namespace)
    if volumes:
        raise Refusal(
            f"{store.namespace} has volumes, but not the Secrets that open them: put those back "
            "from a backup"
        )
    for name, secret in make_secrets(bucket, password_hash).items():
        if name in there:
            kubectl("delete", "secret", name, "--namespace", store.namespace)
        create(secret_manifest(store, name, secret))


def how_to_reach(namespace: str) -> str:
    """For whoever made it: the addresses, and the password of the first user."""
    where = f"--namespace {namespace}"
    return f"""
The REST API, from this machine at http://127.0.0.1:8042/:
  kubectl {where} port-forward service/gateway 8042
The user admin has the password that this prints:
  kubectl {where} get secret pons-admin --output jsonpath='{{.data.password}}' | base64 --decode
Where modalities, and others in the network, find both:
  kubectl {where} get service gateway dicom-ingress
How it is:
  kubectl {where} get pods"""


def _bucket(asked: argparse.Namespace, environment: Mapping[str, str]) -> Bucket | None:
    if asked.overlay != "production":
        if asked.s3_endpoint or asked.s3_bucket or asked.backups:
            raise Refusal(f"the overlay {asked.overlay} has an object store of its own")
        return None
    access, secret = (environment.get(key, "") for key in KEYS)
    if not (asked.s3_endpoint and asked.s3_bucket and asked.backups and access and secret):
        raise Refusal(
            "production needs an S3 store: --s3-endpoint, --s3-bucket and --backups, and its keys "
            f"in the variables {' and '.join(KEYS)}"
        )
    return Bucket(
        asked.s3_endpoint,
        asked.s3_bucket,
        access,
        secret,
        asked.s3_region,
        secure=not asked.s3_plain,
    )


def _address(asked: argparse.Namespace) -> str:
    return f"{'http' if asked.s3_plain else 'https'}://{asked.s3_endpoint}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="new-store", description=__doc__)
    add = parser.add_argument
    add("name", metavar="NAME", help="of the store")
    add("--overlay", default="single-node", help=f"one of {', '.join(overlay_names())}")
    add("--namespace", default="", help="default: pons-NAME")
    add("--images", default="", metavar="PREFIX", help="where images are: PREFIX/gateway, …")
    add("--tag", default="", help="version of the images")
    add("--s3-endpoint", default="", help="production: host and port of the S3 store")
    add("--s3-bucket", default="", help="production: bucket of the objects, below NAME/")
    add("--s3-region", default="", help="production: where the S3 store needs one")
    add("--s3-plain", action="store_true", help="production: speak HTTP with the S3 store")
    add("--backups", default="", metavar="S3URL", help="production: s3://bucket/path of backups")
    add("--backups-url", default="", help="production: address for them, if another")
    add("--nats-chart", default="", help="production: folder, .tgz or address of the NATS chart")
    add("--seconds", type=int, default=600, help="to wait for the services; 0: do not wait")
    add("--print", action="store_true", help="print the manifests, and ask no cluster")
    add("--old-api", action="store_true", help="for Kubernetes 1.20")
    return parser
