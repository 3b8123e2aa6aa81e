#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No file speaks of one machine's folders, or of hosts that the project does not depend on."""
import re

import common

FOLDERS = re.compile(r'(?<![\w.$}])/(work|workspace|mnt|Users|home/\w+|root/\w+)/')
HOST = re.compile(r'\bhttps?://([\w.-]+)')
HOSTS = {
    'github.com', 'dist.libuv.org', 'deb.debian.org', 'www.qemu.org', 'qemu.org', 'gitlab.com',
    'keepachangelog.com', 'semver.org', 'spdx.org', 'www.kernel.org', 'docs.kernel.org',
    'mesonbuild.com', 'localhost', '127.0.0.1',
    'www.w3.org',  # the name of SVG's elements
}
EXAMPLE = re.compile(r'^(.*\.)?example\.(com|org)$|^\w+$')
EXCEPT = 'tests/support/lint/places.py'


def check(files):
    findings = []
    for path, text in files.items():
        if path == EXCEPT:
            continue
        for match in FOLDERS.finditer(text):
            findings.append(f'{path}:{common.line_of(text, match.start())}: '
                            f'a folder of one machine: {match.group()}')
        for match in HOST.finditer(text):
            if match.group(1) not in HOSTS and not EXAMPLE.match(match.group(1)):
                findings.append(f'{path}:{common.line_of(text, match.start())}: '
                                f'an unexpected host: {match.group(1)}')
    return findings


SELF_TEST = [
    ({'a.md': 'see https://github.com/a/b and ./work/x'}, None),
    ({'a.md': 'in /work/x/y'}, 'a folder of one machine'),
    ({'a.md': 'cd /home/ada/vmfleet'}, 'a folder of one machine'),
    ({'a.wrap': 'source_url = https://registry.internal/x.tar.gz'}, 'an unexpected host'),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
