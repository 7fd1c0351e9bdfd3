# SPDX-License-Identifier: Apache-2.0
"""What a store calls its subjects, streams and buckets: its name is in every one of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Names on NATS of the store `store`."""

    store: str

    @property
    def received(self) -> str:
        """Subject of announcements of durable instances."""
        return f"pons.{self.store}.instance.received"

    @property
    def ingest_stream(self) -> str:
        return f"{self.store}-ingest"

    @property
    def received_delivery(self) -> str:
        """Subject on which JetStream hands announcements to the replicas of the index."""
        return f"pons.{self.store}.deliver.index"

    @property
    def dead_letters(self) -> str:
        """Subject of announcements that the index can never take, with the reason."""
        return f"pons.{self.store}.instance.refused"

    @property
    def refused_stream(self) -> str:
        return f"{self.store}-refused"

    @property
    def traced(self) -> str:
        """Subject on which replicas of the index tell each other whose changes are of traces."""
        return f"pons.{self.store}.index.traced"

    @property
    def changes(self) -> str:
        """Subject of runs of changes, in order of their numbers."""
        return f"pons.{self.store}.change"

    @property
    def changes_stream(self) -> str:
        return f"{self.store}-changes"

    @property
    def routes_stream(self) -> str:
        return f"{self.store}-routes"

    @property
    def jobs_bucket(self) -> str:
        return f"{self.store}-jobs"

    @property
    def config_bucket(self) -> str:
        return f"{self.store}-config"

    @property
    def uploads_bucket(self) -> str:
        """Bucket of files that come in pieces, which forgets those that do not go on."""
        return f"{self.store}-uploads"

    @property
    def queries_bucket(self) -> str:
        """Bucket of what other systems have answered to queries, which forgets old ones."""
        return f"{self.store}-queries"

    @property
    def commitments_bucket(self) -> str:
        """Bucket of what modalities were asked to commit to, and their reports."""
        return f"{self.store}-commitments"

    @property
    def sessions_bucket(self) -> str:
        """Bucket of the sessions that have ended before their time, which forgets them after it."""
        return f"{self.store}-sessions"

    @property
    def contacts_bucket(self) -> str:
        """Bucket of how the last contact with each other system went, which forgets old ones."""
        return f"{self.store}-contacts"

    @property
    def roll_call(self) -> str:
        """Subject on which every process is asked who it is."""
        return f"pons.{self.store}.roll-call"

    def reply(self, process: str) -> str:
        """Subject on which the process `process` hears what became of its announcements."""
        return f"pons.{self.store}.reply.{process}"

    def full(self, process: str) -> str:
        """Subject on which the process `process` is asked who can still be told of a full store."""
        return f"pons.{self.store}.full.{process}"

    def moved(self, originator: str, number: str) -> str:
        """Subject of what comes in by a C-MOVE that `originator` has asked for under a message ID.

        An AE title has characters that subjects cannot have.
        """
        return f"pons.{self.store}.moved.{originator.encode().hex()}.{number}"

    def routed(self, destination: str) -> str:
        """Subject of what waits for a destination."""
        return f"pons.{self.store}.route.{destination}"

    def command(self, service: str, command: str) -> str:
        return f"pons.{self.store}.command.{service}.{command}"
