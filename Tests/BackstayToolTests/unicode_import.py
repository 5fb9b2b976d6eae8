#!/usr/bin/env python3
"""Kills imports of real data at random, and looks for every acknowledged key after each kill.

The data is Debian's UnicodeData.txt (package unicode-data), one JSON line a character, made by json.dumps. An import runs
unthrottled with --ack --resume; SIGKILL comes a random moment after its first acknowledgement. A kill counts when it met
a running import with at least one acknowledgement printed and input left. Finished stores are compared with the input
and made anew, as often as it takes.

usage: unicode_import.py BACKSTAY [--kills N] [--seed S] [--data FILE]
"""
import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def lines_of(path):
    """One object a character. Surrogates have no character of their own in UTF-8, so they go without."""
    with open(path, encoding="utf-8") as data:
        for line in data:
            fields = line.rstrip("\n").split(";")
            code = int(fields[0], 16)
            value = {"name": fields[1], "category": fields[2], "fields": fields[3:], "code": code}
            if not 0xD800 <= code <= 0xDFFF:
                value["character"] = chr(code)
            yield "U+" + fields[0], json.dumps({"key": "U+" + fields[0], "value": value})


def compact(text):
    """The text without whitespace outside strings."""
    out, in_string, escaped = [], False, False
    for c in text:
        if in_string:
            out.append(c)
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                in_string = False
        elif c not in " \t\r\n":
            out.append(c)
            in_string = c == '"'
    return "".join(out)


class Run:
    def __init__(self, tool, folder, lines, seed):
        self.tool, self.random = tool, random.Random(seed)
        self.store, self.input = folder + "/k.backstay", folder + "/in.jsonl"
        self.total = len(lines)
        self.sorted = sorted(compact(text) for _, text in lines)
        with open(self.input, "w") as out:
            out.writelines(text + "\n" for _, text in lines)
        self.acknowledged = set()
        self.kills = self.runs = self.finished = self.checked = 0

    def export(self):
        out = subprocess.run([self.tool, "export", self.store], stdout=subprocess.PIPE, check=True).stdout.decode()
        return out.splitlines()

    def once(self):
        """One import, one kill. Returns what is wrong, or None."""
        self.runs += 1
        child = subprocess.Popen(
            [self.tool, "import", self.store, self.input, "--ack", "--resume"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        first = child.stdout.readline()
        if first:
            time.sleep(self.random.random() * 0.05)
            child.send_signal(signal.SIGKILL)
        printed = first + child.stdout.read()
        child.wait()
        whole = printed[: printed.rfind(b"\n") + 1].decode().splitlines()
        for line in whole:
            word, _, key = line.split(" ", 2)
            if word != "ack":
                return "not an acknowledgement: " + line
            self.acknowledged.add(json.loads(key))
        if child.returncode == -signal.SIGKILL and whole and len(self.acknowledged) < self.total:
            self.kills += 1
        elif child.returncode not in (0, -signal.SIGKILL):
            return "the import ended with %d" % child.returncode
        exported = self.export()
        found = {json.loads(line)["key"] for line in exported}
        lost = self.acknowledged - found
        self.checked += len(self.acknowledged)
        if lost:
            return "%d acknowledged keys are gone: %s" % (len(lost), sorted(lost)[:3])
        if len(found) == self.total or child.returncode == 0:
            subprocess.run([self.tool, "import", self.store, self.input, "--resume"], check=True, stdout=subprocess.DEVNULL)
            if sorted(compact(line) for line in self.export()) != self.sorted:
                return "the finished export differs from the input"
            self.finished += 1
            shutil.rmtree(self.store)
            self.acknowledged.clear()
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--data", default="/usr/share/unicode/UnicodeData.txt")
    options = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory(prefix="backstay-unicode-") as folder:
        run = Run(options.tool, folder, list(lines_of(options.data)), options.seed)
        while run.kills < options.kills or run.finished == 0:
            wrong = run.once()
            if wrong:
                print("FAILED: %s (seed %d, after %d kills)" % (wrong, options.seed, run.kills))
                return 1
        print(
            "ok: %d lines, %d kills in %d runs, %d acknowledged keys looked for, %d finished exports equal the input; "
            "seed %d; %d s"
            % (run.total, run.kills, run.runs, run.checked, run.finished, options.seed, time.time() - start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
