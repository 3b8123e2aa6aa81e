#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each room includes only what src/meson.build permits it: rooms, and third-party libraries."""
import re

import common

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
ROOM = re.compile(r"^\s*\['(\w+)', \[([^\]]*)\], \[([^\]]*)\]\],", re.MULTILINE)
LIBRARIES = {
    'uv': r'uv(\.h$|/)', 'simdjson': r'simdjson', 'fmt': r'fmt/', 're2': r're2/',
    'libarchive': r'archive(_entry)?\.h$', 'tomlplusplus': r'toml\+\+/|toml\.hpp',
    'cli11': r'CLI/', 'catch2': r'catch2/', 'gtest': r'gtest/|gmock/',
}


def permitted_rooms(meson):
    """{room: (rooms that it may include, libraries that it may include)}"""
    words = re.compile(r'\w+')
    table = {name: (set(words.findall(rooms)) | {name}, set(words.findall(libraries)))
             for name, rooms, libraries in ROOM.findall(meson)}
    table['testkit'] = ({'testkit', 'base', 'async', 'io'}, {'fmt'})
    table['cli'] = (set(table) | {'cli'}, {'fmt', 'cli11'})
    return table


def library_of(header):
    return next((name for name, pattern in LIBRARIES.items() if re.match(pattern, header)), None)


def check(files):
    table = permitted_rooms(files['src/meson.build'])
    findings = []
    for path, text in common.cpp_files(files).items():
        where = re.match(r'(src|include/vmfleet)/(\w+)/', path)
        if not where or where.group(2) not in table:
            continue
        room, public = where.group(2), where.group(1) != 'src'
        rooms, libraries = table[room]
        for match in INCLUDE.finditer(text):
            header = match.group(1)
            place = f'{path}:{common.line_of(text, match.start(1))}: '
            other = re.match(r'(?:vmfleet/)?(\w+)/', header)
            library = library_of(header)
            if library and public:
                findings.append(place + f'{header}: no third-party header in an installed one')
            elif library and library not in libraries:
                findings.append(place + f'{header}: {room} may not use {library}')
            elif not library and other and other.group(1) in table and other.group(1) not in rooms:
                findings.append(place + f'{header}: {room} may not include {other.group(1)}')
            elif public and header.endswith('.hpp') and not header.startswith('vmfleet/'):
                findings.append(place + f'{header}: a private header in an installed one')
    return findings


TABLE = """
  ['base', [], [fmt, simdjson]],
  ['async', ['base'], [fmt, uv, threads]],
  ['qmp', ['base', 'async'], [fmt]],
"""
SELF_TEST = [
    ({'src/meson.build': TABLE, 'src/qmp/a.cpp': '#include <vmfleet/async/task.hpp>\n'}, None),
    ({'src/meson.build': TABLE, 'src/base/a.cpp': '#include <vmfleet/qmp/client.hpp>\n'},
     'base may not include qmp'),
    ({'src/meson.build': TABLE, 'src/base/a.cpp': '#include "async/loop_core.hpp"\n'},
     'base may not include async'),
    ({'src/meson.build': TABLE, 'src/qmp/a.cpp': '#include <uv.h>\n'}, 'qmp may not use uv'),
    ({'src/meson.build': TABLE, 'include/vmfleet/async/a.hpp': '#include <uv.h>\n'},
     'no third-party header'),
    ({'src/meson.build': TABLE, 'include/vmfleet/async/a.hpp': '#include "async/x.hpp"\n'},
     'a private header'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
