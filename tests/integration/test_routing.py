# SPDX-License-Identifier: Apache-2.0
"""Rules of a running store: what is sent by itself, what would be, and what could not be."""

from collections.abc import Callable
from typing import Any

from pydicom.uid import generate_uid

from archives import add_modality, archive, arrivals, nobody, put, uids
from outside import TAKEN_OVER, Store, eventually, image

QUICK = {"PONS_JOBS_RETRIES": "3", "PONS_JOBS_RETRY_DELAY": "0.2", "PONS_INDEX_STABLE_AGE": "1"}


def test_three_destinations(fresh_store: Callable[..., Store]) -> None:
    """Of what comes in, a healthy destination and one that aborts every third association have
    everything, while one that is down is listed with the cause; once it is back, a retry and the
    queue bring it everything too."""
    store = fresh_store("routing", **QUICK, PONS_ROUTING_BATCH="5")
    datasets = [image("ROUTED", "1.2.826.0.1.7", number) for number in range(1, 41)]
    with (
        archive() as (healthy, at_healthy),
        archive(lambda number: number % 3 == 0) as (
            flaky,
            at_flaky,
        ),
    ):
        for name, port in (("healthy", healthy), ("flaky", flaky), ("dead", nobody())):
            add_modality(store, name, port)
        to = ["modality:dead", "modality:flaky", "modality:healthy"]
        when = [{"Origin": "TESTER"}, {"Tag": "PatientID", "Is": "ROUTED"}]
        put(store, "/routing/rules/all", {"On": "NewInstance", "When": when, "To": to})
        assert set(store.c_store(*datasets, image("OTHER"))) == {0}
        eventually("the healthy one has all", lambda: at_healthy == uids(datasets))
        eventually("the flaky one has all", lambda: at_flaky == uids(datasets))
        letters = eventually("the dead one is listed", lambda: store.get("/jobs/dead-letters"))
    assert {letter["Destination"] for letter in letters} == {"modality:dead"}
    assert "connection refused" in letters[0]["Reason"]

    def state(name: str) -> Any:
        known = {one["Destination"]: one for one in store.get("/routing/destinations")}
        return known[f"modality:{name}"]

    assert state("dead")["DeadLetters"] >= 1
    eventually("nothing waits for the healthy one", lambda: state("healthy")["Waiting"] == 0)
    assert state("healthy")["DeadLetters"] == 0

    with archive() as (back, at_back):
        add_modality(store, "dead", back)

        def all_there() -> bool:
            store.http.post("/jobs/dead-letters/retry", params={"destination": "modality:dead"})
            return at_back == uids(datasets)

        eventually("the dead one has all", all_there)
    eventually("nothing is left", lambda: store.get("/jobs/dead-letters") == [])


def test_egress_is_killed_while_it_routes(fresh_store: Callable[..., Store]) -> None:
    """A killed egress loses nothing: neither of the feed, nor of queues, nor of a job under way."""
    store = fresh_store("killed", **QUICK, PONS_ROUTING_BATCH="10")
    datasets = [image("KILLED", "1.2.826.0.1.8", number) for number in range(1, 121)]
    with archive() as (port, received):
        add_modality(store, "archive", port)
        put(store, "/routing/rules/all", {"On": "NewInstance", "To": ["modality:archive"]})
        for start in range(0, 120, 40):
            assert set(store.c_store(*datasets[start : start + 40])) == {0}
            eventually("some have arrived", lambda before=start: len(received) > before)
            store.kill("egress")
        eventually("all have arrived", lambda: received == uids(datasets), TAKEN_OVER)


def test_stable_studies_by_modality_and_label(fresh_store: Callable[..., Store]) -> None:
    """A study goes as a whole once it is stable, when one of its series is what the rule wants; a
    dry run tells it before, and why not; a replay tells it afterwards."""
    store = fresh_store("stable", **QUICK)
    study = generate_uid()
    ct, mr, other = image("S", study, 1), image("S", study, 2), image("T")
    mr.Modality, mr.SeriesInstanceUID = "MR", generate_uid()
    with archive() as (port, received):
        add_modality(store, "research", port)
        rule = {
            "On": "StableStudy",
            "When": [{"Tag": "Modality", "Is": "MR"}],
            "To": ["modality:research"],
        }
        put(store, "/routing/rules/mr", rule)
        labelled = {
            "On": "StableStudy",
            "When": [{"Label": "cbct"}],
            "To": ["webhook:none"],
            "Enabled": False,
        }
        put(store, "/routing/rules/labelled", labelled)
        assert store.get("/routing/rules") == ["labelled", "mr"]
        assert set(store.c_store(ct, mr, other)) == {0}
        eventually("the study has arrived", lambda: received == uids([ct, mr]))

    (wanted,) = store.http.post("/tools/lookup", content=study).json()
    found = store.http.post("/tools/find", json={"Level": "Study", "Query": {"PatientID": "T"}})
    (refused,) = found.json()
    path = "/routing/rules/mr/dry-run"
    (tried,) = store.http.post(path, json={"Resource": wanted["ID"]}).json()["Resources"]
    assert tried == {
        "ID": wanted["ID"],
        "Path": f"/studies/{wanted['ID']}",
        "ResourceType": "Study",
        "To": ["modality:research"],
        "Unmet": None,
        "Found": None,
    }
    (tried,) = store.http.post(path, content=refused).json()["Resources"]
    assert (tried["To"], tried["Unmet"]) == ([], {"Tag": "Modality", "Is": ["MR"]})
    assert tried["Found"] == "CT"
    (instance,) = store.get(f"/studies/{refused}/instances")
    assert store.http.post(path, content=instance["ID"]).json()["Resources"][0]["ID"] == refused
    assert store.http.post(path, content="nothing").status_code == 404
    assert store.http.post("/routing/rules/none/dry-run", content=refused).status_code == 404

    path = "/routing/rules/labelled/dry-run"
    (tried,) = store.http.post(path, content=refused).json()["Resources"]
    assert tried["Unmet"] == {"Label": ["cbct"]}
    store.http.put(f"/studies/{refused}/labels/cbct")
    (tried,) = store.http.post(path, content=refused).json()["Resources"]
    assert tried["To"] == ["webhook:none"]

    replayed = store.http.post("/routing/replay", json={"Days": 1}).json()
    (change,) = replayed["Changes"]
    assert (change["ID"], change["ChangeType"]) == (wanted["ID"], "StableStudy")
    assert (change["Rules"], replayed["Done"]) == ({"mr": ["modality:research"]}, True)
    both = store.http.post("/routing/replay", json={"Days": 1, "Rules": ["labelled"]}).json()
    assert [one["ID"] for one in both["Changes"]] == [refused]
    later = {"Days": 1, "Since": change["Seq"]}
    assert all(
        one["ID"] != wanted["ID"]
        for one in store.http.post("/routing/replay", json=later).json()["Changes"]
    )


def test_a_circle_ends(fresh_store: Callable[..., Store]) -> None:
    """What comes back again and again, to a store that overwrites, is sent on as often as is set;
    what comes behind it goes as before. To the store itself no rule can send."""
    store = fresh_store(
        "circle", **QUICK, PONS_INDEX_OVERWRITE_INSTANCES="Always", PONS_ROUTING_ROUNDS="3"
    )
    circling, other = image("CIRCLE"), image("OTHER")
    with arrivals() as (port, arrived):
        add_modality(store, "next", port)
        put(store, "/routing/rules/on", {"On": "NewInstance", "To": ["modality:next"]})
        rounds = [str(circling.SOPInstanceUID)] * 3
        for number in range(1, 4):
            assert store.c_store(circling) == [0]
            eventually("it was sent on", lambda number=number: arrived == rounds[:number])
        assert store.c_store(circling, circling, other) == [0, 0, 0]
        # One queue, in order: what had been put into it before the last one had come before it.
        eventually("the other has come", lambda: str(other.SOPInstanceUID) in arrived)
        assert arrived == [*rounds, str(other.SOPInstanceUID)]
    add_modality(store, "itself", store.dicom_port)
    to_itself = {"On": "NewInstance", "To": ["modality:itself"]}
    refused = store.http.put("/routing/rules/itself", json=to_itself)
    assert refused.status_code == 400
    assert "this store itself" in refused.json()["Details"]
