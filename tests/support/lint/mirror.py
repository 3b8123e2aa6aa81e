#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The unit tests mirror the sources, and no source or test file is left out of the build.

A unit test file has the name of a source or header of its room, or begins with it; one that tests
several together says in its sentence of purpose what it is about.
"""
import posixpath
import re

import common

PURPOSE = re.compile(r'^// SPDX[^\n]*\n// \S')
LISTED = re.compile(r"(/ )?'([^']+\.cpp)'")


def listed_files(files):
    """Every .cpp that some meson.build names."""
    found = set()
    for path, text in files.items():
        if posixpath.basename(path) != 'meson.build':
            continue
        folder = posixpath.dirname(path)
        for joined, name in LISTED.findall(text):
            # Joined to a variable that holds a folder: the end must do.
            found.add('*/' + name if joined else
                      posixpath.normpath(posixpath.join(folder, name)))
    return found


def is_listed(path, listed):
    return path in listed or any(name.startswith('*/') and path.endswith(name[1:]) for name in listed)


def sources_of(room, files):
    """The names of the room's sources and headers, without folders and endings."""
    return {posixpath.splitext(posixpath.basename(path))[0]
            for path in common.cpp_files(files)
            if path.startswith((f'src/{room}/', f'include/vmfleet/{room}/'))}


def check(files):
    listed = listed_files(files)
    findings = []
    for path, text in common.cpp_files(files).items():
        if path.endswith('.cpp') and not is_listed(path, listed):
            findings.append(f'{path}:1: not in any meson.build')
        test = re.match(r'tests/unit/(\w+)/(?:.*/)?(\w+)_test\.cpp$', path)
        if not test or test.group(1) == 'compiler':
            continue
        room, name = test.groups()
        mirrors = any(name == source or name.startswith(source + '_')
                      for source in sources_of(room, files))
        if not mirrors and not PURPOSE.search(text):
            findings.append(f'{path}:2: named like no source of {room}, and without a purpose')
    rooms = {re.match(r'src/(\w+)/', path).group(1) for path in common.cpp_files(files)
             if re.match(r'src/\w+/', path)} - {'cli', 'testkit'}
    for room in sorted(rooms):
        if not any(path.startswith(f'tests/unit/{room}/') for path in files):
            findings.append(f'src/{room}: has no unit tests')
    return findings


GOOD = {
    'src/base/meson.build': "files('text.cpp')", 'src/base/text.cpp': '',
    'tests/unit/base/meson.build': "files('text_test.cpp', 'text_long_test.cpp')",
    'tests/unit/base/text_test.cpp': '', 'tests/unit/base/text_long_test.cpp': '',
}
SELF_TEST = [
    (GOOD, None),
    ({**GOOD, 'tests/unit/base/meson.build': "files('text_test.cpp', 'all_test.cpp', "
      "'text_long_test.cpp')",
      'tests/unit/base/all_test.cpp': '// SPDX\n// All together.\n'}, None),
    ({**GOOD, 'src/base/more.cpp': ''}, 'not in any meson.build'),
    ({**GOOD, 'tests/unit/base/meson.build': "files('text_test.cpp', 'tex_test.cpp', "
      "'text_long_test.cpp')", 'tests/unit/base/tex_test.cpp': ''}, 'named like no source'),
    ({'src/base/meson.build': "files('a.cpp')", 'src/base/a.cpp': ''}, 'has no unit tests'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
