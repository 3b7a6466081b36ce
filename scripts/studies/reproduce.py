"""Runs studies and writes their texts; called by scripts/reproduce.

What is over stays: a comparison goes on where it stopped, and what was measured once is not measured again unless
--overwrite is given. Every number in a text is read from the CSV files beside it.
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
from catalogue import STUDIES
from tables import RESULTS, ROOT, Missing, forget, manifest


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/reproduce", description="Run studies of the reproduction and write results/STUDY.",
        epilog="Example: scripts/reproduce mnist-bn")
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="studies by name, or all; without any, a list of them")
    parser.add_argument("--texts", action="store_true", help="run nothing, write the texts of what is there")
    parser.add_argument("--check", action="store_true", help="run nothing, write nothing, compare the texts that are there")
    parser.add_argument("--overwrite", action="store_true", help="measure anew what was measured")
    return parser.parse_args()


def say(text):
    print(f"reproduce: {text}", file=sys.stderr, flush=True)


def expanded(words):
    """Arguments with the patterns of run directories put in place: those of the runs that results/ tells of, in its order, in
    which methods have their colours."""
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
            sys.exit(f"reproduce: no run of {experiment} fits {word}: scripts/normprop compare experiments/{experiment}.toml "
                     "makes them anew")
        found += matches
    return found


def is_made(words, leaves):
    """Whether the file that a command leaves is there, is younger than the runs it tells of, and where it says what made
    it, was made by this command."""
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
    """Runs the study's commands that this call has not run yet; those that leave a file are skipped where it is there."""
    for command, leaves in study.commands:
        if command in done:
            continue
        done.add(command)
        words = expanded(shlex.split(command))
        if leaves and is_made(words, leaves) and not overwrite:
            say(f"{study.name}: {leaves} is there")
            continue
        say(f"{study.name}: {command}")
        program = [os.path.join(ROOT, "scripts", "normprop")] if words[0] == "normprop" else [os.path.join(ROOT, words[0])]
        extra = ["--overwrite"] if overwrite and words[1:2] == ["compare"] else []
        code = subprocess.run(program + words[1:] + extra, cwd=ROOT, check=False).returncode
        if code:
            sys.exit(code)


def texts():
    """Every text that can be made of what is there, by file; an empty one where results are wanting."""
    made = {}
    for study in STUDIES:
        file = os.path.join(RESULTS, study.name, "README.md")
        try:
            made[file] = study.text()
        except Missing as missing:
            made[file] = ""
            say(f"{study.name}: no text yet, missing: {missing}")
    made[os.path.join(RESULTS, "README.md")] = overview.text()
    return made


def check():
    wrong = 0
    for file, text in texts().items():
        there = open(file, encoding="utf-8").read() if os.path.isfile(file) else ""
        name = os.path.relpath(file, ROOT)
        changes = list(difflib.unified_diff(there.splitlines(), text.splitlines(), name, "from the CSV files", lineterm=""))
        wrong += bool(changes)
        print("\n".join(changes), end="\n" if changes else "")
    return 1 if wrong else 0


def write():
    for file, text in texts().items():
        if not text:
            continue
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)


def main():
    options = arguments()
    if options.check:
        sys.exit(check())
    known = [study.name for study in STUDIES]
    wanted = known if options.studies == ["all"] else options.studies
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"reproduce: no study is called {unknown[0]}; there are {', '.join(known)}")
    if not wanted and not options.texts:
        for study in STUDIES:
            print(f"{study.name:20} {study.question}")
        return
    done = set()
    for study in STUDIES:
        if study.name in wanted and not options.texts:
            carry_out(study, options.overwrite, done)
            forget()
            write()
    if options.texts:
        write()


if __name__ == "__main__":
    main()
