#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every C++ file is formatted as .clang-format says. Usage: format.py CLANG-FORMAT."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import common

WARNING = re.compile(r'^(\S+?):(\d+):\d+: \w+: code should be clang-formatted', re.MULTILINE)
SELF_TEST = [
    ({'src/a.cpp': 'int f() {\n  return 1;\n}\n'}, None),
    ({'src/a.cpp': 'int  f( ) { return 1 ;}\n'}, 'not formatted'),
]


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(common.ROOT / '.clang-format', folder)
        for name, text in common.cpp_files(files).items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
        run = subprocess.run([sys.argv[1], '--dry-run', *common.cpp_files(files)], cwd=folder,
                             capture_output=True, text=True, check=True)
    first = {}
    for name, line in WARNING.findall(run.stderr):
        first.setdefault(name, line)
    return [f'{name}:{line}: not formatted; run clang-format -i on it'
            for name, line in first.items()]


if __name__ == '__main__':
    common.main(check, SELF_TEST)
