# SPDX-License-Identifier: MIT
"""What the lints share: the project's files, the command line, the self-test.

A lint is a module with `check(files)`, which maps {path: text} to findings "path:line: what is
wrong", and with SELF_TEST, a list of (files, words that some finding must contain, or None).
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
SKIPPED = re.compile(r'^(build|\.git/|\.cache/|subprojects/[^/]+/)')


def paths():
    """The project's files; without git, everything that is no build output."""
    listed = None
    if (ROOT / '.git').exists() and shutil.which('git'):
        listed = subprocess.run(
            ['git', '-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
            capture_output=True, text=True, check=False)
    if listed and listed.returncode == 0:
        names = listed.stdout.split('\0')
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob('*')]
    return sorted(name for name in names
                  if name and not SKIPPED.match(name) and (ROOT / name).is_file())


def read_all():
    return {name: (ROOT / name).read_text(encoding='utf-8', errors='replace')
            for name in paths() if '__pycache__' not in name}


def cpp_files(files):
    return {name: text for name, text in files.items() if name.endswith(('.cpp', '.hpp'))}


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def blank_out(text):
    """The text with comments and literals blanked, so that offsets and lines stay the same."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'", re.DOTALL)
    return token.sub(lambda match: re.sub(r'[^\n]', ' ', match.group()), text)


def self_test(check, cases):
    """Proves that the lint accepts what is right and finds what is wrong."""
    failures = []
    for number, (files, expected) in enumerate(cases):
        findings = check(files)
        if expected is None and findings:
            failures.append(f'case {number}: expected nothing, found {findings}')
        if expected is not None and not any(expected in finding for finding in findings):
            failures.append(f'case {number}: expected "{expected}", found {findings}')
    return failures


def main(check, cases):
    findings = self_test(check, cases) if '--self-test' in sys.argv else check(read_all())
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
