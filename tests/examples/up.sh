#!/bin/sh
# SPDX-License-Identifier: MIT
# A fleet at the shell.
set -e
# README begins
vmfleet up -n 8                     # returns when all eight are ready
vmfleet ps                          # name, state, time to readiness, pid, ports
vmfleet logs --tail 3               # the last lines of every console; -f follows
vmfleet wait --for 'serial=ready'   # or a regex, a port, a QMP event, the end
vmfleet qmp vm-0 query-status       # any QMP command
vmfleet down                        # no QEMU and no file is left
# README ends
