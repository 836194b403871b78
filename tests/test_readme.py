"""The README speaks of every command and spider, and of nothing else."""

import re

import click
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

import quarry
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def commands() -> set[str]:
    group = quarry.main
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = set()
    for name in group.list_commands(context):
        wing = group.get_command(context, name)
        if not isinstance(wing, click.Group):
            assert f"`quarry {name}`" in README
            continue
        found |= {f"quarry {name} {verb}" for verb in wing.list_commands(context)}
    return found


def test_every_command_is_in_the_table_and_every_row_is_a_command() -> None:
    table = set(re.findall(r"^\| `(quarry \w+ \w+)", README, re.MULTILINE))
    assert table == commands()


def test_every_spider_is_in_the_table() -> None:
    settings = get_project_settings()
    settings.set("SPIDER_MODULES", ["crawler.spiders"])
    assert {f"scrapy crawl {name}" for name in SpiderLoader(settings).list()} == set(
        re.findall(r"^\| `(scrapy crawl \w+)", README, re.MULTILINE)
    )


def test_every_command_shows_help() -> None:
    for command in commands():
        _, wing, verb = command.split()
        context = click.Context(quarry.main)
        group = quarry.main.get_command(context, wing)  # type: ignore[attr-defined]
        known = group.get_command(context, verb)
        text = known.get_help(click.Context(known))
        assert len(text.splitlines()) > 3
