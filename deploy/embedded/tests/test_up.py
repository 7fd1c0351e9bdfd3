# SPDX-License-Identifier: Apache-2.0
"""A whole store, seen from the command line: start, status, crash, stop."""

import json
import signal
import socket
import time
from pathlib import Path

import psutil

from pons_embedded import state
from pons_embedded.cluster import processes_in
from pons_embedded.ports import free_port
from pons_embedded.processes import lives
from pons_embedded.testing import Store, ending, until


def told(store: Store, service: str) -> dict[str, str]:
    """The PONS_* variables that a service got."""
    lines = (store.data / "log" / f"{service}.log").read_text().splitlines()
    environment: dict[str, str] = json.loads(lines[0])
    return environment


def test_up_status_down(store: Store) -> None:
    """A started store says where it is, is healthy, and ends with exit code 0."""
    store.up()
    status = store.pons("status", "--data", str(store.data))
    assert status.returncode == 0, status.stdout
    names = [line.split()[0] for line in status.stdout.splitlines()[2:-1]]
    assert sorted(names) == sorted(
        ["supervisor", "nats", "postgres", "gateway", "ingress", "render", "egress", "index"]
    )
    assert "MB in all" in status.stdout
    down = store.pons("down", "--data", str(store.data))
    assert (down.returncode, down.stdout) == (0, "Store main is stopped.\n")
    said = store.output()
    assert store.stop() == 0
    assert f"http://127.0.0.1:{store.http_port}/" in said
    assert f"PONS at 127.0.0.1:{store.dicom_port}" in said
    assert str(store.data) in said
    again = store.pons("down", "--data", str(store.data))
    assert "not running" in again.stdout
    assert store.pons("status", "--data", str(store.data)).returncode == 3


def test_down_while_the_database_is_made(store: Store) -> None:
    """A store that starts for the first time can be stopped, whatever `down` takes for its name."""
    store.start("--store", "first")
    until(lambda: store.state, "written down")
    assert not store.is_ready()
    down = store.pons("down", "--data", str(store.data))
    assert (down.returncode, down.stdout) == (0, "Store first is stopped.\n"), down.stderr
    assert store.stop() == 0
    assert processes_in(store.data / "postgres" / "cluster") == []


def test_services_are_told_where_everything_is(store: Store) -> None:
    """Only the index gets the role that writes; every service gets the rest."""
    store.up()
    index, gateway = told(store, "index"), told(store, "gateway")
    assert gateway["PONS_STORE_NAME"] == "main"
    assert gateway["PONS_HTTP_PORT"] == str(store.http_port)
    assert gateway["PONS_DICOM_PORT"] == str(store.dicom_port)
    assert gateway["PONS_STORAGE_PATH"] == str(store.data / "objects")
    assert gateway["PONS_NATS_URL"].startswith("nats://pons:")
    assert gateway["PONS_DATABASE_READER_URL"].startswith("postgresql://pons_main_reader:")
    assert index["PONS_DATABASE_URL"].startswith("postgresql://pons_main:")
    assert "PONS_DATABASE_URL" not in gateway
    assert index["PONS_RENDER_PORT"] == gateway["PONS_RENDER_PORT"]
    assert index["PONS_HEALTH_PORT"] != gateway["PONS_HEALTH_PORT"]


def test_two_stores_side_by_side(store: Store, tmp_path: Path) -> None:
    """A second store runs beside the first with other ports, in another database."""
    store.up()
    with ending(Store(tmp_path / "second", store.environment)) as second:
        second.up("--store", "nm")
        assert told(second, "index")["PONS_DATABASE_URL"].startswith("postgresql://pons_nm:")
        assert told(second, "index")["PONS_NATS_URL"] != told(store, "index")["PONS_NATS_URL"]
        assert store.pons("status", "--data", str(store.data)).returncode == 0


def test_what_dies_is_started_again(store: Store) -> None:
    """A killed process is replaced, one after the other, and the log says by what it ended."""
    names = ("gateway", "index", "nats", "postgres")
    store.up()
    for name in names:
        replaced_after(store, name, signal.SIGKILL)
    store.pons("down", "--data", str(store.data))
    said = store.output()
    for name in names:
        assert f"{name} was ended by SIGKILL; starting it again in 0.2 s" in said


def replaced_after(store: Store, name: str, number: signal.Signals) -> None:
    """Send a program this signal; returns when another runs in its place, and all are healthy."""
    first = store.send(name, number)
    until(lambda: store.pid(name) not in (0, first), f"{name} again")
    until(lambda: store.pons("status", "--data", str(store.data)).returncode == 0, "healthy again")


def test_doors_close_first(store: Store) -> None:
    """Gateway and ingress end before render and egress, those before the index."""
    store.up()
    assert store.stop() == 0
    ended = {
        name: float((store.data / "log" / f"{name}.log").read_text().split()[-1])
        for name in ("gateway", "ingress", "render", "egress", "index")
    }
    assert max(ended["gateway"], ended["ingress"]) < min(ended["render"], ended["egress"])
    assert max(ended["render"], ended["egress"]) < ended["index"]


def test_second_supervisor_is_refused(store: Store) -> None:
    """Two supervisors never share a data folder; the second names the first."""
    store.up()
    assert store.process is not None
    second = store.pons("up", "--data", str(store.data), "--http-port", str(free_port()))
    assert second.returncode == 1
    assert f"is in use by process {store.process.pid}" in second.stderr
    assert second.stderr.count("\n") == 1


def test_busy_port_is_named(store: Store) -> None:
    """A port that is taken is named with the option that chooses another; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        store.dicom_port = taken.getsockname()[1]
        refused = store.pons("up", "--data", str(store.data), *store.ports())
    assert refused.returncode == 1
    assert f"DICOM port {store.dicom_port} on 127.0.0.1" in refused.stderr
    assert "--dicom-port" in refused.stderr
    assert not (store.data / "postgres").exists()


def test_wrong_setting_is_named(store: Store, tmp_path: Path) -> None:
    """A setting that does not exist is named in one sentence."""
    config = tmp_path / "pons.toml"
    config.write_text("[http]\nprot = 8042\n")
    refused = store.pons("up", "--data", str(store.data), "--config", str(config))
    assert refused.returncode == 1
    assert refused.stderr == "pons: a setting is wrong: http.prot: there is no such setting\n"


def test_store_that_cannot_run_leaves_nothing(store: Store) -> None:
    """A service that dies again and again ends the start, with its own last words."""
    store.environment["STAND_IN_FAILS"] = "render"
    store.start()
    said = store.output()
    assert store.stop() == 1
    assert "render ended with exit code 1, saying: service cannot run: the moon is full" in said
    assert said.splitlines()[-1].startswith("pons: render ended with exit code 1")
    assert not (store.data / "state.json").exists()
    assert processes_in(store.data / "postgres" / "cluster") == []


def kill_supervisor(store: Store, *more: psutil.Process) -> list[state.Record]:
    """Kill the supervisor, with `more` at the same moment; what it ran."""
    assert store.process is not None
    left = state.read_state(store.data / "state.json")
    for one in more:
        one.kill()
    store.process.kill()
    store.process.communicate()
    assert left is not None
    return list(left.processes)


def guard(store: Store) -> psutil.Process:
    """The process that watches over the supervisor."""
    assert store.process is not None
    (found,) = (
        child
        for child in psutil.Process(store.process.pid).children()
        if "pons_embedded.guard" in child.cmdline()
    )
    return found


def test_a_killed_supervisor_takes_all_with_it(store: Store) -> None:
    """After kill -9 everything ends by itself and in order, PostgreSQL and nats-server too."""
    store.up()
    watching = guard(store)
    left = kill_supervisor(store)
    until(lambda: not any(one.process() for one in left), "ended")
    until(lambda: not lives(watching), "guard ended")
    assert processes_in(store.data / "postgres" / "cluster") == []
    said = (store.data / "log" / "guard.log").read_text()
    order = [line.split()[-2] for line in said.splitlines()]
    assert sorted(order[:2]) == ["gateway", "ingress"]
    assert sorted(order[2:4]) == ["egress", "render"]
    assert order[4:] == ["index", "nats", "postgres"]
    postgres = (store.data / "log" / "postgres.log").read_text()
    assert "database system is shut down" in postgres
    store.up()
    assert "was not properly shut down" not in (store.data / "log" / "postgres.log").read_text()


def test_a_stopped_process_does_not_outlive_a_killed_supervisor(store: Store) -> None:
    """What hangs is ended as well."""
    store.up()
    for name in ("index", "nats"):
        store.send(name, signal.SIGSTOP)
    left = kill_supervisor(store)
    until(lambda: not any(one.process() for one in left), "ended")


def test_a_start_right_after_a_killed_supervisor(store: Store) -> None:
    """The next start does not wait for the guard of the last, and neither ends what is new."""
    store.up()
    for _ in range(2):
        left = kill_supervisor(store)
        store.up()
        assert [one.name for one in left if one.process()] == []
    assert store.pons("status", "--data", str(store.data)).returncode == 0


def test_a_killed_guard_is_replaced(store: Store) -> None:
    """The next one knows what runs, once it has been told that."""
    store.up()
    first = guard(store)
    first.kill()

    def is_replaced() -> bool:
        # It is told as soon as it runs; a supervisor that dies in between takes that with it.
        another = guard_or_none(store)
        return another not in (None, first) and time.time() - another.create_time() > 3

    until(is_replaced, "another guard")
    left = kill_supervisor(store)
    until(lambda: not any(one.process() for one in left), "ended")


def guard_or_none(store: Store) -> psutil.Process | None:
    try:
        return guard(store)
    except (ValueError, psutil.Error):
        return None


def test_what_is_left_of_a_store_is_cleaned_up_after(store: Store) -> None:
    """With the guard killed, too, status sees what is left, and the next start ends it."""
    store.up()
    left = kill_supervisor(store, guard(store))
    status = store.pons("status", "--data", str(store.data))
    assert status.returncode == 1
    assert "The supervisor was killed" in status.stdout
    store.up()
    assert [one.name for one in left if one.process()] == []
    assert store.pons("status", "--data", str(store.data)).returncode == 0


def test_down_ends_what_a_killed_supervisor_left(store: Store) -> None:
    """`down` leaves no process even when supervisor and guard are gone."""
    store.up()
    left = kill_supervisor(store, guard(store))
    down = store.pons("down", "--data", str(store.data))
    assert down.stdout == "Store main is stopped; its supervisor had been killed before.\n"
    assert [one.name for one in left if one.process()] == []


def test_what_hangs_is_started_again(store: Store) -> None:
    """A stopped process is replaced like one that died."""
    names = ("index", "nats", "postgres")
    store.environment["PONS_HEALTH_HUNG_AFTER"] = "2"
    store.up()
    for name in names:
        replaced_after(store, name, signal.SIGSTOP)
    store.pons("down", "--data", str(store.data))
    said = store.output()
    for name in names:
        assert f"pons: {name} has not answered for 2 s and is ended" in said


def test_sigquit_stops_in_order(store: Store) -> None:
    """As SIGTERM does."""
    store.up()
    left = store.state["processes"]
    assert store.process is not None
    store.process.send_signal(signal.SIGQUIT)
    assert store.output().endswith("pons: stopping\npons: stopped\n")
    assert store.process.returncode == 0
    assert not [one["name"] for one in left if psutil.pid_exists(one["pid"])]


def test_external_servers_replace_the_embedded(store: Store) -> None:
    """With addresses of PostgreSQL and NATS in the settings, none is started here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        store.environment["PONS_DATABASE_URL"] = database = f"postgresql://a:b@{place}/pons"
        store.environment["PONS_NATS_URL"] = bus = f"nats://{place}"
        store.up()
        assert {one["name"] for one in store.state["processes"]} == {
            *("gateway", "ingress", "render", "egress", "index"),
        }
        assert told(store, "gateway")["PONS_NATS_URL"] == bus
        assert told(store, "gateway")["PONS_DATABASE_URL"] == database


def test_several_processes_of_a_door(store: Store) -> None:
    """Settings start so many dicom-ingress and gateways, each with a health port of its own."""
    store.environment |= {"PONS_DICOM_PROCESSES": "2", "PONS_HTTP_PROCESSES": "2"}
    store.up()
    doors = ("ingress-1", "ingress-2", "gateway-1", "gateway-2")
    ports = {one["port"] for one in store.state["processes"] if one["name"] in doors}
    assert len({store.pid(door) for door in doors}) == len(ports) == 4


def test_data_folder_of_another_store_is_refused(store: Store) -> None:
    """A data folder is never opened under the name of another store."""
    store.up()
    assert store.stop() == 0
    store.start("--store", "nm")
    assert "belongs to store 'main', not 'nm'" in store.output()
    assert store.stop() == 1


def test_stop_during_the_first_start(store: Store) -> None:
    """SIGTERM while the database is still being made ends the start with exit code 0."""
    store.start()
    until(lambda: (store.data / "postgres" / "cluster.new").exists(), "initdb")
    assert store.stop() == 0
    assert processes_in(store.data / "postgres" / "cluster") == []
    store.up()


def test_orthanc_s_file_starts_a_store(store: Store, tmp_path: Path) -> None:
    """What it says is what services are told; what it says in vain is a line each."""
    file = tmp_path / "orthanc.json"
    file.write_text(
        '{"Name": "From Orthanc", "DicomAet": "THEIRS", "HttpThreadsCount": 50, // C++\n'
        ' "AuthenticationEnabled": true, "RegisteredUsers": {"alice": "s3cret"},}'
    )
    own = tmp_path / "pons.toml"
    own.write_text("[jobs]\nhistory = 7\n")
    store.up("--orthanc-config", str(file), "--config", str(own))
    config = Path(told(store, "gateway")["PONS_CONFIG"])
    settings = json.loads(config.read_text())
    assert config.stat().st_mode & 0o077 == 0
    assert settings["store"]["title"] == "From Orthanc"
    assert settings["jobs"]["history"] == 7
    assert settings["http"]["users"]["alice"].startswith("$argon2id$")
    assert "s3cret" not in config.read_text()
    assert told(store, "gateway")["PONS_HTTP_PORT"] == str(store.http_port)
    assert store.stop() == 0
    said = store.output()
    assert "THEIRS at " in said
    assert f"pons: {file}: HttpThreadsCount has no effect: " in said


def test_a_wrong_option_of_orthanc_is_named(store: Store, tmp_path: Path) -> None:
    """The start ends with one sentence, and nothing is made."""
    file = tmp_path / "orthanc.json"
    file.write_text('{"HttpPort": "8042"}')
    refused = store.pons("up", "--data", str(store.data), "--orthanc-config", str(file))
    assert refused.returncode == 1
    assert refused.stderr == f"pons: {file}: HttpPort: expected a whole number, got '8042'\n"
    assert not store.data.exists()
