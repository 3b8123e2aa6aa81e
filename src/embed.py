#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a program as the bytes of a C++ array: embed.py PROGRAM OUTPUT."""
import sys

with open(sys.argv[1], 'rb') as program, open(sys.argv[2], 'w', encoding='ascii') as output:
    data = program.read()
    for start in range(0, len(data), 24):
        output.write(','.join(str(byte) for byte in data[start:start + 24]) + ',\n')
