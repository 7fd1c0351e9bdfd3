# SPDX-License-Identifier: Apache-2.0
"""The NATS cluster of an overlay: nats.io's chart with the overlay's values, installed by Helm.

What Helm is told holds no password: the servers read theirs from the Secret `nats`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pons_k8s.manifests import Store, nats_values
from pons_k8s.programs import path_of, run
from pons_k8s.refusal import Refusal

REPOSITORY = "https://nats-io.github.io/k8s/helm/charts/"
VERSION = "2.14.2"
"""The chart that the values were made for; its servers have the same version."""
RELEASE = "nats"
"""Helm's name for it: one in each namespace. Labels of the pods have it too."""


@dataclass(frozen=True)
class NatsChart:
    """Whose NATS it is, with which values, and where the chart is."""

    namespace: str
    values: Path
    place: str = ""
    """A folder, a `.tgz` or an address of the chart; empty: nats.io's repository."""

    def install(self) -> None:
        """Make it as the values say, or change what is there. Raises `Refusal`."""
        run("helm", ("upgrade", "--install", *self._words()))

    def manifests(self) -> str:
        """What would be installed, as YAML; no cluster is asked. Raises `Refusal`."""
        return run("helm", ("template", *self._words()))

    def _words(self) -> Sequence[str]:
        found = (
            (self.place,) if self.place else ("nats", "--repo", REPOSITORY, "--version", VERSION)
        )
        # Named in each manifest, too, as what is printed may be applied from anywhere.
        where = ("--namespace", self.namespace, "--set", f"namespaceOverride={self.namespace}")
        return (RELEASE, *found, *where, "--values", str(self.values))


def nats_chart(store: Store, place: str) -> NatsChart | None:
    """That of the store's overlay; None where an overlay brings its NATS itself.

    Raises `Refusal` where it cannot be installed, before anything is made.
    """
    values = nats_values(store.overlay)
    if values is None:
        if place:
            raise Refusal(f"the overlay {store.overlay} has a NATS of its own: no --nats-chart")
        return None
    if store.old_api:
        raise Refusal(
            f"the NATS of the overlay {store.overlay} needs Kubernetes 1.21 or later: no --old-api"
        )
    path_of("helm", f"for the NATS of the overlay {store.overlay}")
    return NatsChart(store.namespace, values, place)
