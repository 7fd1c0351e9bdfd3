# SPDX-License-Identifier: Apache-2.0
"""Retention on a running store: what goes by itself, and what is kept for those who wait for it."""

from collections.abc import Callable

from archives import add_modality, archive, nobody, put, uids
from outside import Store, eventually, image

RULE = {"When": [{"Origin": "TESTER"}], "KeepDays": 0.00002}
QUICK = {
    "PONS_RETENTION_INTERVAL": "0.5",
    "PONS_INDEX_STABLE_AGE": "1",
    "PONS_JOBS_RETRIES": "1",
    "PONS_JOBS_RETRY_DELAY": "0.2",
}


def patients(store: Store) -> list[str]:
    shown = store.get("/patients", expand="")
    return sorted(one["MainDicomTags"]["PatientID"] for one in shown)


def test_what_was_not_delivered_is_kept(fresh_store: Callable[..., Store]) -> None:
    """A study goes when its days are over, and no line of `/changes` names it any more. One whose
    archive is down stays, as the dry run says, until it has arrived; a protected patient stays."""
    store = fresh_store("retention", **QUICK)
    rule = {
        "On": "StableStudy",
        "When": [{"Tag": "PatientID", "Is": "SENT"}],
        "To": ["modality:archive"],
    }
    add_modality(store, "archive", nobody())
    put(store, "/routing/rules/sent", rule)
    held, sent, free = image("HELD"), image("SENT"), image("FREE")
    assert store.c_store(held) == [0]
    (patient,) = store.get("/patients")
    assert store.http.put(f"/patients/{patient}/protected", content="1").status_code == 200
    put(store, "/retention/rules/ours", RULE)  # it would not have waited for the protection
    assert store.c_store(sent, free) == [0, 0]
    eventually("what nothing keeps goes", lambda: patients(store) == ["HELD", "SENT"])
    eventually("the archive is down", lambda: store.get("/jobs/dead-letters"))
    told = store.http.post("/retention/dry-run", json={}).json()
    reasons = sorted(one["Kept"] for one in told["Studies"])
    assert reasons[0] == "its patient is protected"
    assert "for modality:archive failed: see /jobs/dead-letters" in reasons[1]
    assert not any(one["Goes"] for one in told["Studies"])
    assert patients(store) == ["HELD", "SENT"]
    known = set(store.get("/studies")) | set(store.get("/patients"))
    named = {
        change["ID"]
        for change in store.get("/changes", limit=1000)["Changes"]
        if change["ResourceType"] in ("Study", "Patient")
    }
    assert named == known

    with archive() as (port, received):
        add_modality(store, "archive", port)

        def arrived() -> bool:
            store.http.post("/jobs/dead-letters/retry")
            return received == uids([sent])

        eventually("it has arrived", arrived)
        eventually("then it goes", lambda: patients(store) == ["HELD"])
