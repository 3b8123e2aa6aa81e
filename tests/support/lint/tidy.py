#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang-tidy finds nothing in src. Usage: tidy.py CLANG-TIDY BUILD-DIRECTORY

In a unity build this takes a small part of the time: the headers are read once for each room.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import common

FINDING = re.compile(r'^(\S+?):(\d+):\d+: (?:warning|error): (.*)$', re.MULTILINE)
# Meant for GCC, which compiles the same files without complaint.
FOREIGN = ('-fpch-preprocess', '-Winvalid-pch')


def tidy(command, folder):
    """Findings in one source, given its compile command."""
    flags = [word for word in command if word not in FOREIGN]
    source = flags[-1]
    run = subprocess.run([sys.argv[1], '--quiet', source, '--', *flags[1:-2],
                          '-Wno-unknown-warning-option'], cwd=folder,
                         capture_output=True, text=True, check=False)
    findings = []
    for path, line, said in FINDING.findall(run.stdout):
        path = os.path.normpath(os.path.join(folder, path))
        findings.append(f'{os.path.relpath(path, common.ROOT)}:{line}: {said}')
    if run.returncode != 0 and not findings:
        findings.append(f'{source}:1: clang-tidy failed: {run.stderr[-300:]}')
    return findings


def compile_commands(directory):
    """(command, folder) for each source in src."""
    entries = json.loads(pathlib.Path(directory, 'compile_commands.json').read_text())
    for entry in entries:
        if entry['output'].startswith('src/'):
            words = shlex.split(entry['command'])
            start = next(i for i, word in enumerate(words) if word.startswith('-'))
            flags, skip = ['compiler'], False
            for word in words[start:]:
                if skip or word in ('-MQ', '-MF', '-o', '-MD'):
                    skip = not skip and word != '-MD'
                elif not word.startswith('@'):
                    flags.append(word)
            yield flags, entry['directory']


def check_all(jobs):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda job: tidy(*job), jobs)
    return sorted({finding for findings in found for finding in findings})


def check(files):
    """Of the self-test: each file alone, in a folder with our configuration."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / '.clang-tidy').write_text((common.ROOT / '.clang-tidy').read_text())
        jobs = []
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
            jobs.append((['compiler', '-std=c++20', '-c', name], folder))
        return check_all(jobs)


GOOD = 'namespace {\nclass Thing {\n int count_ = 0;\n public:\n int count() { return count_; }\n};\n}\n'
SELF_TEST = [
    ({'src/a.cpp': GOOD}, None),
    ({'src/a.cpp': GOOD.replace('count_', 'm_count')}, 'invalid case style'),
    ({'src/a.cpp': '#include <string>\n#include <utility>\nint f(std::string a) {\n'
      '  std::string b = std::move(a);\n  return int(a.size() + b.size());\n}\n'},
     'used after it was moved'),
]

if __name__ == '__main__':
    if '--self-test' in sys.argv:
        common.main(check, SELF_TEST)
    common.main(lambda files: check_all(list(compile_commands(sys.argv[2]))), [])
