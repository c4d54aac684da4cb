"""The dashboard's files, the report, and the headers that guard them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from fakes import api_app

pytestmark = pytest.mark.asyncio

INDEX = b"<!doctype html><title>ATS</title>"
SCRIPT = b"console.log('hello')"


def _dashboard(folder: Path) -> Path:
    built = folder / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(INDEX)
    (built / "assets" / "index-1a2b3c.js").write_bytes(SCRIPT)
    (built / "assets" / "index-1a2b3c.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "secret.txt").write_text("outside", encoding="utf-8")
    return built


async def test_pages_of_the_application_are_index_html(tmp_path: Path) -> None:
    async with api_app.running(tmp_path, dashboard_dir=_dashboard(tmp_path)) as running:
        for path in ("/", "/charts/BTC-USD", "/decisions"):
            response = await running.client.get(path)
            assert (response.status_code, response.content) == (200, INDEX)
            assert response.headers["cache-control"] == "no-cache"
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            policy = response.headers["content-security-policy"]
            assert policy.startswith("default-src 'self'")
            assert "script-src" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"


async def test_assets_are_immutable_and_sent_compressed(tmp_path: Path) -> None:
    async with api_app.running(tmp_path, dashboard_dir=_dashboard(tmp_path)) as running:
        path = "/assets/index-1a2b3c.js"
        for accepted, encoding in (("gzip, br", "gzip"), ("br", None), ("identity", None)):
            response = await running.client.get(path, headers={"Accept-Encoding": accepted})
            assert response.headers.get("content-encoding") == encoding
            assert response.content == SCRIPT
            assert "immutable" in response.headers["cache-control"]
            assert response.headers["vary"] == "accept-encoding"
            assert response.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/missing.js", "/assets/none.js", "/../secret.txt", "/%2e%2e/secret.txt", "/a%00b.js"]
)
async def test_other_files_are_not_found(tmp_path: Path, path: str) -> None:
    async with api_app.running(tmp_path, dashboard_dir=_dashboard(tmp_path)) as running:
        response = await running.client.get(path)
        assert response.status_code == 404
        assert b"outside" not in response.content


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    built = _dashboard(tmp_path)
    (built / "leak.txt").symlink_to(tmp_path / "secret.txt")
    async with api_app.running(tmp_path, dashboard_dir=built) as running:
        assert (await running.client.get("/leak.txt")).status_code == 404


async def test_a_wrong_api_path_is_a_problem_not_the_dashboard(tmp_path: Path) -> None:
    async with api_app.running(tmp_path, dashboard_dir=_dashboard(tmp_path)) as running:
        for method in ("GET", "POST"):
            response = await running.client.request(method, "/api/v1/nothing")
            assert response.status_code == 404
            assert response.headers["content-type"] == "application/problem+json"


async def test_without_a_build_the_answer_says_what_to_do(tmp_path: Path) -> None:
    async with api_app.running(tmp_path) as running:
        response = await running.client.get("/")
        assert response.status_code == 404
        assert "./ats" in response.json()["next_step"]


async def test_the_report_is_behind_the_session_and_in_a_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    async with api_app.running(tmp_path, report_dir=folder) as running:
        await running.login()
        assert (await running.client.get("/api/v1/report")).status_code == 404
        folder.mkdir()
        (folder / "index.html").write_bytes(b"<h1>Report</h1>")
        redirect = await running.client.get("/api/v1/report")
        assert (redirect.status_code, redirect.headers["location"]) == (302, "/report/index.html")
        page = await running.client.get(redirect.headers["location"])
        assert page.content == b"<h1>Report</h1>"
        assert page.headers["content-security-policy"].startswith("sandbox")
        running.client.cookies.clear()
        assert (await running.client.get("/report/index.html")).status_code == 401
