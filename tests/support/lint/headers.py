#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every installed header compiles alone. Usage: headers.py COMPILER...

A header that some source includes before anything else is proven by the build itself.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import common

COMPILER = [word for word in sys.argv[1:] if not word.startswith('--self')]


def complaint(path, include_folder):
    """The first error that the compiler has about this header alone, or None."""
    run = subprocess.run(
        [*COMPILER, '-std=c++20', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-D_GNU_SOURCE',
         f'-I{include_folder}', '-include', path, '-x', 'c++', os.devnull],
        capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return None
    return next((line for line in run.stderr.split('\n') if 'error:' in line), run.stderr[:200])


def proven(files):
    """Headers that are the first include of a source in src."""
    first = (re.search(r'^#include <([^>]+)>', text, re.MULTILINE)
             for name, text in files.items()
             if name.startswith('src/') and name.endswith('.cpp'))
    return {'include/' + match.group(1) for match in first if match}


def check(files):
    installed = {name for name in files if name.startswith('include/') and name.endswith('.hpp')}
    headers = sorted(installed - proven(files))
    with tempfile.TemporaryDirectory() as folder:
        for name in installed:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding='utf-8')
        include = pathlib.Path(folder, 'include')
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            complaints = pool.map(lambda name: complaint(pathlib.Path(folder, name), include), headers)
    return [f'{name}:1: {said}' for name, said in zip(headers, complaints) if said]


GOOD = '#pragma once\n#include <string>\ninline std::string f() { return ""; }\n'
SELF_TEST = [
    ({'include/vmfleet/a.hpp': GOOD}, None),
    ({'include/vmfleet/a.hpp': GOOD.replace('#include <string>\n', '')}, 'error'),
    ({'include/vmfleet/a.hpp': GOOD, 'include/vmfleet/b.hpp': 'b', 'src/a.cpp':
      '#include <vmfleet/a.hpp>\n#include <vmfleet/b.hpp>\n'}, 'b.hpp'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
