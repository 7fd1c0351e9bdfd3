# SPDX-License-Identifier: Apache-2.0
"""`new-store` and `delete-store`, with a stand-in for the cluster and the real kustomize."""

import json

import pytest
import yaml
from argon2 import PasswordHasher

from .cluster import Cluster
from .pods import SERVICES, containers, pods

NAMES = ["Ct", "9ct", "a_b", "ct-", "", "a" * 31, "../x", "-ct"]
"""Names that no store may have."""


def test_two_stores_share_no_secret_and_a_second_run_keeps_them(cluster: Cluster) -> None:
    """Each has a namespace in which pods are restricted; every password is the store's own."""
    for name in ("ct", "mr"):
        done = cluster.run("new-store", name)
        assert done.returncode == 0, done.stderr
        assert "port-forward service/gateway" in done.stdout
        assert f"--namespace pons-{name}" in done.stdout
    ct, mr = cluster.secrets("pons-ct"), cluster.secrets("pons-mr")
    assert {*ct} == {*mr}
    random = {text for secret in ct.values() for text in secret.values() if len(text) > 40}
    assert random
    assert not random & {text for secret in mr.values() for text in secret.values()}
    again = cluster.run("new-store", "ct")
    assert again.returncode == 0, again.stderr
    assert cluster.secrets("pons-ct") == ct
    assert cluster.asked.count("delete job migrate --namespace pons-ct") == 2
    namespace = json.loads((cluster.folder / "-" / "namespace" / "pons-ct").read_text())
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_password_that_is_told_opens_the_store(cluster: Cluster) -> None:
    """The hash that the gateway gets is that of the password in the Secret for people."""
    assert cluster.run("new-store", "ct", "--seconds", "0").returncode == 0
    secrets = cluster.secrets("pons-ct")
    hashes = json.loads(secrets["pons-users"]["PONS_HTTP_USERS"])
    assert PasswordHasher().verify(hashes["admin"], secrets["pons-admin"]["password"])


@pytest.mark.parametrize("command", ["new-store", "delete-store"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_store_may_have_is_refused(
    cluster: Cluster, command: str, name: str
) -> None:
    """Before anything is asked of the cluster, with the rule."""
    done = cluster.run(command, "--", name)
    assert done.returncode == 1
    assert "cannot be the name of a store: it begins with a letter" in done.stderr
    assert cluster.asked == ""


@pytest.mark.parametrize("namespace", ["kube-system", "default"])
def test_kubernetes_own_namespaces_are_refused(cluster: Cluster, namespace: str) -> None:
    """Deleting the store would delete them."""
    done = cluster.run("new-store", "ct", "--namespace", namespace)
    assert (done.returncode, cluster.asked) == (1, "")
    assert "needs a namespace of its own" in done.stderr


def test_anothers_namespace_is_left_alone(cluster: Cluster) -> None:
    """One that new-store did not make, or made for another store."""
    assert cluster.run("new-store", "ct", "--seconds", "0").returncode == 0
    before = cluster.secrets("pons-ct")
    for command in ("new-store", "delete-store"):
        done = cluster.run(command, "mr", "--namespace", "pons-ct", typed="mr\n")
        assert done.returncode == 1
        assert "belongs to the store 'ct'" in done.stderr
    assert cluster.secrets("pons-ct") == before
    assert cluster.has("namespace", "pons-ct")


def test_a_store_is_not_upgraded_by_another_overlay(cluster: Cluster) -> None:
    """Who forgets --overlay would cut a production store off from its database and objects."""
    words = ("--s3-endpoint", "s3.example.org", "--s3-bucket", "objects", "--backups", "s3://b/ct")
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    made = cluster.run("new-store", "ct", "--overlay", "production", *words, **keys)
    assert made.returncode == 0, made.stderr
    assert "helm upgrade --install nats nats --repo https://" in cluster.asked
    assert cluster.has("statefulset", "nats", "pons-ct")
    assert "secret" not in cluster.asked.partition("helm")[2].partition("\n")[0]
    applied = cluster.asked.count("apply ")
    done = cluster.run("new-store", "ct", "--tag", "9")
    assert done.returncode == 1
    assert "was made by the overlay production, not by single-node" in done.stderr
    assert cluster.asked.count("apply ") == applied


def test_a_store_that_is_being_deleted_is_not_made_again(cluster: Cluster) -> None:
    """Its namespace takes nothing new until it is gone, which may take minutes."""
    assert cluster.run("new-store", "ct", "--seconds", "0").returncode == 0
    path = cluster.folder / "-" / "namespace" / "pons-ct"
    namespace = json.loads(path.read_text())
    namespace["metadata"]["deletionTimestamp"] = "2026-11-30T16:11:00Z"
    path.write_text(json.dumps(namespace))
    before = cluster.asked
    done = cluster.run("new-store", "ct", "--seconds", "0")
    assert done.returncode == 1
    assert "pons-ct is being deleted: run this again once it is gone" in done.stderr
    asked = cluster.asked.removeprefix(before).splitlines()
    assert [line.split()[0] for line in asked] == ["kustomize", "get"]


def test_volumes_without_their_secrets_are_not_given_new_ones(cluster: Cluster) -> None:
    """New passwords would lock the store out of its own database."""
    assert cluster.run("new-store", "ct", "--seconds", "0").returncode == 0
    (cluster.folder / "pons-ct" / "secret" / "pons-database").unlink()
    volumes = cluster.folder / "pons-ct" / "persistentvolumeclaim"
    volumes.mkdir()
    (volumes / "data-postgresql-0").write_text("{}")
    done = cluster.run("new-store", "ct")
    assert done.returncode == 1
    assert "not the Secrets that open them" in done.stderr


def test_a_store_is_deleted_by_who_types_its_name(cluster: Cluster) -> None:
    """It is said what goes; anything else that is typed, or nothing, deletes nothing."""
    for name in ("ct", "mr"):
        assert cluster.run("new-store", name, "--seconds", "0").returncode == 0
    for typed in ("", "y\n", "mr\n"):
        refused = cluster.run("delete-store", "ct", typed=typed)
        assert refused.returncode == 1
        assert "nothing was deleted" in refused.stderr
    looked = cluster.run("delete-store", "ct", "--dry-run")
    assert looked.returncode == 0
    assert "statefulsets: minio, nats, postgresql" in looked.stdout
    assert "Every file that it has received goes with them" in looked.stdout
    assert cluster.has("namespace", "pons-ct")
    done = cluster.run("delete-store", "ct", typed="ct\n")
    assert done.returncode == 0, done.stderr
    assert not cluster.has("namespace", "pons-ct")
    assert cluster.has("namespace", "pons-mr")


def test_production_names_its_bucket_and_its_backups(cluster: Cluster) -> None:
    """Its keys come from the environment, and the manifests can be read without a cluster."""
    refused = cluster.run("new-store", "ct", "--overlay", "production", "--print")
    assert refused.returncode == 1
    assert "AWS_SECRET_ACCESS_KEY" in refused.stderr
    words = ("--s3-endpoint", "s3.example.org", "--s3-bucket", "objects", "--backups", "s3://b/ct")
    done = cluster.run(
        *("new-store", "ct", "--overlay", "production", "--print", *words),
        *("--tag", "9", "--images", "registry.example.org/pons", "--namespace", "hospital-ct"),
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    assert done.returncode == 0, done.stderr
    manifests = list(yaml.safe_load_all(done.stdout))
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in manifests}
    backups = by_name["ObjectStore", "database-backups"]["spec"]["configuration"]
    assert backups["destinationPath"] == "s3://b/ct"
    assert backups["endpointURL"] == "https://s3.example.org"
    objects = by_name["Secret", "pons-objects"]["stringData"]
    assert objects["PONS_STORAGE_S3_SECRET_KEY"] == "secret"
    images = {
        one["image"]
        for owner, template in pods(manifests)
        for one in containers(template)
        if owner in SERVICES
    }
    assert images == {f"registry.example.org/pons/{service}:9" for service in SERVICES}
    namespaces = {one["metadata"].get("namespace") for one in manifests} - {None}
    assert namespaces == {"hospital-ct"}


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        (("--s3-endpoint", "s3.example.org"), {443}),
        (("--s3-endpoint", "s3.example.org:9000"), {443, 9000}),
        (("--s3-endpoint", "s3.example.org", "--s3-plain"), {443, 80}),
        (
            ("--s3-endpoint", "a.example.org:9000", "--backups-url", "https://b.example.org:9443"),
            {443, 9000, 9443},
        ),
    ],
)
def test_s3_is_reached_at_the_port_it_has(
    cluster: Cluster, words: tuple[str, ...], ports: set[int]
) -> None:
    """By the services, and by PostgreSQL, whose backups go there."""
    done = cluster.run(
        *("new-store", "ct", "--overlay", "production", "--print", *words),
        *("--s3-bucket", "objects", "--backups", "s3://b/ct"),
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    assert done.returncode == 0, done.stderr
    for name in ("services-to-backing", "database-for-services"):
        policy = next(
            one
            for one in yaml.safe_load_all(done.stdout)
            if (one["kind"], one["metadata"]["name"]) == ("NetworkPolicy", name)
        )
        outside = [
            {port["port"] for port in rule["ports"]}
            for rule in policy["spec"]["egress"]
            if any("ipBlock" in peer for peer in rule["to"])
        ]
        assert [found - {6443} for found in outside] == [ports]


PRODUCTION = (
    *("new-store", "ct", "--overlay", "production", "--s3-endpoint", "s3.example.org"),
    *("--s3-bucket", "objects", "--backups", "s3://b/ct"),
)
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_helm_is_asked_for_before_anything_is_made(cluster: Cluster) -> None:
    """By who has none: NATS' chart cannot be installed without."""
    (cluster.folder.parent / "bin" / "helm").unlink()
    path = f"{cluster.folder.parent / 'bin'}"
    done = cluster.run(*PRODUCTION, **KEYS, PATH=path)
    assert (done.returncode, cluster.asked) == (1, "")
    assert "helm is needed for the NATS of the overlay production" in done.stderr
    assert "https://helm.sh/docs/intro/install/" in done.stderr


def test_the_chart_may_lie_at_hand(cluster: Cluster) -> None:
    """For a cluster without a way to nats.io's repository; no version is asked of a folder."""
    done = cluster.run(*PRODUCTION, "--nats-chart", "charts/nats-2.14.2.tgz", **KEYS)
    assert done.returncode == 0, done.stderr
    assert "helm upgrade --install nats charts/nats-2.14.2.tgz --namespace" in cluster.asked
    assert "--repo" not in cluster.asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("new-store", "ct", "--nats-chart", "x"), "single-node has a NATS of its own"),
        ((*PRODUCTION, "--old-api"), "needs Kubernetes 1.21 or later"),
    ],
)
def test_a_chart_that_does_not_fit_is_refused(
    cluster: Cluster, words: tuple[str, ...], said: str
) -> None:
    """Before anything is asked of the cluster."""
    done = cluster.run(*words, **(KEYS if "production" in words else {}))
    assert (done.returncode, cluster.asked) == (1, "")
    assert said in done.stderr


def test_an_old_cluster_gets_its_own_names_of_the_apis(cluster: Cluster) -> None:
    """Kubernetes 1.20 knows autoscalers and budgets by others."""
    done = cluster.run("new-store", "ct", "--print", "--old-api")
    assert done.returncode == 0, done.stderr
    manifests = list(yaml.safe_load_all(done.stdout))
    [dns] = [one for one in manifests if one["metadata"]["name"] == "all-to-dns"]
    assert {"namespaceSelector": {}} in dns["spec"]["egress"][0]["to"]
    versions = {one["kind"]: one["apiVersion"] for one in manifests}
    assert versions["HorizontalPodAutoscaler"] == "autoscaling/v2beta2"
    assert versions["PodDisruptionBudget"] == "policy/v1beta1"
    assert versions["Deployment"] == "apps/v1"


def test_an_overlay_that_is_not_there_is_told(cluster: Cluster) -> None:
    """With those that are."""
    done = cluster.run("new-store", "ct", "--overlay", "none")
    assert done.returncode == 1
    assert "choose one of production, single-node" in done.stderr
