"""Runs studies and writes their pages; called by scripts/reproduce.

Finished work is kept: a comparison goes on where it stopped, and what was measured is measured again only with --overwrite.
Every number in a page is read from the CSV files beside it.
"""

import argparse
import difflib
import fnmatch
import json
import os
import shlex
import subprocess
import sys

import overview
from overview import STUDIES
from results import RESULTS, ROOT, Missing, forget, manifest


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/reproduce", description="Run studies of the reproduction and write results/STUDY.",
        epilog="Example: scripts/reproduce mnist-bn")
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="names of studies, or all; without a name, list the studies")
    parser.add_argument("--texts", action="store_true", help="run nothing; write the pages from the CSV files that are there")
    parser.add_argument("--check", action="store_true", help="run and write nothing; show where the pages differ from the CSV files")
    parser.add_argument("--overwrite", action="store_true", help="run finished measurements again")
    return parser.parse_args()


def say(text):
    print(f"reproduce: {text}", file=sys.stderr, flush=True)


def expanded(words):
    """Arguments with patterns of run directories replaced by the runs that results/ holds, in its order, which gives
    methods their colors."""
    found = []
    for word in words:
        if not word.startswith("runs/"):
            found.append(word)
            continue
        experiment = word.split("/")[1]
        folders = [f"runs/{experiment}/{run['run']}" for run in manifest(experiment)["runs"]]
        matches = [folder for folder in folders
                   if fnmatch.fnmatch(folder, word) and os.path.isdir(os.path.join(ROOT, folder))]
        if not matches:
            sys.exit(f"reproduce: no run of {experiment} matches {word}. To make them, run: "
                     f"scripts/normprop compare experiments/{experiment}.toml")
        found += matches
    return found


def is_made(words, leaves):
    """Whether the file that a command leaves is there, is newer than its runs and, where it names its command, was made
    by this command."""
    file = os.path.join(ROOT, leaves)
    if not os.path.isfile(file):
        return False
    runs = [word for word in words if word.startswith("runs/")]
    if any(os.path.getmtime(os.path.join(ROOT, run, "summary.json")) > os.path.getmtime(file) for run in runs):
        return False
    about = os.path.join(os.path.dirname(file), "machine.json")
    if os.path.basename(file) == "bench.csv" and os.path.isfile(about):
        with open(about, encoding="utf-8") as text:
            return json.load(text)["command_line"] == words
    return True


def carry_out(study, overwrite, done):
    """Runs the study's commands that this call has not run yet and whose file is not there."""
    for command, leaves in study.commands:
        if command in done:
            continue
        done.add(command)
        words = expanded(shlex.split(command))
        if leaves and is_made(words, leaves) and not overwrite:
            say(f"{study.name}: {leaves} is there")
            continue
        say(f"{study.name}: {command}")
        script = os.path.join(ROOT, "scripts/normprop" if words[0] == "normprop" else words[0])
        extra = ["--overwrite"] if overwrite and words[1:2] == ["compare"] else []
        code = subprocess.run([script, *words[1:], *extra], cwd=ROOT, check=False).returncode
        if code:
            sys.exit(code)


def pages():
    """Every page, by file; an empty one where results are missing."""
    made = {}
    for study in STUDIES:
        file = os.path.join(RESULTS, study.name, "README.md")
        try:
            made[file] = study.text()
        except Missing as missing:
            made[file] = ""
            say(f"{study.name}: no page yet, missing: {missing}")
    made[os.path.join(RESULTS, "README.md")] = overview.text()
    made[overview.README] = overview.readme()
    return made


def check():
    """Prints the differences; 1 where there are any."""
    wrong = 0
    for file, text in pages().items():
        there = open(file, encoding="utf-8").read() if os.path.isfile(file) else ""
        changes = difflib.unified_diff(there.splitlines(), text.splitlines(), os.path.relpath(file, ROOT),
                                       "from the CSV files", lineterm="")
        for change in changes:
            print(change)
            wrong = 1
    return wrong


def write():
    for file, text in pages().items():
        if text:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)


def main():
    options = arguments()
    known = {study.name: study for study in STUDIES}
    wanted = list(known) if options.studies == ["all"] else options.studies
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"reproduce: there is no study {unknown[0]}; there are {', '.join(known)}")
    if options.check:
        sys.exit(check())
    if options.texts:
        write()
    elif not wanted:
        for study in STUDIES:
            print(f"{study.name:20} {study.question}")
    else:
        done = set()
        for name in known:
            if name in wanted:
                carry_out(known[name], options.overwrite, done)
                forget()
                write()


if __name__ == "__main__":
    main()
