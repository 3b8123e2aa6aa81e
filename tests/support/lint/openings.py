#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each file opens with the licence and one sentence of purpose; each header has #pragma once."""
import re

import common

LICENCE = 'SPDX-License-Identifier: MIT'
SOURCES = re.compile(r'\.(cpp|hpp|S|inc|ld|py|sh)$|^(bootstrap|\.ci/run)$')
PURPOSE = re.compile(r'^// [A-Za-z`<"].*')


def check(files):
    findings = []
    for path, text in files.items():
        if not SOURCES.search(path):
            continue
        lines = text.split('\n')
        if LICENCE not in '\n'.join(lines[:2]):
            findings.append(f'{path}:1: the first line is no "{LICENCE}"')
        # The names of its test cases say what a test file is for.
        if path.endswith(('.cpp', '.hpp')) and not path.endswith('_test.cpp'):
            if len(lines) < 2 or not PURPOSE.match(lines[1]):
                findings.append(f'{path}:2: no sentence of purpose after the licence')
        if path.endswith('.hpp') and '/pch/' not in path and '\n#pragma once\n' not in text:
            findings.append(f'{path}:1: no #pragma once')
    return findings


GOOD = f'// {LICENCE}\n// Thing: does it.\n#pragma once\n'
SELF_TEST = [
    ({'src/a.hpp': GOOD, 'tests/a_test.cpp': f'// {LICENCE}\n#include <a>\n'}, None),
    ({'src/a.cpp': '// Thing: does it.\n'}, 'the first line'),
    ({'src/a.cpp': f'// {LICENCE}\n#include <a>\n'}, 'no sentence of purpose'),
    ({'src/a.hpp': GOOD.replace('#pragma once\n', '')}, 'no #pragma once'),
    ({'bootstrap': '#!/bin/sh\nset -e\n'}, 'the first line'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
