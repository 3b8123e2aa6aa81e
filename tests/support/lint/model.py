#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each test that tests/machine-model.md names exists, among those that run on a real QEMU."""
import re

import common

TABLE = 'tests/machine-model.md'
ON_QEMU = ('tests/cli/', 'tests/system/', 'tests/support/')
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')


def test_names(files):
    names = set()
    for path, text in files.items():
        if path.startswith(ON_QEMU) and path.endswith('.cpp'):
            for literals in CASE.findall(text):
                names.add(''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)))
    return names


def check(files):
    findings = []
    known = test_names(files)
    for number, line in enumerate(files.get(TABLE, '').split('\n'), 1):
        if not line.startswith('| ') or line.startswith('| area '):
            continue
        named = re.findall(r'`([^`]+)`', line)
        if not named:
            findings.append(f'{TABLE}:{number}: the row names no test')
        findings += [f'{TABLE}:{number}: there is no test "{name}"'
                     for name in named if name not in known]
    return findings


CASES = {'tests/cli/a_test.cpp': 'TEST_CASE("a machine "\n    "starts") {'}
SELF_TEST = [
    ({**CASES, TABLE: '| area | tests |\n|---|---|\n| disks | `a machine starts` |\n'}, None),
    ({**CASES, TABLE: '| disks | `a machine stops` |\n'}, 'there is no test "a machine stops"'),
    ({**CASES, TABLE: '| disks | none |\n'}, 'names no test'),
    ({'tests/unit/a_test.cpp': 'TEST_CASE("x") {', TABLE: '| disks | `x` |\n'}, 'no test "x"'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
