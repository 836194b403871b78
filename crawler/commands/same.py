"""`scrapy same URL` tells whether the picture at a URL is the one we have."""

import argparse
import asyncio
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from crawler.errors import DownloadError

if TYPE_CHECKING:
    from crawler.same import Known

# Scrapy imports every command whenever any is run, so what only this one needs is imported when it runs.
SAME, DIFFERENT, FAILED = 0, 1, 4


class Command(ScrapyCommand):
    """Exit code 0: the same. 1: another one. 2: usage. 4: the URL could not be read."""

    requires_project = True

    def syntax(self) -> str:
        """Return what follows the command's name."""
        return "[options] <url>"

    def short_desc(self) -> str:
        """Describe the command in a line."""
        return "Is the picture at this URL the one I have? By headers, then bytes, then pixels"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.add_argument("--file", type=Path, help="compare with this file instead of what the catalog has")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Compare."""
        if len(args) != 1:
            raise UsageError("name one URL")
        from crawler.same import is_same

        known = self._known(args[0], opts.file)
        assert self.settings is not None  # noqa: S101 - set by Scrapy before run()
        try:
            answer = asyncio.run(
                is_same(
                    args[0],
                    known,
                    user_agent=self.settings["USER_AGENT"],
                    max_bytes=self.settings.getint("QUARRY_FILE_MAXSIZE"),
                )
            )
        except DownloadError as error:
            print(error)  # noqa: T201 - a command's answer
            self.exitcode = FAILED
            return
        said = f"{'the same' if answer.same else 'another one'}, by {answer.by} ({answer.downloaded_bytes} bytes read)"
        print(json.dumps(dataclasses.asdict(answer)) if opts.json else said)  # noqa: T201 - a command's answer
        self.exitcode = SAME if answer.same else DIFFERENT

    def _known(self, url: str, file: Path | None) -> "Known":
        from crawler.same import Known, known_from_catalog
        from db import Catalog

        if file is not None:
            if not file.is_file():
                raise UsageError(f"{file} is not a file", print_help=False)
            return Known(file, file.stat().st_size)
        assert self.settings is not None  # noqa: S101 - set by Scrapy before run()
        with Catalog(self.settings["QUARRY_CATALOG"], self.settings["QUARRY_BLOBS"]) as catalog:
            known = known_from_catalog(catalog, url)
        if known is None:
            raise UsageError(
                f"the catalog has nothing from {url}; compare with a file: --file PICTURE", print_help=False
            )
        return known
