# SPDX-License-Identifier: Apache-2.0
"""The commands of the chapter on Kubernetes in docs/operations.md, followed line by line."""

import shlex

import pytest

from pons_testing.operations import commands, mentioned

from .cluster import Cluster
from .conftest import Render
from .pods import OVERLAYS, of_kind

CHAPTER = "Kubernetes"


def test_every_command_does_what_it_says(cluster: Cluster) -> None:
    """In their order: two stores are made, one is upgraded, printed and deleted, and one is made
    for production."""
    keys, ran = "", 0
    for command in commands(CHAPTER):
        if command.startswith("export "):
            keys = command.replace("…", "key") + " && "
            continue
        deletes = command.startswith("deploy/k8s/delete-store") and "--dry-run" not in command
        done = cluster.follow(keys + command, typed="ct\n" if deletes else "")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        ran += 1
        if deletes:
            assert not cluster.has("namespace", "pons-ct")
    assert ran >= 7
    assert cluster.has("namespace", "pons-mr")
    assert cluster.has("cluster", "database", "pons-ct")
    assert cluster.has("statefulset", "nats", "pons-ct")


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_kubectl_is_asked_for_is_there(overlay: Render, name: str) -> None:
    """Every resource that a sentence names, in the namespace of the store ct."""
    asked = mentioned(CHAPTER, "kubectl")
    assert asked
    for command in asked:
        program, where, namespace, verb, what, *_ = shlex.split(command)
        assert (program, where, namespace) == ("kubectl", "--namespace", "pons-ct"), command
        if verb == "logs":
            kind, _, of = what.partition("/")
            found = [one["metadata"]["name"] for one in of_kind(overlay(name), kind.capitalize())]
            assert of in found, command
        else:
            assert (verb, what) == ("get", "secret"), f"nothing here follows {command}"
