"""A study: what is asked, how it is run, and how its answer follows from the files it leaves."""

import os
from dataclasses import dataclass, field
from typing import Callable, Optional

from glossary import explained
from sweeps import rates
from tables import RESULTS, machine


@dataclass
class Claim:
    """A line of the table in results/README.md."""

    claim: str
    evidence: str
    verdict: str


@dataclass
class Study:
    """A folder in results/."""

    number: int
    name: str
    title: str
    question: str
    #: (command, file that it leaves where it is not to be run again)
    commands: list
    #: two sentences, with their numbers
    answer: Callable[[], str]
    #: further sections in Markdown
    details: Callable[[], str]
    claim: Callable[[], Claim]
    figures: list = field(default_factory=list)
    caveats: Callable[[], list] = list
    #: folders below results/ whose manifest.json tell what the runs were made with
    made_by: Callable[[], tuple] = tuple
    #: folders below results/ whose sweep.csv tells how learning rates were chosen
    swept: Callable[[], tuple] = tuple
    #: what is told of the machine where there is no such folder
    machine: Optional[Callable[[], str]] = None

    def text(self):
        about = self.machine() if self.machine else machine(*(self.made_by() or (self.name,)))
        told = [
            f"# {self.title}",
            f"**Question.** {self.question}",
            f"**Answer.** {self.answer()}",
            *(f"![{caption}]({file})" for file, caption in self.figures if is_there(self.name, file)),
            self.details(),
        ]
        parts = told + [
            explained("\n".join(told)),
            "**Commands.** `scripts/reproduce " + self.name + "`, which runs\n\n```sh\n"
            + "\n".join(command for command, _ in self.commands) + "\n```",
            f"**Made with.** {about}",
            "**Keep in mind.**\n\n" + "\n".join(f"- {caveat}" for caveat in self.caveats() + rates(self.name, self.swept())),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def is_there(*parts):
    return os.path.isfile(os.path.join(RESULTS, *parts))
