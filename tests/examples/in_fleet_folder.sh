#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs an example in a folder whose fleet is made of tiny guests, and looks for what it left.
# usage: in_fleet_folder.sh VMFLEET TESTKIT COMMAND…
set -eu
vmfleet=$1 testkit=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
mkdir "$folder/demo"
cd "$folder/demo"
cat >vmfleet.toml <<END
[machine.vm]
count = 2
kernel = "$testkit/button.elf"
accel = "tcg"
memory = "32M"
[[machine.vm.net]]
type = "user"
forward = ["ssh:22"]
[machine.vm.ready]
serial = "vmfleet: guest ready"
END
export VMFLEET_STATE_DIR="$folder/state" XDG_CACHE_HOME="$folder/cache" HOME="$folder"
PATH=$(dirname -- "$vmfleet"):$PATH
"$@"
if [ -e "$folder/state/demo" ]; then
  echo "machines were left in $folder/state/demo" >&2
  vmfleet kill
  exit 1
fi
