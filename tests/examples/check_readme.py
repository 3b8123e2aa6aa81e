#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README shows what the examples are: each marked region, character by character.

usage: check_readme.py README EXAMPLE…
"""
import pathlib
import sys


def shown(example):
    """The lines between the markers."""
    lines = example.read_text(encoding='utf-8').split('\n')
    begin = next(i for i, line in enumerate(lines) if line.endswith('README begins'))
    end = next(i for i, line in enumerate(lines) if line.endswith('README ends'))
    return '\n'.join(lines[begin + 1:end])


def main(readme, examples):
    text = pathlib.Path(readme).read_text(encoding='utf-8')
    missing = [name for name in examples
               if f'\n{shown(pathlib.Path(name))}\n```\n' not in text]
    for name in missing:
        print(f'{readme} does not show {name} as it is')
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
