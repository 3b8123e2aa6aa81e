#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every suite of the given Meson build directories and counts test cases, not programs.

Each suite's own result is printed; the last line is "N passed, N failed". A test that could not
run, or a build that does not compile, counts as failed. Lints run in the last directory only.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

CASE = re.compile(r'^(not )?ok \d+ - (.*)$', re.MULTILINE)
RUNNING = re.compile(r'^# running: (.*)$', re.MULTILINE)
SKIPPED = re.compile(r'# skip', re.IGNORECASE)


def count(entry):
    """The passed cases of one program, and a line for each failed one."""
    result, stdout = entry['result'], entry.get('stdout') or ''
    cases = CASE.findall(stdout)
    good = [name for bad, name in cases if not bad and not SKIPPED.search(name)]
    failures = [name for bad, name in cases if bad or SKIPPED.search(name)]
    if result == 'OK' and not cases:
        return 1, []
    if result != 'OK' and not failures:
        started = RUNNING.findall(stdout)
        unfinished = started[-1:] if len(started) > len(cases) else []
        failures = [f'{result.lower()}' + ''.join(f' in "{name}"' for name in unfinished)]
    return len(good), failures


def suites_of(directory):
    """Maps a program's name in the log to its suite."""
    known = subprocess.run(['meson', 'introspect', '--tests', directory], check=True,
                           capture_output=True, text=True).stdout
    return {test['name']: suite.split(':')[-1]
            for test in json.loads(known) for suite in test['suite'][:1]}


def run(directory, skip_lint):
    """Runs one build's tests; returns {suite: (passed, [failure])}."""
    log = pathlib.Path(directory, 'meson-logs', 'testlog.json')
    log.unlink(missing_ok=True)
    # Tests wait for machines and for each other's ends: one more than there are processors.
    at_once = str((os.cpu_count() or 1) + 1)
    subprocess.run(['meson', 'test', '-C', directory, '--print-errorlogs',
                    '--num-processes', at_once]
                   + (['--no-suite', 'lint'] if skip_lint else []), check=False)
    if not log.exists():
        return {'build': (0, ['does not compile, or has no tests'])}
    suites = suites_of(directory)
    results = {}
    for line in log.read_text(encoding='utf-8', errors='replace').splitlines():
        entry = json.loads(line)
        name = entry['name'].split(' / ')[-1].split(':')[-1]
        suite = suites.get(name, 'other')
        passed, failures = count(entry)
        before = results.get(suite, (0, []))
        results[suite] = (before[0] + passed, before[1] + [f'{name}: {why}' for why in failures])
    return results


def main(directories):
    results = [(directory, run(directory, directory != directories[-1]))
               for directory in directories]
    total_passed, total_failed = 0, 0
    print()
    for directory, suites in results:
        for suite, (passed, failures) in sorted(suites.items()):
            where = pathlib.Path(directory).name
            print(f'{where:10} {suite:12} {passed:5} passed, {len(failures)} failed')
            for failure in failures:
                print(f'    {failure}')
            total_passed += passed
            total_failed += len(failures)
    print(f'{total_passed} passed, {total_failed} failed')
    return 1 if total_failed or not total_passed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
